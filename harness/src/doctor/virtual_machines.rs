//! What a kernel in a VM would need: QEMU, KVM or patience, and a kernel.

use std::fs::{self, OpenOptions};
use std::path::Path;

use flowgauge_topologies::kernel::{CachedKernel, cache_dir, list_cached};

use super::programs;
use super::report::Check;

const QEMU: &str = "qemu-system-x86_64";
/// What `--kernel auto` boots.
pub(super) const KERNEL: &str = "debian:6.12";

/// What was found of a VM's parts.
pub(super) struct Parts {
    pub(super) checks: Vec<Check>,
    /// Why no VM can be had; none where one can.
    pub(super) missing: Option<String>,
}

/// Looks for QEMU, KVM and kernels.
pub(super) fn parts() -> Parts {
    let qemu = programs::version(QEMU, "--version");
    let cache = cache_dir();
    let kernels = cache.as_deref().map(list_cached).unwrap_or_default();
    let fetchable = programs::version("apt-get", "--version").is_ok();
    let kvm = cache.as_deref().map_or_else(|_| kvm(Path::new("")), kvm);
    let missing = match (&qemu, kernels.is_empty() && !fetchable) {
        (Err(error), _) => Some(format!("{QEMU} is {error}")),
        (_, true) => Some("there is no kernel in the cache and no apt-get to fetch one".to_owned()),
        _ => None,
    };
    Parts { checks: vec![emulator(qemu), kvm, cached(&kernels, fetchable)], missing }
}

fn emulator(qemu: Result<String, String>) -> Check {
    match qemu {
        Ok(version) => Check::ok("QEMU", version),
        Err(error) => Check::gap("QEMU", format!("{QEMU} {error}"), "apt-get install qemu-system-x86"),
    }
}

/// What is known of KVM. A /dev/kvm that opens may still boot no kernel: the first run in a VM tries, and leaves its
/// verdict in the cache. It is read here, and nothing is booted.
fn kvm(cache: &Path) -> Check {
    if let Err(error) = OpenOptions::new().read(true).write(true).open("/dev/kvm") {
        return Check::info("KVM", format!("/dev/kvm: {error}; VMs run emulated (TCG): ratios hold, speeds do not"));
    }
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let verdict = fs::read(cache.join("kvm-verdict.json")).ok();
    let verdict = verdict.and_then(|bytes| serde_json::from_slice::<serde_json::Value>(&bytes).ok());
    let verdict = verdict.filter(|verdict| verdict["host"].as_str().is_some_and(|host| host.starts_with(boot.trim())));
    match verdict.as_ref().and_then(|verdict| Some((verdict["works"].as_bool()?, verdict["evidence"].as_str()?))) {
        Some((true, _)) => Check::ok("KVM", "boots a kernel (tried since this machine started)"),
        Some((false, evidence)) => {
            Check::info("KVM", format!("/dev/kvm opens and boots no kernel ({evidence}); VMs run emulated (TCG)"))
        }
        None => Check::info("KVM", "/dev/kvm opens; whether a kernel boots with it is tried at the first run in a VM"),
    }
}

fn cached(kernels: &[CachedKernel], fetchable: bool) -> Check {
    let names: Vec<String> =
        kernels.iter().map(|kernel| format!("{} ({})", kernel.spec, kernel.image.release)).collect();
    match (names.is_empty(), fetchable) {
        (false, _) => Check::ok("kernels in the cache", names.join(", ")),
        (true, true) => Check::info("kernels in the cache", "none yet; apt-get fetches one at the first run in a VM"),
        (true, false) => Check::gap(
            "kernels in the cache",
            "none, and there is no apt-get to fetch one",
            "--kernel PATH --modules DIR boots a kernel of your own",
        ),
    }
}
