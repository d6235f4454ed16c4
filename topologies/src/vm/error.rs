//! Why a VM did not come up.

use std::{path::PathBuf, time::Duration};

use super::GuestDeath;
use crate::kernel::KernelError;

/// A VM that could not be started, or did not reach its worker.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// QEMU is not installed.
    #[error(
        "a VM needs the program {program}, which is not in PATH ({searched}); install it (apt-get install qemu-system-x86), or use --kernel host"
    )]
    QemuMissing {
        /// The program looked for.
        program: &'static str,
        /// The PATH that was searched.
        searched: String,
    },
    /// QEMU ended before the guest's init ran.
    #[error("QEMU ended ({status}) before the guest booted: {stderr}")]
    QemuEnded {
        /// Its exit status.
        status: String,
        /// The end of what it wrote to stderr.
        stderr: String,
    },
    /// The guest did not start its worker in time.
    #[error(
        "the guest did not reach its worker within {} s ({accel}): {death}; if the console shows no mistake, the machine is too \
         busy: run it again with less beside it",
        limit.as_secs()
    )]
    BootTimeout {
        /// How long was waited.
        limit: Duration,
        /// What ran the guest.
        accel: String,
        /// What the console shows.
        death: Box<GuestDeath>,
    },
    /// The guest's init could not go on: a module that must load did not, a mount failed.
    #[error("the guest's init gave up: {why}; console {}", console.display())]
    Init {
        /// What init said, with the kernel's words where it has some.
        why: String,
        /// The whole console; kept.
        console: PathBuf,
    },
    /// The guest died on its way to the worker.
    #[error("the guest died while booting: {0}")]
    BootDied(Box<GuestDeath>),
    /// The kernel's files cannot be used.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// KVM was asked for by name and cannot boot a kernel here.
    #[error("KVM was asked for, but {evidence}; use TCG (slower, same kernel)")]
    NoKvm {
        /// What the trial boot showed.
        evidence: String,
    },
    /// The options contradict each other.
    #[error("the VM cannot be built so: {0}")]
    Options(String),
    /// A file, socket or process of ours could not be made.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What came back.
        source: std::io::Error,
    },
}

impl VmError {
    /// For `map_err`: names the action and the path of an I/O error.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
