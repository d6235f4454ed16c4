//! A VM from boot to end.

use std::{
    os::{fd::AsRawFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    Accel, Acceleration, ConsoleFinding, FindingKind, VmError,
    accel::kvm_verdict,
    boot::{Notice, OWN_BINARY},
    console::{scan, worst},
    death::{DeathKind, Exit, GuestDeath},
    initramfs::{self, BASE_MODULES},
    qemu::{self, Machine},
    vmlinux,
    watch::{State, Watch},
};
use crate::kernel::{Image, ModuleTree, cache_dir};

/// How a VM is to be.
#[derive(Debug, Clone)]
pub struct VmOptions {
    /// Virtual CPUs.
    pub cpus: u32,
    /// Memory in MiB; at least 256.
    pub memory_mib: u32,
    /// What runs it.
    pub accel: Accel,
    /// What to run in the guest, by its path on the host. The path of this very binary is served from
    /// memory; every other one over 9p.
    pub worker_argv: Vec<String>,
    /// Environment of the worker, beside PATH and HOME.
    pub environment: Vec<(String, String)>,
    /// Modules to load, besides those that the VM itself needs. Dependencies are found.
    pub modules: Vec<String>,
    /// How long the way to the worker may take.
    pub boot_timeout: Duration,
    /// A folder for the console and the initramfs; created if need be.
    pub run_dir: PathBuf,
}

impl VmOptions {
    /// Two CPUs, 1 GiB, the router's modules, 60 s to boot.
    pub fn new(run_dir: impl Into<PathBuf>, worker_argv: Vec<String>) -> Self {
        Self {
            cpus: 2,
            memory_mib: 1024,
            accel: Accel::Auto,
            worker_argv,
            environment: Vec::new(),
            modules: super::ROUTER_MODULES.iter().map(|&name| name.into()).collect(),
            boot_timeout: Duration::from_secs(60),
            run_dir: run_dir.into(),
        }
    }
}

/// Where the time of a boot went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BootTimes {
    /// On the host, before QEMU: modules, initramfs, and the first time the proof of KVM.
    pub prepare: Duration,
    /// From QEMU's start to our init.
    pub kernel: Duration,
    /// From init to the worker: loading modules, mounting the host's root.
    pub init: Duration,
}

/// A running VM. Dropping it ends it and removes what it made; the console stays when it shows trouble.
pub struct Vm {
    watch: Watch,
    channel: UnixStream,
    run_dir: PathBuf,
    acceleration: Acceleration,
    reason: String,
    absent: Vec<String>,
    times: BootTimes,
    keep_console: bool,
}

impl Vm {
    /// Boots the image and returns when the worker is being executed. `progress` is told each step.
    pub fn boot(image: &Image, options: VmOptions, progress: &dyn Fn(&str)) -> Result<Self, VmError> {
        let began = Instant::now();
        qemu::find()?;
        let VmOptions { cpus, memory_mib, accel, worker_argv, environment, modules, boot_timeout, run_dir } = options;
        if worker_argv.is_empty() || cpus == 0 || memory_mib < 256 {
            return Err(VmError::Options("it needs a worker, a CPU and 256 MiB".into()));
        }
        if accel == Accel::Instructions && cpus != 1 {
            return Err(VmError::Options(format!("the instruction clock needs one CPU, not {cpus}")));
        }
        std::fs::create_dir_all(&run_dir).map_err(VmError::io("create", &run_dir))?;
        progress(&format!("preparing kernel {}", image.release));
        let cache = cache_dir().ok();
        let kernel = vmlinux::unpacked(image, cache.as_deref());
        let (acceleration, reason) = choose(accel, &kernel, cache.as_deref(), &run_dir)?;
        let wanted: Vec<&str> = BASE_MODULES.iter().copied().chain(modules.iter().map(String::as_str)).collect();
        let mut modules = ModuleTree::open(&image.modules)?.resolve(&wanted)?;
        // Ours are asked for in every kernel; some need them, the others have no such module.
        modules.absent.retain(|name| !BASE_MODULES.contains(&name.as_str()));
        let initramfs = run_dir.join("initramfs.cpio");
        let archive = initramfs::build(&modules, own_binary_first(worker_argv), environment)?;
        std::fs::write(&initramfs, archive).map_err(VmError::io("write", &initramfs))?;
        let (channel, theirs) = UnixStream::pair().map_err(VmError::io("create", "a socket pair"))?;
        progress(&format!("booting kernel {} under {}", image.release, acceleration.name()));
        let started = Instant::now();
        let machine = Machine {
            kernel: &kernel,
            initramfs: &initramfs,
            cpus,
            memory_mib,
            acceleration,
            channel: Some(theirs.as_raw_fd()),
        };
        let watch = Watch::start(machine.command()?, &run_dir)?;
        drop(theirs);
        let times = BootTimes { prepare: started - began, kernel: Duration::ZERO, init: Duration::ZERO };
        let mut vm =
            Self { watch, channel, run_dir, acceleration, reason, absent: modules.absent, times, keep_console: true };
        vm.reach_worker(started, boot_timeout)?;
        vm.keep_console = false;
        Ok(vm)
    }

    fn reach_worker(&mut self, started: Instant, limit: Duration) -> Result<(), VmError> {
        let decided = |notice: &Notice| matches!(notice, Notice::Worker | Notice::Failed(_));
        let in_time = self.watch.wait_until(limit, |state| state.ended.is_some() || state.when(decided).is_some());
        let state = self.watch.state();
        let (init, worker) = (state.when(|n| *n == Notice::Init), state.when(|n| *n == Notice::Worker));
        let status = state.ended;
        drop(state);
        if let (Some(init), Some(worker)) = (init, worker) {
            (self.times.kernel, self.times.init) = (init - started, worker - init);
            return Ok(());
        }
        let death = Box::new(self.diagnose());
        match status {
            _ if !in_time => Err(VmError::BootTimeout { limit, accel: self.acceleration.name().into(), death }),
            Some(status) if init.is_none() && death.kind == DeathKind::Exited => {
                let stderr = std::fs::read_to_string(&self.watch.stderr).unwrap_or_default();
                Err(VmError::QemuEnded { status: status.to_string(), stderr: stderr.trim().into() })
            }
            _ => Err(VmError::BootDied(death)),
        }
    }

    /// The worker's stdin and stdout. Shutting down one direction closes both: a protocol on it must
    /// say itself where its input ends.
    pub fn channel(&self) -> std::io::Result<UnixStream> {
        self.channel.try_clone()
    }

    /// Waits for the worker's end.
    pub fn wait(&mut self, limit: Duration) -> Exit {
        let ends = |n: &Notice| matches!(n, Notice::Exited(_) | Notice::Signalled(_) | Notice::Failed(_));
        self.watch.wait_until(limit, |state| state.ended.is_some() || state.when(ends).is_some());
        let state = self.watch.state();
        let (running, exit) = (state.ended.is_none(), state.notices.iter().rev().find(|(_, n)| ends(n)).cloned());
        drop(state);
        match exit {
            Some((_, Notice::Exited(code))) => Exit::Code(code),
            Some((_, Notice::Signalled(signal))) => Exit::Signal(signal),
            None if running => Exit::StillRunning,
            _ => Exit::Died(self.diagnose()),
        }
    }

    /// Whether QEMU runs and the worker has not ended.
    pub fn is_alive(&self) -> bool {
        let state = self.watch.state();
        state.ended.is_none() && state.when(|n| matches!(n, Notice::Exited(_) | Notice::Signalled(_))).is_none()
    }

    /// What became of the guest, as far as its console tells. For a caller whose channel fell silent
    /// or ended; the console is kept from then on.
    pub fn diagnose(&mut self) -> GuestDeath {
        self.keep_console = true;
        // A panicking guest writes its trace first and ends QEMU after.
        let panics = |s: &State| scan(&s.text).iter().any(|f| f.kind == FindingKind::Panic);
        if panics(&self.watch.state()) {
            self.watch.wait_until(Duration::from_secs(2), |state| state.ended.is_some());
        }
        let state = self.watch.state();
        let findings = scan(&state.text);
        let worst = worst(&findings);
        let kind = match (worst.map(|finding| finding.kind), state.ended) {
            (Some(FindingKind::Panic), _) => DeathKind::Panic,
            (Some(FindingKind::Oops), _) => DeathKind::Oops,
            _ if state.killed => DeathKind::Killed,
            (_, None) => DeathKind::Silent,
            (_, Some(status)) if status.code().is_none() => DeathKind::Killed,
            (_, Some(_)) => DeathKind::Exited,
        };
        let console_excerpt = match worst {
            // What led to a panic stands before it: the oops is as telling as the panic.
            Some(_) => {
                let lines = findings.iter().flat_map(|f| &f.lines);
                // Frames with a question mark are what else lay on the stack.
                let sure = lines.filter(|line| !line.trim_start().starts_with("? "));
                sure.take(60).cloned().collect::<Vec<_>>().join("\n")
            }
            None => last_lines(&state.text, 20),
        };
        GuestDeath { kind, console_excerpt, console_path: self.watch.console.clone() }
    }

    /// Trouble on the console so far, warnings included.
    pub fn findings(&self) -> Vec<ConsoleFinding> {
        scan(&self.watch.state().text)
    }

    /// What init could not do but went on without: modules that did not load, mounts that failed.
    pub fn notes(&self) -> Vec<String> {
        let state = self.watch.state();
        let notes = state
            .notices
            .iter()
            .filter_map(|(_, n)| if let Notice::Note(what) = n { Some(what.clone()) } else { None });
        notes.collect()
    }

    /// Ends the guest at once.
    pub fn kill(&mut self) {
        self.watch.kill();
    }

    /// What runs it, and why that and not something else.
    pub fn acceleration(&self) -> (Acceleration, &str) {
        (self.acceleration, &self.reason)
    }

    /// Modules asked for that this kernel neither has nor has built in.
    pub fn absent_modules(&self) -> &[String] {
        &self.absent
    }

    /// Where the time of the boot went.
    pub fn boot_times(&self) -> BootTimes {
        self.times
    }

    /// QEMU's process id: for CPU accounting.
    pub fn qemu_pid(&self) -> u32 {
        self.watch.pid()
    }

    /// Where the console is written.
    pub fn console_path(&self) -> &Path {
        &self.watch.console
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        self.watch.kill();
        let keep = self.keep_console || !self.findings().is_empty();
        let _ = std::fs::remove_file(self.run_dir.join("initramfs.cpio"));
        if !keep {
            let _ = std::fs::remove_file(&self.watch.console);
        }
        let _ = std::fs::remove_file(&self.watch.stderr);
        // Succeeds only when nothing of ours or of the caller's is left in it.
        let _ = std::fs::remove_dir(&self.run_dir);
    }
}

fn choose(
    accel: Accel,
    kernel: &Path,
    cache: Option<&Path>,
    run_dir: &Path,
) -> Result<(Acceleration, String), VmError> {
    let asked = || "asked for".to_owned();
    match accel {
        Accel::Tcg => Ok((Acceleration::Tcg, asked())),
        Accel::Instructions => Ok((Acceleration::Instructions, asked())),
        Accel::Auto | Accel::Kvm => {
            let verdict = kvm_verdict(kernel, cache, run_dir)?;
            match (verdict.works, accel) {
                (true, _) => Ok((Acceleration::Kvm, verdict.evidence)),
                (false, Accel::Kvm) => Err(VmError::NoKvm { evidence: verdict.evidence }),
                (false, _) => Ok((Acceleration::Tcg, verdict.evidence)),
            }
        }
    }
}

/// Lets the guest run this binary from its memory when that is what the host asks for: it is there
/// even when the file lies under /tmp or was replaced by a new build.
fn own_binary_first(mut argv: Vec<String>) -> Vec<String> {
    let own = std::env::current_exe().and_then(|path| path.canonicalize()).ok();
    let asked = argv.first().map(Path::new).and_then(|path| path.canonicalize().ok());
    if own.is_some() && own == asked {
        argv[0] = OWN_BINARY.into();
    }
    argv
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}
