//! Bencher Metric Format (bencher.dev/docs/reference/bencher-metric-format): a benchmark a case, a measure a metric, with
//! the ends of its 95 % interval. The format has no units: a measure gets its unit in Bencher.

use std::collections::BTreeMap;

use serde::Serialize;

use super::FormatError;
use super::case::{Outcome, cases};
use crate::result::RunResult;

/// What Bencher calls a metric: the value of a measure.
#[derive(Serialize)]
struct Value {
    value: f64,
    lower_value: f64,
    upper_value: f64,
}

/// The result in Bencher's format.
pub(super) fn render(result: &RunResult) -> Result<String, FormatError> {
    let mut benchmarks: BTreeMap<String, BTreeMap<&str, Value>> = BTreeMap::new();
    for case in cases(result).iter().filter(|case| case.outcome == Outcome::Good) {
        let value = |e: &crate::stats::Estimate| Value { value: e.median, lower_value: e.low, upper_value: e.high };
        let measures: BTreeMap<&str, Value> = case.metrics.iter().map(|m| (m.name, value(&m.estimate))).collect();
        if !measures.is_empty() {
            benchmarks.insert(case.path(), measures);
        }
    }
    Ok(serde_json::to_string_pretty(&benchmarks)? + "\n")
}
