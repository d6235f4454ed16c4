//! `flowgauge doctor`: what this machine can do for offload measurements, and how to close each gap.
//!
//! Probes gather, [`Report`] holds, the renderer prints. Everything is read; the only things made are throw-away
//! namespaces in which the kernel's behaviour is tried. Only [`nic`], on request, touches a port that is really there.

mod examine;
mod kernel_options;
pub mod nic;
mod nics;
mod privileges;
mod programs;
mod render;
mod report;
mod rulesets;
mod virtual_machines;

pub use examine::examine;
pub use report::{Bench, Check, Report, Section, State};
