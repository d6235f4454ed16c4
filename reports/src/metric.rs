//! Metrics: what of a row can be compared with another run, followed over time, and exported.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::environment::Clock;
use crate::judge::{Row, Sample};
use crate::stats::{Estimate, Unit};

/// Which way is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Better {
    /// More is better: throughput.
    Higher,
    /// Less is better: time, instructions.
    Lower,
}

/// One number of a row, with what every trial gave for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its name in every format: `throughput`, `latency-p50`, `latency-p99`, `cost`, and of the
    /// method `cost` `instructions` or, by the wall clock, `time-per-packet`.
    pub name: &'static str,
    /// Which way is good.
    pub better: Better,
    /// The clock that it was measured by: its noise is that clock's.
    pub clock: Clock,
    /// (block, value) of each trial that has it, in the order of the run. Blocks are those of one run.
    pub samples: Vec<(u32, f64)>,
    /// The median with its interval.
    pub estimate: Estimate,
}

impl Metric {
    /// The unit of its values.
    pub fn unit(&self) -> Unit {
        self.estimate.unit
    }

    /// The values alone.
    pub fn values(&self) -> Vec<f64> {
        self.samples.iter().map(|&(_, value)| value).collect()
    }
}

/// A metric's name, its direction, where a sample has it, and its estimate in a row.
type Source = (&'static str, Better, fn(&Sample) -> Option<f64>, fn(&Row) -> Option<Estimate>);

const SOURCES: [Source; 5] = [
    ("throughput", Better::Higher, |s| s.throughput, |r| r.throughput),
    ("latency-p50", Better::Lower, |s| s.p50_ns, |r| r.latency_p50),
    ("latency-p99", Better::Lower, |s| s.p99_ns, |r| r.latency_p99),
    ("cost", Better::Lower, |s| s.cost_ns, |r| r.cost),
    ("instructions", Better::Lower, |s| s.net, |r| r.net),
];

impl Row {
    /// The metrics that it has, the one that stands for it first.
    pub fn metrics(&self) -> Vec<Metric> {
        let clock = self.clock.unwrap_or(Clock::Wall);
        let of = |&(name, better, sample, estimate): &Source| {
            let name = if name == "instructions" && clock == Clock::Wall { "time-per-packet" } else { name };
            let samples = self.samples.iter().filter_map(|s| Some((s.block, sample(s)?))).collect();
            Some(Metric { name, better, clock, samples, estimate: estimate(self)? })
        };
        SOURCES.iter().filter_map(of).collect()
    }
}
