//! What a caller says of a VM before it is booted.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use super::{Accel, ROUTER_MODULES, VmError, boot::OWN_BINARY};

/// A module file of the host's, to be loaded into the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtraModule {
    /// An uncompressed ELF object, built for the kernel that is booted.
    pub path: PathBuf,
    /// `name=value` separated by spaces, as insmod takes them; may be empty.
    pub parameters: String,
}

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
    /// Module files that are no part of the kernel's modules, loaded in this order after all others. One that does not
    /// load ends the boot with what the kernel said.
    pub extra_modules: Vec<ExtraModule>,
    /// Words for the kernel's command line, after those of the VM itself: `slub_debug=FZPU`, `loglevel=7`.
    pub kernel_arguments: Vec<String>,
    /// How long the way to the worker may take.
    pub boot_timeout: Duration,
    /// A folder for the console and the initramfs; created if need be.
    pub run_dir: PathBuf,
}

impl VmOptions {
    /// Two CPUs, 1 GiB, the router's modules, 180 s to boot: 10 s is usual under TCG, and on two cores with six times as
    /// much to do three guests at once took more than 60 s.
    pub fn new(run_dir: impl Into<PathBuf>, worker_argv: Vec<String>) -> Self {
        Self {
            cpus: 2,
            memory_mib: 1024,
            accel: Accel::Auto,
            worker_argv,
            environment: Vec::new(),
            modules: ROUTER_MODULES.iter().map(|&name| name.into()).collect(),
            extra_modules: Vec::new(),
            kernel_arguments: Vec::new(),
            boot_timeout: Duration::from_secs(180),
            run_dir: run_dir.into(),
        }
    }

    /// What can be told to be wrong before anything is made.
    pub(super) fn check(&self) -> Result<(), VmError> {
        if self.worker_argv.is_empty() || self.cpus == 0 || self.memory_mib < 256 {
            return Err(VmError::Options("it needs a worker, a CPU and 256 MiB".into()));
        }
        if self.accel == Accel::Instructions && self.cpus != 1 {
            return Err(VmError::Options(format!("the instruction clock needs one CPU, not {}", self.cpus)));
        }
        Ok(())
    }
}

/// Lets the guest run this binary from its memory when that is what the host asks for: it is there
/// even when the file lies under /tmp or was replaced by a new build.
pub(super) fn own_binary_first(mut argv: Vec<String>) -> Vec<String> {
    let own = std::env::current_exe().and_then(|path| path.canonicalize()).ok();
    let asked = argv.first().map(Path::new).and_then(|path| path.canonicalize().ok());
    if own.is_some() && own == asked {
        argv[0] = OWN_BINARY.into();
    }
    argv
}
