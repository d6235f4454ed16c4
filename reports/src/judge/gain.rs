//! The gain over the software-only baseline.

use std::collections::BTreeMap;

use flowgauge_scenarios::Datapath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metrics::Sample;
use super::row::Row;
use super::verdict::Verdict;
use crate::event::Warning;
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

/// Fills in the gain of every row whose scenario has a baseline that a ratio can rest on. Where it has one that none can, or
/// not firmly, that is said once.
pub(super) fn compare(rows: &mut [Row]) -> Vec<Warning> {
    let mut warnings: BTreeMap<usize, Warning> = BTreeMap::new();
    for index in 0..rows.len() {
        let row = &rows[index];
        // A scenario has one topology and names a datapath once.
        let of_baseline = |other: &&Row| other.scenario == row.scenario && other.datapath == Datapath::BASELINE;
        let Some(baseline) = rows.iter().find(of_baseline).filter(|_| row.datapath != Datapath::BASELINE) else {
            continue;
        };
        let scenario = row.scenario;
        match gain(row, baseline) {
            Ok(gain) => {
                if let (Verdict::Good, Verdict::Unproven { why }) = (&row.verdict, &baseline.verdict) {
                    let text = format!("gains are over a {} that is unproven: {why}", Datapath::BASELINE.name());
                    warnings.entry(scenario).or_insert_with(|| about(row, text, UNPROVEN));
                }
                rows[index].gain = Some(gain);
            }
            Err(_) if row.samples.is_empty() => {}
            Err((why, remedy)) => {
                let text = format!("no gain over {}: {why}", Datapath::BASELINE.name());
                warnings.entry(scenario).or_insert_with(|| about(row, text, remedy));
            }
        }
    }
    warnings.into_values().collect()
}

const UNPROVEN: &str =
    "see what its verdict lacks; without it the software path may not be what they are compared with";

fn about(row: &Row, text: String, remedy: &str) -> Warning {
    Warning { text: format!("{}: {text}", row.name), remedy: remedy.to_owned() }
}

/// The gain, or why there is none and what to do.
fn gain(row: &Row, baseline: &Row) -> Result<Gain, (String, &'static str)> {
    if let Verdict::Bad { why } = &baseline.verdict {
        let remedy = "put right what its verdict names, and run the scenario again";
        return Err((format!("its own verdict is bad ({why})"), remedy));
    }
    let paired = |get: fn(&Sample) -> Option<f64>| paired_ratio(&by_block(row, get), &by_block(baseline, get));
    let gain = Gain {
        baseline: Datapath::BASELINE,
        throughput: paired(|s| s.throughput),
        cost: paired(|s| s.cost_ns),
        net: paired(|s| s.net),
        lower_bound: row.understated() && !baseline.understated(),
    };
    if gain.throughput.is_some() || gain.cost.is_some() || gain.net.is_some() {
        return Ok(gain);
    }
    let why = "it has no figure in a block in which another datapath has one".to_owned();
    Err((why, "run the plan to its end, or all of its shards"))
}

fn by_block(row: &Row, get: fn(&Sample) -> Option<f64>) -> Vec<(u32, f64)> {
    row.samples.iter().filter_map(|s| get(s).map(|value| (s.block, value))).collect()
}
