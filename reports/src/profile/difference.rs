//! What differs between two profiles: of two datapaths, or of one datapath on two kernels.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::cost::Costs;
use super::moved::{Moved, Tally};
use super::{Frame, Profile, Stage};
use crate::stats::{Unit, Z_TWO_TAILS, holm, upper_tail};

/// The risk that chance alone gets any function of a comparison named. All functions together, for two kernels have
/// hundreds: of as many looked at one by one, 5 % would be named for nothing.
pub const RISK: f64 = 0.05;

/// One of the two that are compared.
#[derive(Clone, Debug)]
pub struct Side {
    /// What people call it: `conntrack`, `6.12.117`.
    pub label: String,
    /// Its costs.
    pub costs: Costs,
    /// What of them was measured apart and is no cost of the DUT ([`Apart`]).
    pub apart: Option<f64>,
    /// What the costs count.
    pub unit: Unit,
}

impl Side {
    /// A profile where a packet cost `per_packet` instructions in all.
    pub fn new(label: impl Into<String>, profile: &Profile, per_packet: f64) -> Side {
        Side { label: label.into(), costs: profile.costs(per_packet), apart: None, unit: Unit::InstructionsPerPacket }
    }

    /// The same where `apart` of a packet's cost, the generator's part, was measured by itself.
    pub fn less(self, apart: f64) -> Side {
        Side { apart: Some(apart), ..self }
    }

    /// The same where costs are in `unit`.
    pub fn counted_in(self, unit: Unit) -> Side {
        Side { unit, ..self }
    }
}

/// What the generator takes of each packet, with the lookups of a simulated NIC: calibrated in the same boot, not sampled.
/// A packet's cost in a profile less this is what the row of the DUT says.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Apart {
    /// In the base, per packet.
    pub base: f64,
    /// In the new one.
    pub new: f64,
}

/// A function, for one stage, on both sides, per packet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "FunctionChange")]
pub struct Change {
    /// Which function. The module is that of the new side where it ran there.
    pub frame: Frame,
    /// Its stage.
    pub stage: Stage,
    /// In the base; zero where no sample found it.
    pub base: f64,
    /// In the new one.
    pub new: f64,
    /// Half the 95 % interval of the difference that follows from the numbers of samples: 1.96 standard errors.
    pub margin: f64,
    /// Whether the difference is more than chance gives where so many functions are looked at ([`RISK`], Holm).
    pub clear: bool,
    /// For a clear one that ran on one side only: what it comes to together with its caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<Moved>,
}

impl Change {
    /// New less base.
    pub fn difference(&self) -> f64 {
        self.new - self.base
    }

    /// Whether the difference is larger than what chance would give.
    pub fn is_clear(&self) -> bool {
        self.clear
    }
}

/// A stage on both sides, per packet.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StageChange {
    /// Which stage.
    pub stage: Stage,
    /// In the base.
    pub base: f64,
    /// In the new one.
    pub new: f64,
    /// Half the 95 % interval of the difference that follows from the numbers of samples.
    pub margin: f64,
}

/// Two profiles side by side.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "ProfileDifference")]
pub struct Difference {
    /// What the base is called.
    pub base: String,
    /// What the new one is called.
    pub new: String,
    /// What all costs count.
    pub unit: Unit,
    /// Cost per packet of the base in all, as sampled: the generator is in it.
    pub base_per_packet: f64,
    /// Cost per packet of the new one in all.
    pub new_per_packet: f64,
    /// Samples of the base.
    pub base_samples: u64,
    /// Samples of the new one.
    pub new_samples: u64,
    /// What of both was measured apart; none where the costs are looked at as they were sampled.
    pub apart: Option<Apart>,
    /// Every function that ran on either side, the largest difference first.
    pub functions: Vec<Change>,
    /// Every stage of either side, in the order of a packet's way.
    pub stages: Vec<StageChange>,
}

impl Difference {
    /// The difference of two sides. A function is the same where its name in the source is: it may have moved into a
    /// module, and the compiler may have made another copy of it.
    pub fn between(base: &Side, new: &Side) -> Difference {
        let mut tallies: BTreeMap<(&str, Stage), Tally<'_>> = BTreeMap::new();
        for (at, side) in [base, new].into_iter().enumerate() {
            for function in side.costs.functions.iter().filter(|f| f.samples > 0) {
                let key = (function.frame.source_name(), function.stage);
                let tally = tallies.entry(key).or_insert_with(|| Tally::of(&function.frame));
                tally.samples[at] += function.samples;
                tally.per_packet[at] += function.per_packet;
                tally.frame = &function.frame;
                tally.caller[at] = function.caller.as_ref().or(tally.caller[at]);
            }
        }
        let worth = [base, new].map(|side| match side.costs.samples {
            0 => 0.0,
            samples => side.costs.per_packet / samples as f64,
        });
        let change = |(&(_, stage), tally): (&(&str, Stage), &Tally<'_>)| {
            let [base, new] = tally.per_packet;
            let frame = Frame { function: tally.frame.source_name().to_owned(), module: tally.frame.module.clone() };
            let margin = Z_TWO_TAILS * error(tally.samples, worth);
            Change { frame, stage, base, new, margin, clear: false, moved: None }
        };
        let mut functions: Vec<Change> = tallies.iter().map(change).collect();
        let chances: Vec<f64> = functions
            .iter()
            .map(|c| if c.margin > 0.0 { 2.0 * upper_tail(c.difference().abs() / c.margin * Z_TWO_TAILS) } else { 1.0 })
            .collect();
        for ((change, p), tally) in functions.iter_mut().zip(holm(&chances)).zip(tallies.values()) {
            change.clear = p < RISK;
            if change.clear {
                change.moved = Moved::of(tally, &tallies, worth);
            }
        }
        functions.sort_by(|a, b| b.difference().abs().total_cmp(&a.difference().abs()));
        let of = |side: &Side, stage| {
            let cost = side.costs.stages.iter().find(|cost| cost.stage == stage);
            cost.map_or((0, 0.0), |cost| (cost.samples, cost.per_packet))
        };
        let stage = |stage| {
            let (base, new) = (of(base, stage), of(new, stage));
            let margin = Z_TWO_TAILS * error([base.0, new.0], worth);
            StageChange { stage, base: base.1, new: new.1, margin }
        };
        Difference {
            base: base.label.clone(),
            new: new.label.clone(),
            unit: new.unit,
            base_per_packet: base.costs.per_packet,
            new_per_packet: new.costs.per_packet,
            base_samples: base.costs.samples,
            new_samples: new.costs.samples,
            apart: base.apart.zip(new.apart).map(|(base, new)| Apart { base, new }),
            functions,
            stages: Stage::ALL.into_iter().map(stage).filter(|s| s.base > 0.0 || s.new > 0.0).collect(),
        }
    }

    /// The costs of a packet, of base and of new: without what was measured apart, where something was.
    pub fn ends(&self) -> (f64, f64) {
        let apart = self.apart.unwrap_or(Apart { base: 0.0, new: 0.0 });
        (self.base_per_packet - apart.base, self.new_per_packet - apart.new)
    }

    /// New less base, of [`Difference::ends`].
    pub fn in_all(&self) -> f64 {
        let (base, new) = self.ends();
        new - base
    }

    /// Whether a function is the generator's, which is no cause where the generator was measured apart.
    pub(super) fn aside(&self, change: &Change) -> bool {
        self.apart.is_some() && change.stage == Stage::Generator
    }

    /// The functions that are named: what differs by more than chance, and is not the generator's where that was measured
    /// apart. The largest difference first.
    pub fn causes(&self) -> impl Iterator<Item = &Change> + Clone {
        self.functions.iter().filter(|change| change.is_clear() && !self.aside(change))
    }
}

/// By how much more the samples of a function scatter than if each fell independently of the last: packets of the
/// instruction clock are all alike, and clocks of unlike periods do not wholly undo that. Two boots of one kernel, 405
/// functions on four datapaths: their differences were 1.25 of the standard errors that the counts alone give (root mean
/// square), and as much for cheap and for dear functions.
const SCATTER: f64 = 1.3;

/// The standard error of the difference of two counts, each times what one sample is worth. A count of samples has the
/// variance of a Poisson variable, itself, times [`SCATTER`] squared; nothing seen is taken as one.
pub(super) fn error(samples: [u64; 2], worth: [f64; 2]) -> f64 {
    let variance = |count: u64, worth: f64| count.max(1) as f64 * worth * worth;
    SCATTER * (variance(samples[0], worth[0]) + variance(samples[1], worth[1])).sqrt()
}
