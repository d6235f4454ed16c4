//! The reference NIC, in a VM: this same program runs there as `doctor --nic nic0 --peer nic1 --json`.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use flowgauge_topologies::kernel::{self, DebianVersion, Image, KernelError, KernelSpec};
use flowgauge_topologies::nic;
use flowgauge_topologies::vm::{ExtraModule, Vm, VmError, VmOptions};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};

use super::report::NicReport;

/// The ports of the reference NIC that are tried.
const PORTS: [&str; 2] = ["nic0", "nic1"];
/// The program in the guest ends its findings in some 15 s, under emulation too.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often the thread that waits for the guest looks whether somebody wants it to stop.
const ATTENTION: Duration = Duration::from_millis(200);
/// How long an interrupted boot may take to end by itself.
const BOOT_GRACE: Duration = Duration::from_secs(20);

/// Why the reference NIC could not be tried.
#[derive(Debug, Error)]
pub enum ReferenceError {
    /// The host's kernel was asked for.
    #[error(
        "the reference NIC's driver is loaded in flowgauge's own VMs only; choose a kernel for one: --kernel debian:6.12"
    )]
    OnTheHost,
    /// No kernel.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// No driver for it.
    #[error(transparent)]
    Nic(#[from] nic::NicError),
    /// No VM.
    #[error(transparent)]
    Vm(#[from] VmError),
    /// The guest's program did not report.
    #[error("the guest reported nothing: {0}")]
    NoReport(String),
    /// The guest's kernel complained.
    #[error("the guest's kernel complained: {}", .0.join("; "))]
    Complaints(Vec<String>),
    /// Something of the host failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried.
        doing: &'static str,
        /// What came back.
        source: io::Error,
    },
    /// The user stopped it. The VM is gone.
    #[error("interrupted")]
    Interrupted,
}

/// Boots `kernel` (by default Debian's 6.12) with the reference NIC, tries its ports, and shows the findings if asked.
/// A path as kernel comes with its `modules`. `progress` is told each step. Ctrl-C ends the VM and leaves nothing.
pub fn examine(
    kernel: &KernelSpec,
    modules: Option<&Path>,
    findings: bool,
    progress: &dyn Fn(&str),
) -> Result<NicReport, ReferenceError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(io("starting an event loop"))?;
    let order = Order { kernel: kernel.clone(), modules: modules.map(Path::to_owned), findings };
    let (tell, told) = mpsc::channel();
    let (stop, stopped) = mpsc::channel();
    let (done, mut outcome) = tokio::sync::oneshot::channel();
    // QEMU ends with the thread that started it (PR_SET_PDEATHSIG), so one thread boots it and waits for it.
    let body = move || {
        let _ = done.send(order.run(&|step: &str| drop(tell.send(step.to_owned())), &stopped));
    };
    let keeper =
        thread::Builder::new().name("vm".to_owned()).spawn(body).map_err(io("starting a thread for the VM"))?;
    let answer = runtime.block_on(async {
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        let mut tick = tokio::time::interval(ATTENTION);
        loop {
            tokio::select! {
                answer = &mut outcome => return Ok(Some(answer)),
                _ = interrupt.recv() => return Ok(None),
                _ = terminate.recv() => return Ok(None),
                _ = tick.tick() => {}
            }
            told.try_iter().for_each(|step| progress(&step));
        }
    });
    let answer = match answer.map_err(io("listening for signals"))? {
        Some(answer) => answer.unwrap_or_else(|_| Err(ReferenceError::NoReport("its thread ended".to_owned()))),
        None => {
            drop(stop);
            // A boot cannot be stopped half way; what it has made goes with its end.
            let deadline = Instant::now() + BOOT_GRACE;
            while !keeper.is_finished() && Instant::now() < deadline {
                thread::sleep(ATTENTION);
            }
            return Err(ReferenceError::Interrupted);
        }
    };
    told.try_iter().for_each(|step| progress(&step));
    answer
}

struct Order {
    kernel: KernelSpec,
    modules: Option<PathBuf>,
    findings: bool,
}

impl Order {
    fn run(self, progress: &dyn Fn(&str), stop: &mpsc::Receiver<()>) -> Result<NicReport, ReferenceError> {
        let cache = kernel::cache_dir()?;
        let image = match &self.kernel {
            KernelSpec::Host => return Err(ReferenceError::OnTheHost),
            KernelSpec::Path(path) => Image::from_path(path, self.modules.as_deref())?,
            KernelSpec::Auto => kernel::debian::fetch(DebianVersion::DEFAULT, &cache, progress)?,
            KernelSpec::Debian(version) => kernel::debian::fetch(*version, &cache, progress)?,
        };
        let driver = nic::module(&image, &cache, progress)?;
        let own = std::env::current_exe().map_err(io("finding this program"))?;
        let own = own.to_string_lossy();
        let [port, peer] = PORTS;
        let mut words = vec![&*own, "doctor", "--nic", port, "--peer", peer, "--json"];
        if self.findings {
            words.push("--findings");
        }
        let run_dir = std::env::temp_dir().join(format!("flowgauge-doctor-{}", std::process::id()));
        let mut options = VmOptions::new(run_dir, words.into_iter().map(str::to_owned).collect());
        options.extra_modules.push(ExtraModule { path: driver, parameters: String::new() });
        let mut vm = Vm::boot(&image, options, progress)?;
        progress("trying its ports");
        let text = listen(&mut vm, stop)?;
        let complaints: Vec<String> = vm.findings().iter().map(|finding| finding.lines.join(" | ")).collect();
        match serde_json::from_str(&text) {
            Ok(_) if !complaints.is_empty() => Err(ReferenceError::Complaints(complaints)),
            Ok(report) => Ok(report),
            Err(error) => Err(ReferenceError::NoReport(format!("{error}; it said: {}", explain(&mut vm, &text)))),
        }
    }
}

/// Reads what the guest's program prints until it ends. The channel itself ends with the VM only.
fn listen(vm: &mut Vm, stop: &mpsc::Receiver<()>) -> Result<String, ReferenceError> {
    let channel = vm.channel().map_err(io("opening the VM's channel"))?;
    channel.set_read_timeout(Some(ATTENTION)).map_err(io("setting a timeout"))?;
    let mut lines = BufReader::new(channel);
    let (mut text, deadline) = (String::new(), Instant::now() + PATIENCE);
    loop {
        match lines.read_line(&mut text) {
            // The report is one JSON object, printed over several lines: its last line is a closing brace alone.
            Ok(0) => return Ok(text),
            Ok(_) if text.ends_with("\n}\n") => return Ok(text),
            Ok(_) => {}
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                let interrupted = matches!(stop.try_recv(), Err(mpsc::TryRecvError::Disconnected));
                match () {
                    () if interrupted => return Err(ReferenceError::Interrupted),
                    () if !vm.is_alive() || Instant::now() > deadline => return Ok(text),
                    () => {}
                }
            }
            Err(source) => return Err(ReferenceError::Io { doing: "reading the VM's channel", source }),
        }
    }
}

/// The end of the guest's console, where its program wrote why it failed.
fn explain(vm: &mut Vm, text: &str) -> String {
    let notes = vm.notes().join("; ");
    format!("{} {notes} {}", text.trim(), vm.diagnose())
}

fn io(doing: &'static str) -> impl FnOnce(io::Error) -> ReferenceError {
    move |source| ReferenceError::Io { doing, source }
}
