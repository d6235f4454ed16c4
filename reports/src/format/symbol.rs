//! Units and other words as programs read them: no blanks, the same in every format.

use crate::environment::{Accelerator, Clock, Environment};
use crate::metric::{Better, Metric};
use crate::stats::Unit;

/// The unit of a metric's values: `frames/s`, `ns`, `instructions/packet`.
pub(super) const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::FramesPerSecond => "frames/s",
        Unit::BitsPerSecond => "bits/s",
        Unit::Share => "share",
        Unit::Ratio => "ratio",
        Unit::Nanoseconds => "ns",
        Unit::NanosecondsPerPacket => "ns/packet",
        Unit::InstructionsPerPacket => "instructions/packet",
    }
}

/// Metric and unit in one word where a format has no other name for a metric: `frames/s`, `latency-p50-ns`,
/// `instructions/packet`.
pub(super) fn of(metric: &Metric) -> String {
    let unit = unit(metric.unit());
    match metric.name {
        "throughput" => unit.to_owned(),
        name if unit.starts_with(name) => unit.to_owned(),
        name => format!("{name}-{unit}"),
    }
}

/// `higher`, `lower`.
pub(super) const fn better(better: Better) -> &'static str {
    match better {
        Better::Higher => "higher",
        Better::Lower => "lower",
    }
}

/// What time was measured in; `unknown` where the run failed before it knew.
pub(super) const fn clock(clock: Option<Clock>) -> &'static str {
    match clock {
        Some(Clock::Wall) => "wall",
        Some(Clock::Instructions) => "instructions",
        None => "unknown",
    }
}

/// What executed the kernel; `unknown` where the run failed before it knew.
pub(super) const fn accelerator(accelerator: Option<Accelerator>) -> &'static str {
    match accelerator {
        Some(Accelerator::Native) => "native",
        Some(Accelerator::Kvm) => "kvm",
        Some(Accelerator::Tcg) => "tcg",
        None => "unknown",
    }
}

/// The CPU that set the figures: what an instruction counts is the same on every host.
pub(super) fn cpu(e: &Environment) -> &str {
    if e.clock == Clock::Instructions || e.host_cpu.is_empty() { &e.cpu } else { &e.host_cpu }
}
