//! JSON of github-action-benchmark, its tools `customSmallerIsBetter` and `customBiggerIsBetter`: an entry a metric of a case.
//! The action takes one direction a file.

use serde::Serialize;

use super::FormatError;
use super::case::{Outcome, cases};
use super::symbol;
use crate::metric::Better;
use crate::result::RunResult;

/// An entry as the action reads it.
#[derive(Serialize)]
struct Entry {
    name: String,
    unit: &'static str,
    value: f64,
    range: String,
    extra: String,
}

/// The metrics of one direction.
pub(super) fn render(result: &RunResult, better: Better) -> Result<String, FormatError> {
    let mut entries = Vec::new();
    for case in cases(result).iter().filter(|case| case.outcome == Outcome::Good) {
        for metric in case.metrics.iter().filter(|m| m.better == better) {
            let e = &metric.estimate;
            let what = if e.range_only { "range" } else { "95 % interval" };
            let simulated = if case.simulated() { "\nthe NIC is simulated" } else { "" };
            let (accelerator, clock) = (
                symbol::accelerator(result.environment.as_ref().map(|e| e.accelerator)),
                symbol::clock(Some(metric.clock)),
            );
            entries.push(Entry {
                name: format!("{}/{}", case.path(), metric.name),
                unit: symbol::unit(e.unit),
                value: e.median,
                range: format!("± {}", rounded((e.high - e.median).max(e.median - e.low))),
                extra: format!(
                    "median of {} trials, {what} {} to {}\nkernel {}, {accelerator}, {clock} clock{simulated}",
                    e.n,
                    rounded(e.low),
                    rounded(e.high),
                    case.kernel
                ),
            });
        }
    }
    Ok(serde_json::to_string_pretty(&entries)? + "\n")
}

/// Four significant digits, for people.
fn rounded(value: f64) -> f64 {
    format!("{value:.3e}").parse().unwrap_or(value)
}
