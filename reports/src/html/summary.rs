//! The rows of the summary table.

use crate::judge::Row;
use crate::numbers::{bounded, interval, loss, median};
use crate::stats::Estimate;
use crate::wording::{self, SIMULATED};

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

    /// Marks a figure that is there as one of a simulation.
    fn mark(&mut self) {
        if self.median != "–" {
            self.median.push_str(SIMULATED);
        }
    }
}

/// A row as it is shown.
pub(super) struct SummaryRow {
    pub(super) name: String,
    pub(super) simulated: bool,
    pub(super) faults: Vec<&'static str>,
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
        // Where a packet has a cost and no rate, it is the cost that is compared.
        let mut gain = Figure::new(row.gain.and_then(|g| g.throughput.or(g.net)));
        if row.gain.is_some_and(|g| g.lower_bound) {
            gain.median = format!("≥ {}", gain.median);
        }
        if row.datapath == flowgauge_scenarios::Datapath::BASELINE {
            gain.median = "baseline".to_owned();
        }
        let mut cost = Figure::new(row.cost.or(row.net));
        if let (None, Some(bound)) = (row.cost, row.cost_bound) {
            cost.median = bounded(&bound);
        }
        let (mut throughput, mut cpu) = (Figure::new(row.throughput), Figure::new(row.softirq));
        let mut latency = row.latency_p50.zip(row.latency_p99).map(|(p50, p99)| (median(&p50), median(&p99)));
        if row.simulated {
            let baseline = row.datapath == flowgauge_scenarios::Datapath::BASELINE;
            for figure in [&mut throughput, &mut cpu, &mut cost].into_iter().chain((!baseline).then_some(&mut gain)) {
                figure.mark();
            }
            if let Some((p50, _)) = &mut latency {
                p50.push_str(SIMULATED);
            }
        }
        SummaryRow {
            simulated: row.simulated,
            faults: row.faults.keys().map(|fault| fault.name()).collect(),
            name: row.name.clone(),
            datapath: row.datapath.name(),
            control: (row.control != flowgauge_scenarios::Control::None).then(|| row.control.name()),
            throughput,
            gain,
            cpu,
            cost,
            loss: row.loss.map_or_else(|| "–".to_owned(), |e| loss(e.median)),
            latency,
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
