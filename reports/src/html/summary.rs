//! The rows of the summary table.

use crate::judge::Row;
use crate::numbers::{interval, loss, median};
use crate::stats::Estimate;
use crate::wording;

/// A median and, beneath it, its interval.
pub(super) struct Figure {
    pub(super) median: String,
    pub(super) interval: String,
}

impl Figure {
    pub(super) fn new(estimate: Option<Estimate>) -> Self {
        estimate.map_or_else(
            || Figure { median: "–".to_owned(), interval: String::new() },
            |e| Figure { median: median(&e), interval: interval(&e) },
        )
    }
}

/// A row as it is shown.
pub(super) struct SummaryRow {
    pub(super) name: String,
    pub(super) datapath: &'static str,
    pub(super) control: Option<&'static str>,
    pub(super) throughput: Figure,
    pub(super) gain: Figure,
    pub(super) cpu: Figure,
    pub(super) cost: Figure,
    pub(super) loss: String,
    pub(super) latency: Option<(String, String)>,
    pub(super) path: &'static str,
    pub(super) label: String,
    pub(super) standing: String,
    pub(super) verdict: &'static str,
    pub(super) why: String,
    pub(super) kernel: String,
    pub(super) clock: &'static str,
}

impl SummaryRow {
    pub(super) fn new(row: &Row) -> Self {
        let mut gain = Figure::new(row.gain.and_then(|g| g.throughput));
        if row.gain.is_some_and(|g| g.lower_bound) {
            gain.median = format!("≥ {}", gain.median);
        }
        if row.datapath == flowgauge_scenarios::Datapath::BASELINE {
            gain.median = "baseline".to_owned();
        }
        SummaryRow {
            name: row.name.clone(),
            datapath: row.datapath.name(),
            control: (row.control != flowgauge_scenarios::Control::None).then(|| row.control.name()),
            throughput: Figure::new(row.throughput),
            gain,
            cpu: Figure::new(row.softirq),
            cost: Figure::new(row.cost),
            loss: row.loss.map_or_else(|| "–".to_owned(), |e| loss(e.median)),
            latency: row.latency_p50.zip(row.latency_p99).map(|(p50, p99)| (median(&p50), median(&p99))),
            path: row.proof.path.name(),
            label: row.proof.label(),
            standing: row.proof.standing(),
            verdict: row.verdict.name(),
            why: row.verdict.why().unwrap_or_default().to_owned(),
            kernel: row.kernel.clone().unwrap_or_else(|| "unknown".to_owned()),
            clock: row.clock.map_or("unknown", wording::clock),
        }
    }
}
