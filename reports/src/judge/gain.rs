//! The gain over the software-only baseline.

use flowgauge_scenarios::Datapath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metrics::Sample;
use super::row::Row;
use crate::stats::{Estimate, paired_ratio};

/// A row against the baseline of its scenario, paired by block.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gain {
    /// What it is compared with.
    pub baseline: Datapath,
    /// Throughput over the baseline's.
    pub throughput: Option<Estimate>,
    /// Cost over the baseline's: below 1 is cheaper.
    pub cost: Option<Estimate>,
    /// Method `cost`: what a packet takes over the baseline's: below 1 is cheaper.
    #[serde(default)]
    pub net: Option<Estimate>,
    /// Whether the generator was the limit or the testers missed frames, here and not on the baseline, so that the
    /// true throughput ratio is at least this.
    pub lower_bound: bool,
}

/// Fills in the gain of every row whose scenario has a baseline.
pub(super) fn compare(rows: &mut [Row]) {
    for index in 0..rows.len() {
        let row = &rows[index];
        let of_baseline = |other: &&Row| other.scenario == row.scenario && other.datapath == Datapath::BASELINE;
        let Some(baseline) = rows.iter().find(of_baseline).filter(|_| row.datapath != Datapath::BASELINE) else {
            continue;
        };
        let paired = |get: fn(&Sample) -> Option<f64>| paired_ratio(&by_block(row, get), &by_block(baseline, get));
        let gain = Gain {
            baseline: Datapath::BASELINE,
            throughput: paired(|s| s.throughput),
            cost: paired(|s| s.cost_ns),
            net: paired(|s| s.net),
            lower_bound: row.understated() && !baseline.understated(),
        };
        if gain.throughput.is_some() || gain.cost.is_some() || gain.net.is_some() {
            rows[index].gain = Some(gain);
        }
    }
}

fn by_block(row: &Row, get: fn(&Sample) -> Option<f64>) -> Vec<(u32, f64)> {
    row.samples.iter().filter_map(|s| get(s).map(|value| (s.block, value))).collect()
}
