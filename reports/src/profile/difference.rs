//! What differs between two profiles: of two datapaths, or of one datapath on two kernels.

use std::collections::BTreeMap;

use super::cost::Costs;
use super::{Frame, Profile, Stage};

/// One of the two that are compared.
#[derive(Clone, Debug)]
pub struct Side {
    /// What people call it: `conntrack`, `6.12.117`.
    pub label: String,
    /// Its costs.
    pub costs: Costs,
}

impl Side {
    /// A profile where a packet cost `per_packet` instructions in all.
    pub fn new(label: impl Into<String>, profile: &Profile, per_packet: f64) -> Side {
        Side { label: label.into(), costs: profile.costs(per_packet) }
    }
}

/// A function, for one stage, on both sides, in instructions per packet.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Which function. The module is that of the new side where it has one.
    pub frame: Frame,
    /// Its stage.
    pub stage: Stage,
    /// In the base.
    pub base: f64,
    /// In the new one.
    pub new: f64,
    /// Half the 95 % interval of the difference that follows from the numbers of samples.
    pub margin: f64,
}

impl Change {
    /// New less base.
    pub fn difference(&self) -> f64 {
        self.new - self.base
    }

    /// Whether the difference is larger than what chance would give.
    pub fn is_clear(&self) -> bool {
        self.difference().abs() > self.margin
    }
}

/// A stage on both sides, in instructions per packet.
#[derive(Clone, Copy, Debug, PartialEq)]
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
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// What the base is called.
    pub base: String,
    /// What the new one is called.
    pub new: String,
    /// Instructions per packet of the base in all.
    pub base_per_packet: f64,
    /// Instructions per packet of the new one in all.
    pub new_per_packet: f64,
    /// Every function that ran on either side, the largest difference first.
    pub functions: Vec<Change>,
    /// Every stage of either side, in the order of a packet's way.
    pub stages: Vec<StageChange>,
}

impl Difference {
    /// The difference of two sides. A function is the same where its name is: it may have moved into a module.
    pub fn between(base: &Side, new: &Side) -> Difference {
        let mut functions: BTreeMap<(&str, Stage), Pair<'_>> = BTreeMap::new();
        for (is_new, side) in [(false, base), (true, new)] {
            for function in side.costs.functions.iter().filter(|f| f.samples > 0) {
                let pair = functions.entry((&function.frame.function, function.stage)).or_default();
                let (samples, per_packet) = if is_new { &mut pair.new } else { &mut pair.base };
                *samples += function.samples;
                *per_packet += function.per_packet;
                pair.frame = Some(&function.frame);
            }
        }
        let worth = |side: &Side| match side.costs.samples {
            0 => 0.0,
            samples => side.costs.per_packet / samples as f64,
        };
        let worth = (worth(base), worth(new));
        let mut functions: Vec<Change> = functions
            .into_iter()
            .filter_map(|((_, stage), pair)| {
                let frame = pair.frame?;
                let margin = margin((pair.base.0, pair.new.0), worth);
                Some(Change { frame: frame.clone(), stage, base: pair.base.1, new: pair.new.1, margin })
            })
            .collect();
        functions.sort_by(|a, b| b.difference().abs().total_cmp(&a.difference().abs()));
        let of = |side: &Side, stage| {
            let cost = side.costs.stages.iter().find(|cost| cost.stage == stage);
            cost.map_or((0, 0.0), |cost| (cost.samples, cost.per_packet))
        };
        let stage = |stage| {
            let (base, new) = (of(base, stage), of(new, stage));
            StageChange { stage, base: base.1, new: new.1, margin: margin((base.0, new.0), worth) }
        };
        Difference {
            base: base.label.clone(),
            new: new.label.clone(),
            base_per_packet: base.costs.per_packet,
            new_per_packet: new.costs.per_packet,
            functions,
            stages: Stage::ALL.into_iter().map(stage).filter(|s| s.base > 0.0 || s.new > 0.0).collect(),
        }
    }

    /// New less base, of a whole packet.
    pub fn in_all(&self) -> f64 {
        self.new_per_packet - self.base_per_packet
    }
}

/// Samples and cost of one function on both sides.
#[derive(Default)]
struct Pair<'a> {
    base: (u64, f64),
    new: (u64, f64),
    frame: Option<&'a Frame>,
}

/// The 95 % margin of the difference of two counts, each times what one sample is worth. A count of samples has the
/// variance of a Poisson variable: itself; nothing seen is taken as one.
fn margin(samples: (u64, u64), worth: (f64, f64)) -> f64 {
    let variance = |count: u64, worth: f64| count.max(1) as f64 * worth * worth;
    1.96 * (variance(samples.0, worth.0) + variance(samples.1, worth.1)).sqrt()
}
