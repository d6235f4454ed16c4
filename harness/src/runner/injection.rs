//! Faults that flowgauge puts into itself, so that its tests can see what a user sees when things go wrong.

use std::fs;

use serde::{Deserialize, Serialize};

/// A fault in the middle of a run, at the second trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Injection {
    /// The kernel under test panics; only in a VM of ours.
    GuestPanic,
    /// The kernel under test complains on its console; only in a VM of ours.
    GuestComplaint,
    /// The worker panics.
    WorkerPanic,
}

impl Injection {
    /// Does it, when `trial` is the second and the fault is ours to make.
    pub(super) fn strike(self, trial: usize, own_machine: bool) {
        match self {
            Injection::GuestPanic if trial == 1 && own_machine => {
                // SysRq `c`: a NULL dereference in the kernel (drivers/tty/sysrq.c). Where it is not built in nothing
                // happens, and the test that waits for the panic fails.
                let _ = fs::write("/proc/sysrq-trigger", "c");
            }
            Injection::GuestComplaint if trial == 1 && own_machine => {
                // In the words of a WARN_ON (kernel/panic.c), and urgent enough for a quiet console.
                let _ = fs::write("/dev/kmsg", "<1>WARNING: CPU: 0 PID: 1 at net/injected.c:1 injected+0x0/0x10\n");
            }
            Injection::WorkerPanic if trial == 1 => panic!("told to panic by --inject worker-panic"),
            Injection::GuestPanic | Injection::GuestComplaint | Injection::WorkerPanic => {}
        }
    }
}
