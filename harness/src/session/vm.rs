//! A worker in a VM, on a kernel of its own.

use std::path::PathBuf;
use std::process::Command;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use flowgauge_reports::environment::{Accelerator, Clock};
use flowgauge_reports::event::{Event, Phase, Warning};
use flowgauge_topologies::kernel::{KernelSpec, cache_dir};
use flowgauge_topologies::nic;
use flowgauge_topologies::vm::{
    Accel, Acceleration, CONFORM_MODULES, CONFORM_NIC_PARAMETERS, ConsoleFinding, ExtraModule, FindingKind, Vm,
    VmOptions,
};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::UnixStream;
use tokio::sync::{mpsc as channel, oneshot};

use super::drive::{Session, Signals};
use super::link::{Body, Link};
use super::{Request, kernel};
use crate::worker::protocol::{Failure, Job};

/// How long an interrupted boot may take to end by itself.
const BOOT_GRACE: Duration = Duration::from_secs(20);

/// What the keeper's thread is told.
struct Order {
    spec: KernelSpec,
    modules: Option<PathBuf>,
    cpus: u32,
    memory_mib: u32,
    clock: Clock,
    /// Whether the reference NIC is loaded into it.
    nic: bool,
    /// Whether cases run in it, which need more of a kernel than measurements do.
    cases: bool,
    folder: PathBuf,
}

/// A VM that runs, and what the fingerprint needs of it.
struct Booted {
    vm: Vm,
    origin: String,
}

/// Fetches and boots the kernel, and fills in what the job says of it.
pub(super) async fn start(
    request: &Request,
    spec: KernelSpec,
    job: &mut Job,
    session: &mut Session,
    signals: &mut Signals,
) -> Result<Link, Failure> {
    let order = Order {
        spec,
        modules: request.modules.clone(),
        cpus: request.cpus,
        memory_mib: request.memory_mib,
        clock: request.clock,
        nic: request.has_nic(),
        cases: request.conform.is_some(),
        folder: session.folder().join(if request.lost == 0 {
            "vm".to_owned()
        } else {
            format!("vm-{}", request.lost + 1)
        }),
    };
    let (tell, mut told) = channel::unbounded_channel();
    let (done, mut booted) = oneshot::channel();
    let (hold, held) = mpsc::channel::<()>();
    // QEMU ends with the thread that started it (PR_SET_PDEATHSIG), so that thread must live as long as the link.
    let keeper = std::thread::Builder::new().name("vm".to_owned()).spawn(move || {
        // An interrupted caller is gone: the VM is dropped here, and with it all that it made.
        let _ = done.send(boot(order, &tell));
        let _ = held.recv();
    });
    keeper.map_err(|e| Failure::environment(format!("cannot start a thread for the VM: {e}")))?;
    let Booted { vm, origin } = loop {
        tokio::select! {
            Some((phase, text)) = told.recv() => session.progress(phase, text)?,
            outcome = &mut booted => break outcome.map_err(Failure::environment)??,
            () = signals.any() => {
                // What has been started must be taken down before we go.
                let _ = tokio::time::timeout(BOOT_GRACE, booted).await;
                return Err(Failure::interrupted());
            }
        }
    };
    job.kernel_origin = origin;
    job.accelerator = match vm.acceleration().0 {
        Acceleration::Kvm => Accelerator::Kvm,
        Acceleration::Tcg | Acceleration::Instructions => Accelerator::Tcg,
    };
    job.host_tools.extend(qemu_version().map(|version| ("qemu".to_owned(), version)));
    let times = vm.boot_times();
    session.progress(
        Phase::Boot,
        format!(
            "booted under {} in {:.1} s ({})",
            vm.acceleration().0.name(),
            (times.kernel + times.init).as_secs_f64(),
            vm.acceleration().1
        ),
    )?;
    let stream = vm.channel().and_then(|s| s.set_nonblocking(true).map(|()| s)).and_then(UnixStream::from_std);
    let (events, replies) = stream.map_err(|e| Failure::environment(format!("the VM's channel: {e}")))?.into_split();
    Ok(Link::new(events, replies, Box::new(Guest { vm, _hold: hold })))
}

fn boot(order: Order, tell: &channel::UnboundedSender<(Phase, String)>) -> Result<Booted, Failure> {
    let say = |phase: Phase| {
        move |text: &str| {
            // Nobody listens any more when the run was interrupted.
            let _ = tell.send((phase, text.to_owned()));
        }
    };
    let (image, origin) = kernel::resolve(&order.spec, order.modules.as_ref(), &say(Phase::Kernel))?;
    let program =
        std::env::current_exe().map_err(|e| Failure::environment(format!("cannot find this program: {e}")))?;
    let worker = vec![program.to_string_lossy().into_owned(), "worker".to_owned()];
    let mut options = VmOptions::new(order.folder, worker);
    options.cpus = order.cpus;
    if order.clock == Clock::Instructions {
        (options.accel, options.cpus) = (Accel::Instructions, 1);
    }
    options.memory_mib = order.memory_mib;
    if order.cases {
        options.modules.extend(CONFORM_MODULES.iter().map(|&name| name.to_owned()));
    }
    if order.nic {
        let cache = cache_dir().map_err(Failure::environment)?;
        let path = nic::module(&image, &cache, &say(Phase::Kernel)).map_err(Failure::environment)?;
        let parameters = if order.cases { CONFORM_NIC_PARAMETERS } else { "" };
        options.extra_modules.push(ExtraModule { path, parameters: parameters.to_owned() });
    }
    let vm = Vm::boot(&image, options, &say(Phase::Boot)).map_err(Failure::environment)?;
    Ok(Booted { vm, origin })
}

fn qemu_version() -> Option<String> {
    let output = Command::new("qemu-system-x86_64").arg("--version").output().ok()?;
    String::from_utf8(output.stdout).ok()?.lines().next().map(str::to_owned)
}

struct Guest {
    vm: Vm,
    _hold: mpsc::Sender<()>,
}

impl Body for Guest {
    fn explain(&mut self, silent: bool) -> String {
        let death = self.vm.diagnose();
        if silent {
            self.vm.kill();
        }
        let notes = self.vm.notes();
        let notes = if notes.is_empty() { String::new() } else { format!("\nits init said: {}", notes.join("; ")) };
        format!("the guest is lost: {death}{notes}")
    }

    fn hold(&mut self, still: bool) {
        // Its clock counts instructions, and an idle guest spends them as fast as it can (`-icount sleep=off`): a CPU that
        // the guest whose turn it is needs. By any other clock a guest would notice that it stood still.
        if self.vm.acceleration().0 == Acceleration::Instructions && self.vm.is_alive() {
            let signal = if still { Signal::SIGSTOP } else { Signal::SIGCONT };
            // A guest that is gone is noticed when it is its turn.
            let _ = kill(Pid::from_raw(self.vm.qemu_pid() as i32), signal);
        }
    }

    fn complaints(&mut self) -> Vec<Event> {
        let told = |finding: &ConsoleFinding| {
            let text = finding.lines.join(" | ");
            match finding.kind {
                // A host that gave the guest no CPU has the same look.
                FindingKind::Lockup | FindingKind::HungTask | FindingKind::OutOfMemory => Event::Warning(Warning {
                    text: format!("the guest was starved: {text}"),
                    remedy: "give it more CPU or --memory; vm/console.log beside the result has all of it".to_owned(),
                }),
                _ => Event::Complaint { text },
            }
        };
        self.vm.findings().iter().map(told).collect()
    }

    fn end(&mut self, grace: Duration) {
        let deadline = Instant::now() + grace;
        while self.vm.is_alive() && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.vm.kill();
    }
}
