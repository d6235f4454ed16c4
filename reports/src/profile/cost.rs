//! What functions and stages cost: their share of the samples times what a packet cost in all.

use std::collections::{BTreeMap, BTreeSet};

use super::{Frame, Profile, Stage};

/// The cost of one function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCost {
    /// Which function.
    pub frame: Frame,
    /// The stage that most of its own samples belong to.
    pub stage: Stage,
    /// Samples in the function itself.
    pub samples: u64,
    /// Samples in it or in what it called.
    pub samples_with_callees: u64,
    /// Instructions per packet in the function itself.
    pub per_packet: f64,
    /// Instructions per packet in it and in what it called.
    pub with_callees: f64,
}

/// The cost of one stage.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StageCost {
    /// Which stage.
    pub stage: Stage,
    /// Its samples.
    pub samples: u64,
    /// Instructions per packet.
    pub per_packet: f64,
}

/// The costs of a profile.
#[derive(Clone, Debug, PartialEq)]
pub struct Costs {
    /// Samples that they rest on.
    pub samples: u64,
    /// Instructions per packet in all.
    pub per_packet: f64,
    /// Every function that was seen, the most costly by itself first.
    pub functions: Vec<FunctionCost>,
    /// Every stage that was seen, in the order of a packet's way.
    pub stages: Vec<StageCost>,
}

/// Samples of a function while they are summed up.
#[derive(Default)]
struct Tally {
    own: BTreeMap<Stage, u64>,
    with_callees: u64,
}

impl Profile {
    /// The costs by function and by stage, where a packet cost `per_packet` instructions in all: the gross figure, with
    /// the generator's share, since the samples hold the generator too.
    pub fn costs(&self, per_packet: f64) -> Costs {
        let mut tallies: BTreeMap<&Frame, Tally> = BTreeMap::new();
        let mut stages: BTreeMap<Stage, u64> = BTreeMap::new();
        for stack in &self.stacks {
            let stage = Stage::of(self.functions(stack));
            *stages.entry(stage).or_default() += stack.samples;
            if let Some(leaf) = self.functions(stack).next() {
                *tallies.entry(leaf).or_default().own.entry(stage).or_default() += stack.samples;
            }
            // A function that calls itself counts once.
            for frame in self.functions(stack).collect::<BTreeSet<_>>() {
                tallies.entry(frame).or_default().with_callees += stack.samples;
            }
        }
        let samples: u64 = stages.values().sum();
        let cost = |count: u64| if samples == 0 { 0.0 } else { count as f64 / samples as f64 * per_packet };
        let function = |(frame, tally): (&Frame, Tally)| {
            let own: u64 = tally.own.values().sum();
            let main = tally.own.iter().max_by_key(|&(_, &count)| count).map(|(&stage, _)| stage);
            FunctionCost {
                frame: frame.clone(),
                stage: main.or_else(|| Stage::of_function(frame)).unwrap_or(Stage::Other),
                samples: own,
                samples_with_callees: tally.with_callees,
                per_packet: cost(own),
                with_callees: cost(tally.with_callees),
            }
        };
        let mut functions: Vec<FunctionCost> = tallies.into_iter().map(function).collect();
        functions.sort_by_key(|f| std::cmp::Reverse((f.samples, f.samples_with_callees)));
        let stages = Stage::ALL
            .into_iter()
            .filter_map(|stage| {
                stages.get(&stage).map(|&samples| StageCost { stage, samples, per_packet: cost(samples) })
            })
            .collect();
        Costs { samples, per_packet, functions, stages }
    }
}
