//! Latency: the distributions of all trials of a row merged.

use flowgauge_scenarios::Datapath;
use hdrhistogram::Histogram;

use super::HtmlError;
use super::chart;
use crate::judge::Row;
use crate::numbers::median;
use crate::offered::time_histogram;
use crate::result::RunResult;
use crate::stats::{Estimate, Unit};
use crate::trial::Offered;

/// The quantiles that the page shows.
pub(super) const QUANTILES: [(f64, &str); 5] =
    [(0.5, "p50"), (0.9, "p90"), (0.99, "p99"), (0.999, "p99.9"), (0.9999, "p99.99")];

/// Latency of one datapath at [`QUANTILES`] and at the most.
pub(super) struct LatencyRow {
    pub(super) datapath: &'static str,
    pub(super) values: Vec<String>,
}

/// The chart and the table of a scenario's latencies; empty where nothing was stamped.
pub(super) fn curves(result: &RunResult, rows: &[&Row]) -> Result<(Option<String>, Vec<LatencyRow>), HtmlError> {
    let merged: Vec<(Datapath, Histogram<u64>)> =
        rows.iter().filter_map(|row| merged(result, row.cell).map(|h| (row.datapath, h))).collect();
    let table = merged.iter().map(|(datapath, histogram)| {
        let text = |ns: u64| Estimate::of(&[ns as f64], Unit::Nanoseconds).map(|e| median(&e)).unwrap_or_default();
        let mut values: Vec<String> = QUANTILES.iter().map(|&(q, _)| text(histogram.value_at_quantile(q))).collect();
        values.push(text(histogram.max()));
        LatencyRow { datapath: datapath.name(), values }
    });
    let table: Vec<LatencyRow> = table.collect();
    let name = rows.first().map_or("", |row| row.name.as_str());
    Ok((chart::latency(name, &merged)?, table))
}

/// All frames of all trials of a cell; none where no trial has a readable distribution.
fn merged(result: &RunResult, cell: usize) -> Option<Histogram<u64>> {
    let mut merged = time_histogram();
    for trial in result.trials.iter().filter(|t| t.cell == cell) {
        let Offered::Frames(reports) = &trial.offered else { continue };
        for latency in reports.iter().filter_map(|r| r.latency.as_ref()) {
            // A distribution that cannot be read is missing from the merged one; the trial's own summary still counts.
            if let Ok(histogram) = latency.distribution() {
                let _ = merged.add(&histogram);
            }
        }
    }
    (!merged.is_empty()).then_some(merged)
}
