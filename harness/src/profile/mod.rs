//! Our own sampler of the kernel: where it spends its time, seen from inside it.
//!
//! Software clocks of each CPU (`event`) interrupt it at fixed periods and write the kernel's stack into a buffer
//! (`ring`, `record`); [`Sampler::stop`] gives the addresses their names (`symbols`) and makes a
//! [`Profile`](flowgauge_reports::profile::Profile) of them. User space and idle are left out. Needs root, and nothing
//! else: no `perf`, no performance counters, so it works in a VM; under the instruction clock of a VM one nanosecond
//! is one instruction, and the shares are those of instructions.
//!
//! What runs with interrupts off is seen where they come on again (`_raw_spin_unlock_irqrestore`).

mod error;
mod event;
mod record;
mod ring;
mod sampler;
mod symbols;

pub use error::ProfileError;
pub use sampler::{SHORTEST_PERIOD_NS, Sampler};
