//! What runs the guest's instructions. KVM is used only where it is proven: a /dev/kvm that opens
//! may still not boot a kernel (nested virtualisation switched off half way).

use std::{path::Path, time::Duration};

use serde::{Deserialize, Serialize};

use super::{VmError, boot::Notice, initramfs, qemu::Machine, watch::Watch};
use crate::kernel::LoadOrder;

/// What the user wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accel {
    /// KVM where it is proven to work, else TCG.
    #[default]
    Auto,
    /// KVM or an error.
    Kvm,
    /// Emulation, one host thread per virtual CPU.
    Tcg,
    /// Emulation of one CPU whose clock counts instructions: one virtual nanosecond each.
    Instructions,
}

/// What runs the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Acceleration {
    /// Hardware virtualisation.
    Kvm,
    /// QEMU's translator: ratios are meaningful, absolute rates are not.
    Tcg,
    /// QEMU's translator with the instruction clock.
    Instructions,
}

impl Acceleration {
    /// Its name in a sentence.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kvm => "KVM",
            Self::Tcg => "TCG",
            Self::Instructions => "TCG with the instruction clock",
        }
    }

    /// Words for the guest's kernel. Under the instruction clock nothing may run beside what is measured that differs
    /// from boot to boot: no watchdogs, no random places of code and data, no sampling of memory errors.
    pub(super) fn kernel_words(self) -> &'static [&'static str] {
        match self {
            Self::Kvm | Self::Tcg => &[],
            Self::Instructions => &[
                "norandmaps",
                "nowatchdog",
                "nosoftlockup",
                "audit=0",
                "kfence.sample_interval=0",
                "transparent_hugepage=never",
                "damon_stat.enabled=0",
            ],
        }
    }

    pub(super) fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Kvm => &["-accel", "kvm", "-cpu", "host"],
            Self::Tcg => &["-accel", "tcg,thread=multi", "-cpu", "max"],
            // `-seed`: what the CPU gives as random is the same in every boot, and with it the seeds of hash tables.
            // `-rtc`: the guest's date does not run by the host's clock.
            Self::Instructions => &[
                "-accel",
                "tcg,thread=single",
                "-cpu",
                "max",
                "-icount",
                "shift=0,sleep=off",
                "-seed",
                "7",
                "-rtc",
                "base=2026-01-01T00:00:00,clock=vm",
            ],
        }
    }
}

/// Whether a kernel boots under KVM on this host, and how that is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KvmVerdict {
    /// It reached our init.
    pub works: bool,
    /// What was seen.
    pub evidence: String,
    /// For which boot of the host and which host kernel it holds.
    host: String,
}

/// A guest under working KVM reaches init in well under a second.
const TRIAL: Duration = Duration::from_secs(5);

/// Opens /dev/kvm and, when that succeeds, boots `kernel` with an init that only says so. The verdict
/// of a boot is kept in `cache` until the host reboots.
pub fn kvm_verdict(kernel: &Path, cache: Option<&Path>, run_dir: &Path) -> Result<KvmVerdict, VmError> {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_owned();
    let host = format!("{} {}", read("/proc/sys/kernel/random/boot_id"), read("/proc/sys/kernel/osrelease"));
    if let Err(error) = std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        // Not kept: another user, or the same one in another group, may open it.
        return Ok(KvmVerdict { works: false, evidence: format!("/dev/kvm: {error}"), host });
    }
    let kept = cache.map(|dir| dir.join("kvm-verdict.json"));
    let known = kept.as_ref().and_then(|path| serde_json::from_slice::<KvmVerdict>(&std::fs::read(path).ok()?).ok());
    if let Some(verdict) = known.filter(|verdict| verdict.host == host) {
        return Ok(verdict);
    }
    let (works, evidence) = trial(kernel, run_dir)?;
    let verdict = KvmVerdict { works, evidence, host };
    if let (Some(path), Ok(text)) = (kept, serde_json::to_vec(&verdict)) {
        // Only a shortcut for the next run.
        let _ = std::fs::write(path, text);
    }
    Ok(verdict)
}

fn trial(kernel: &Path, run_dir: &Path) -> Result<(bool, String), VmError> {
    let dir = run_dir.join("kvm-trial");
    std::fs::create_dir_all(&dir).map_err(VmError::io("create", &dir))?;
    let initramfs = dir.join("initramfs.cpio");
    let archive = initramfs::build(&LoadOrder::default(), &[], Vec::new(), Vec::new())?;
    std::fs::write(&initramfs, archive).map_err(VmError::io("write", &initramfs))?;
    let machine = Machine {
        kernel,
        initramfs: &initramfs,
        cpus: 1,
        memory_mib: 512,
        acceleration: Acceleration::Kvm,
        kernel_arguments: &[],
        channel: None,
    };
    let mut watch = Watch::start(machine.command()?, &dir)?;
    let is_init = |notice: &Notice| *notice == Notice::Init;
    watch.wait_until(TRIAL, |state| state.ended.is_some() || state.when(is_init).is_some());
    let state = watch.state();
    let (booted, ended) = (state.when(is_init).is_some(), state.ended);
    drop(state);
    watch.kill();
    let complaint = std::fs::read_to_string(&watch.stderr).unwrap_or_default();
    drop(watch);
    let _ = std::fs::remove_dir_all(&dir);
    let complaint = complaint.lines().next().unwrap_or("no message");
    let evidence = match (booted, ended) {
        (true, _) => "a kernel booted under KVM".to_owned(),
        (false, Some(status)) => format!("a trial boot under KVM ended at once ({status}: {complaint})"),
        (false, None) => format!("a trial boot under KVM reached no init within {} s", TRIAL.as_secs()),
    };
    Ok((booted, evidence))
}
