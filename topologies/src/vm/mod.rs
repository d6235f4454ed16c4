//! A kernel in a VM: QEMU boots an [`Image`](crate::kernel::Image) with a small initramfs whose init
//! is this very binary; in the guest it mounts the host's root read-only and starts the worker, whose
//! stdin and stdout are a byte channel to the host.
//!
//! No privilege is needed. A program that boots VMs must begin its `main` with
//! `if vm::is_guest_init() { vm::guest_init() }`.
//!
//! On the kernel's command line: mitigations stay as the kernel chooses them (a forwarding path is
//! measured as it is shipped); address randomisation is off (repeatable, and a shorter boot).

mod accel;
mod boot;
mod console;
mod cpio;
mod death;
mod error;
mod guest;
mod initramfs;
mod machine;
mod module_load;
mod mounts;
mod options;
mod own_binary;
mod qemu;
mod vmlinux;
mod watch;

pub use accel::{Accel, Acceleration, KvmVerdict, kvm_verdict};
pub use console::{ConsoleFinding, FindingKind, scan};
pub use death::{DeathKind, Exit, GuestDeath};
pub use error::VmError;
pub use guest::{guest_init, is_guest_init};
pub use initramfs::{CONFORM_MODULES, CONFORM_NIC_PARAMETERS, ROUTER_MODULES};
pub use machine::{BootTimes, Vm};
pub use options::{ExtraModule, VmOptions};
