//! A VM from boot to end.

use std::{
    os::{fd::AsRawFd, unix::net::UnixStream},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{
    Accel, Acceleration, ConsoleFinding, FindingKind, VmError, VmOptions,
    accel::kvm_verdict,
    boot::Notice,
    console::scan,
    death::{DeathKind, Exit, GuestDeath},
    initramfs::{self, BASE_MODULES},
    options::own_binary_first,
    qemu::{self, Machine},
    vmlinux,
    watch::{State, Watch},
};
use crate::kernel::{Image, ModuleTree, cache_dir};

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
        match Self::boot_once(image, options.clone(), progress) {
            Err(VmError::BootDied(death)) if death.is_stale_breakpoint() && options.accel != Accel::Kvm => {
                progress("QEMU executed a breakpoint that the kernel had already taken away; booting a second time");
                Self::boot_once(image, options, progress)
            }
            booted => booted,
        }
    }

    fn boot_once(image: &Image, options: VmOptions, progress: &dyn Fn(&str)) -> Result<Self, VmError> {
        let began = Instant::now();
        qemu::find()?;
        options.check()?;
        let VmOptions { cpus, memory_mib, accel, boot_timeout, run_dir, .. } = options;
        std::fs::create_dir_all(&run_dir).map_err(VmError::io("create", &run_dir))?;
        progress(&format!("preparing kernel {}", image.release));
        let cache = cache_dir().ok();
        let kernel = vmlinux::unpacked(image, cache.as_deref());
        let (acceleration, reason) = choose(accel, &kernel, cache.as_deref(), &run_dir)?;
        let asked = options.modules.iter().map(String::as_str);
        let wanted: Vec<&str> = BASE_MODULES.iter().copied().chain(asked).collect();
        let mut modules = ModuleTree::open(&image.modules)?.resolve(&wanted)?;
        // Ours are asked for in every kernel; some need them, the others have no such module.
        modules.absent.retain(|name| !BASE_MODULES.contains(&name.as_str()));
        let initramfs = run_dir.join("initramfs.cpio");
        let worker = own_binary_first(options.worker_argv);
        let archive = initramfs::build(&modules, &options.extra_modules, worker, options.environment)?;
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
            kernel_arguments: &options.kernel_arguments,
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
        let failed = self.watch.state().notices.iter().find_map(|(_, notice)| match notice {
            Notice::Failed(why) => Some(why.clone()),
            _ => None,
        });
        let death = Box::new(self.diagnose());
        match status {
            // What init says of it is better than what can be read from the end of the console.
            _ if failed.is_some() && !matches!(death.kind, DeathKind::Panic | DeathKind::Oops) => {
                Err(VmError::Init { why: failed.unwrap_or_default(), console: death.console_path })
            }
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
        GuestDeath::read(&self.watch.state(), &self.watch.console)
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
