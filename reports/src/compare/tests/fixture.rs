//! Results whose samples are given.

use std::sync::OnceLock;

use crate::RunResult;
use crate::environment::Clock;
use crate::judge::Sample;
use crate::sample;
use crate::stats::{Estimate, Unit};

use super::super::{Compared, Comparison, Options, compare};

/// The sample without its trials, which a comparison does not read: the rows of its first scenario, and none of the others.
pub(super) fn run(name: &str) -> RunResult {
    static SAMPLE: OnceLock<RunResult> = OnceLock::new();
    let mut result = SAMPLE.get_or_init(sample::result).clone();
    result.run = name.to_owned();
    result.trials.clear();
    result.plan.scenarios.truncate(1);
    result.judgement.rows.retain(|row| row.scenario == 0);
    result
}

/// A run whose every row has these throughputs, a block each.
pub(super) fn wall(name: &str, values: &[f64]) -> RunResult {
    let mut result = run(name);
    let blocks = || (0..).zip(values);
    for row in &mut result.judgement.rows {
        row.samples = blocks().map(|(block, &v)| Sample { block, throughput: Some(v), ..Sample::default() }).collect();
        row.throughput = Estimate::of(values, Unit::FramesPerSecond);
        (row.cost, row.latency_p50, row.latency_p99) = (None, None, None);
    }
    result
}

/// A run whose every row takes these instructions per packet, a block each.
pub(super) fn counted(name: &str, values: &[f64]) -> RunResult {
    let mut result = run(name);
    if let Some(environment) = &mut result.environment {
        environment.clock = Clock::Instructions;
    }
    for row in &mut result.judgement.rows {
        let blocks = (0..).zip(values);
        row.samples = blocks.map(|(block, &v)| Sample { block, net: Some(v), ..Sample::default() }).collect();
        row.net = Estimate::of(values, Unit::InstructionsPerPacket);
        row.clock = Some(Clock::Instructions);
        (row.throughput, row.cost, row.latency_p50, row.latency_p99) = (None, None, None, None);
    }
    result
}

/// `n` values about `mean` that scatter evenly by `share` of it to each side; another `salt`, other values.
pub(super) fn about(mean: f64, share: f64, n: u32, salt: u32) -> Vec<f64> {
    let unit = |i: u32| f64::from((i * 7919 + salt * 104_729 + 13) % 1009) / 504.0 - 1.0;
    (0..n).map(|i| mean * (1.0 + share * unit(i))).collect()
}

/// The comparison of one run a side with the defaults.
pub(super) fn compared(base: RunResult, new: RunResult) -> Comparison {
    compare(&[base], &[new], &Options::default()).unwrap()
}

/// The verdicts of its rows.
pub(super) fn verdicts(comparison: &Comparison) -> Vec<Compared> {
    comparison.rows.iter().map(|row| row.verdict).collect()
}

/// The one verdict that all rows have.
#[track_caller]
pub(super) fn verdict(comparison: &Comparison) -> Compared {
    let all = verdicts(comparison);
    assert!(!all.is_empty() && all.iter().all(|v| *v == all[0]), "{comparison:#?}");
    all[0]
}
