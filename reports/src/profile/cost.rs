//! What functions and stages cost: their share of the samples times what a packet cost in all.

use std::collections::{BTreeMap, BTreeSet};

use super::{Frame, Profile, Stage};

/// The cost of one function for one stage: `memcpy` for routing is another row than `memcpy` for the generator.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionCost {
    /// Which function.
    pub frame: Frame,
    /// The stage that it, or the nearest of its callers that has one, belongs to.
    pub stage: Stage,
    /// Samples in the function itself.
    pub samples: u64,
    /// Samples in it or in what it called.
    pub samples_with_callees: u64,
    /// Instructions per packet in the function itself.
    pub per_packet: f64,
    /// Instructions per packet in it and in what it called.
    pub with_callees: f64,
    /// Who mostly called it when a sample found it; none where nobody did.
    pub caller: Option<Frame>,
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

impl Profile {
    /// The costs by function and by stage, where a packet cost `per_packet` instructions in all: the gross figure, with
    /// the generator's share, since the samples hold the generator too.
    pub fn costs(&self, per_packet: f64) -> Costs {
        let known: Vec<Option<Stage>> = self.frames.iter().map(Stage::of_function).collect();
        // Samples in the function itself, and in it or in what it called.
        let mut tallies: BTreeMap<(&Frame, Stage), (u64, u64)> = BTreeMap::new();
        let mut callers: BTreeMap<(&Frame, Stage), BTreeMap<&Frame, u64>> = BTreeMap::new();
        let mut stages: BTreeMap<Stage, u64> = BTreeMap::new();
        for stack in &self.stacks {
            let mut stage = Stage::Other;
            let mut seen = BTreeSet::new();
            let mut leaf = None;
            // From the outermost caller inwards: a function without a stage of its own takes its caller's.
            for &index in stack.frames.iter().rev() {
                let Some(frame) = self.frames.get(index as usize) else { continue };
                stage = known.get(index as usize).copied().flatten().unwrap_or(stage);
                // A function that calls itself counts once.
                if seen.insert((index, stage)) {
                    tallies.entry((frame, stage)).or_default().1 += stack.samples;
                }
                leaf = Some(frame);
            }
            *stages.entry(stage).or_default() += stack.samples;
            if let Some(frame) = leaf {
                tallies.entry((frame, stage)).or_default().0 += stack.samples;
                if let Some(caller) = self.functions(stack).nth(1) {
                    *callers.entry((frame, stage)).or_default().entry(caller).or_default() += stack.samples;
                }
            }
        }
        let samples: u64 = stages.values().sum();
        let cost = |count: u64| if samples == 0 { 0.0 } else { count as f64 / samples as f64 * per_packet };
        let most_often = |callers: &BTreeMap<&Frame, u64>| {
            callers.iter().max_by_key(|(_, samples)| **samples).map(|(caller, _)| (*caller).clone())
        };
        let function = |((frame, stage), (own, all)): ((&Frame, Stage), (u64, u64))| FunctionCost {
            caller: callers.get(&(frame, stage)).and_then(most_often),
            frame: frame.clone(),
            stage,
            samples: own,
            samples_with_callees: all,
            per_packet: cost(own),
            with_callees: cost(all),
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
