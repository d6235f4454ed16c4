//! The cells of a plan: what is run, in which order.

use std::collections::HashSet;

use flowgauge_reports::conform::CaseRun;
use flowgauge_scenarios::conform::{ConformPlan, Mutation, REFERENCE};
use flowgauge_scenarios::{Datapath, Topology};
use serde::{Deserialize, Serialize};

use super::mutants::Chances;

/// An instance on a datapath, sound or broken on purpose. A plan has each once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Cell {
    /// Index of the instance in the plan.
    pub instance: usize,
    /// What the DUT's ports are.
    pub topology: Topology,
    /// The datapath.
    pub datapath: Datapath,
    /// What is broken on purpose.
    pub mutation: Option<Mutation>,
    /// Whether it is the reference once more, to be compared with itself.
    #[serde(default)]
    pub again: bool,
}

impl Cell {
    /// That of a run.
    pub fn of(run: &CaseRun) -> Cell {
        Cell {
            instance: run.instance,
            topology: run.topology,
            datapath: run.datapath,
            mutation: run.mutation,
            again: run.again,
        }
    }
}

/// Every cell of a plan, in the order of a run.
pub fn cells(plan: &ConformPlan) -> Vec<Cell> {
    let (chances, done) = (Chances::of(plan), HashSet::new());
    (0..plan.stations.len()).flat_map(|number| lots(plan, number, &chances, &done)).flat_map(|lot| lot.cells).collect()
}

/// Cells of a station that share a ruleset.
#[derive(Clone, Debug)]
pub(super) struct Lot {
    pub(super) datapath: Datapath,
    pub(super) mutation: Option<Mutation>,
    pub(super) cells: Vec<Cell>,
}

/// What is to be run at a station, by its number: its datapaths, the reference first, and once more where it is under test
/// itself, then the mutants that can show at it. What is `done` is left out, and lots of which nothing is left.
pub(super) fn lots(plan: &ConformPlan, number: usize, chances: &Chances, done: &HashSet<Cell>) -> Vec<Lot> {
    let station = &plan.stations[number];
    let lot = |datapath, mutation, again, instances: Vec<usize>| {
        let cell = |instance| Cell { instance, topology: station.topology, datapath, mutation, again };
        Lot { datapath, mutation, cells: instances.into_iter().map(cell).filter(|cell| !done.contains(cell)).collect() }
    };
    let under_test = |instance: &usize, datapath: Datapath| {
        plan.instances.get(*instance).is_some_and(|instance| instance.datapaths.contains(&datapath))
    };
    // Being equal to itself means something only of two runs. One topology is enough for that.
    let itself = |instance: &&usize| !station.topology.has_nic() && under_test(instance, REFERENCE);
    let sound = station.datapaths.iter().flat_map(|&datapath| {
        let is_reference = datapath == REFERENCE;
        // The reference is for all: the others are compared with it.
        let taken = station.instances.iter().filter(|instance| is_reference || under_test(instance, datapath));
        let again = station.instances.iter().filter(|instance| is_reference && itself(instance));
        [lot(datapath, None, false, taken.copied().collect()), lot(datapath, None, true, again.copied().collect())]
    });
    let broken =
        chances.at(number).map(|chance| lot(chance.datapath, Some(chance.mutation), false, chance.instances.clone()));
    sound.chain(broken).filter(|lot| !lot.cells.is_empty()).collect()
}
