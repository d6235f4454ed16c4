//! Plans: scenarios expanded into cells, holes and an order of trials.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::datapath::Datapath;
use crate::scenario::Scenario;
use crate::shard::Shard;
use crate::support::{Gap, hole};

/// One thing that is measured again and again: a scenario on one datapath.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Cell {
    /// Index into [`Plan::scenarios`].
    pub scenario: usize,
    /// The datapath.
    pub datapath: Datapath,
}

/// A cell that cannot be: the policy does not exist on the datapath.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hole {
    /// Index into [`Plan::scenarios`].
    pub scenario: usize,
    /// The datapath.
    pub datapath: Datapath,
    /// The reason, and what to do about it.
    pub gap: Gap,
}

/// One trial in the order of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// The block, from 0. A block holds every cell once.
    pub block: u32,
    /// Index into [`Plan::cells`].
    pub cell: usize,
}

/// All of a run, before anything touches the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// Seed of the order; the same seed and scenarios give the same plan.
    pub seed: u64,
    /// The scenarios as they are run, every option in force.
    pub scenarios: Vec<Scenario>,
    /// What is measured.
    pub cells: Vec<Cell>,
    /// What cannot be.
    pub holes: Vec<Hole>,
    /// The trials in their order.
    pub steps: Vec<Step>,
    /// Which part of the steps is run; none where it is all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<Shard>,
}

impl Plan {
    /// Expands scenarios. Blocks follow each other; within a block the scenarios are shuffled, within a
    /// scenario its datapaths, so that what is compared is measured close together in random order.
    pub fn new(scenarios: Vec<Scenario>, seed: u64) -> Plan {
        let (mut cells, mut holes) = (Vec::new(), Vec::new());
        for (index, scenario) in scenarios.iter().enumerate() {
            for &datapath in &scenario.datapaths {
                match hole(scenario, datapath) {
                    Some(gap) => holes.push(Hole { scenario: index, datapath, gap }),
                    None => cells.push(Cell { scenario: index, datapath }),
                }
            }
        }
        let mut random = SplitMix64::new(seed);
        let blocks = scenarios.iter().map(|s| s.method.blocks).max().unwrap_or(0);
        let mut steps = Vec::new();
        for block in 0..blocks {
            let mut order: Vec<usize> = (0..scenarios.len()).filter(|&s| block < scenarios[s].method.blocks).collect();
            random.shuffle(&mut order);
            for scenario in order {
                let mut own: Vec<usize> = (0..cells.len()).filter(|&c| cells[c].scenario == scenario).collect();
                random.shuffle(&mut own);
                steps.extend(own.into_iter().map(|cell| Step { block, cell }));
            }
        }
        Plan { seed, scenarios, cells, holes, steps, shard: None }
    }

    /// The scenario of a cell.
    pub fn scenario(&self, cell: usize) -> &Scenario {
        &self.scenarios[self.cells[cell].scenario]
    }

    /// Whether this is `earlier` with further blocks at its end and nothing else changed.
    pub fn continues(&self, earlier: &Plan) -> bool {
        let mut grown = Plan { steps: self.steps.clone(), ..earlier.clone() };
        for (scenario, own) in grown.scenarios.iter_mut().zip(&self.scenarios) {
            scenario.method.blocks = own.method.blocks;
        }
        grown == *self && self.steps.starts_with(&earlier.steps)
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014). Ours, so that a seed means the same order in every version.
#[derive(Clone, Debug)]
pub struct SplitMix64(u64);

impl SplitMix64 {
    /// A source of orders; the same seed gives the same ones.
    pub const fn new(seed: u64) -> Self {
        SplitMix64(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number from 0 to `bound` less one (0 where that is 0), by multiply-shift.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    /// Puts a list in random order (Fisher-Yates; the bias of multiply-shift is below 2^-60 for lists of this size).
    pub fn shuffle<T>(&mut self, list: &mut [T]) {
        for i in (1..list.len()).rev() {
            let j = ((u128::from(self.next()) * (i as u128 + 1)) >> 64) as usize;
            list.swap(i, j);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scenarios() -> Vec<Scenario> {
        ["udp-ipv4", "tcp-masquerade", "many-flows"].map(|n| Scenario::load(n).unwrap()).to_vec()
    }

    #[test]
    fn every_block_holds_every_cell_once() {
        let plan = Plan::new(scenarios(), 7);
        assert_eq!(plan.cells.len(), 8);
        assert_eq!(plan.holes.len(), 1);
        for (cell, what) in plan.cells.iter().enumerate() {
            let mut blocks: Vec<u32> = plan.steps.iter().filter(|s| s.cell == cell).map(|s| s.block).collect();
            blocks.sort_unstable();
            let wanted: Vec<u32> = (0..plan.scenarios[what.scenario].method.blocks).collect();
            assert_eq!(blocks, wanted);
        }
    }

    #[test]
    fn what_is_broken_on_purpose_leaves_holes_where_nothing_could_be_measured() {
        let mut scenario = Scenario::load("nic-udp-ipv4").unwrap();
        scenario.faults.insert(crate::Fault::RefuseDirection, 1);
        let holes = |scenario: &Scenario| -> Vec<Datapath> {
            Plan::new(vec![scenario.clone()], 1).holes.iter().map(|hole| hole.datapath).collect()
        };
        assert_eq!(holes(&scenario), [Datapath::NetdevHw]);
        scenario.faults.clear();
        assert_eq!(holes(&scenario), []);
        scenario.control = crate::Control::MissingPort;
        assert_eq!(holes(&scenario), [Datapath::Netdev, Datapath::NetdevHw]);
    }

    #[test]
    fn a_seed_is_replayable_and_seeds_differ() {
        assert_eq!(Plan::new(scenarios(), 7), Plan::new(scenarios(), 7));
        assert_ne!(Plan::new(scenarios(), 7).steps, Plan::new(scenarios(), 8).steps);
    }

    #[test]
    fn datapaths_of_a_scenario_stay_together() {
        let plan = Plan::new(scenarios(), 3);
        let runs = plan
            .steps
            .chunk_by(|a, b| a.block == b.block && plan.cells[a.cell].scenario == plan.cells[b.cell].scenario);
        assert!(runs.clone().all(|run| run.len() >= 2));
        assert_eq!(runs.count(), 10 + 10 + 5);
    }
}
