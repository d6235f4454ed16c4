//! The cells of a plan: what is run, in which order.

use std::collections::HashSet;

use flowgauge_reports::conform::CaseRun;
use flowgauge_scenarios::conform::{ConformPlan, Mutation, REFERENCE, Station};
use flowgauge_scenarios::{Datapath, Topology};
use serde::{Deserialize, Serialize};

use super::mutants::chances;

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
}

impl Cell {
    /// That of a run.
    pub fn of(run: &CaseRun) -> Cell {
        Cell { instance: run.instance, topology: run.topology, datapath: run.datapath, mutation: run.mutation }
    }
}

/// Every cell of a plan, in the order of a run.
pub fn cells(plan: &ConformPlan) -> Vec<Cell> {
    plan.stations.iter().flat_map(|station| lots(plan, station, &HashSet::new())).flat_map(|lot| lot.cells).collect()
}

/// Cells of a station that share a ruleset.
#[derive(Clone, Debug)]
pub(super) struct Lot {
    pub(super) datapath: Datapath,
    pub(super) mutation: Option<Mutation>,
    pub(super) cells: Vec<Cell>,
}

/// What is to be run at a station: its datapaths, the reference first, then the mutants that can show at it. What is `done` is
/// left out, and lots of which nothing is left.
pub(super) fn lots(plan: &ConformPlan, station: &Station, done: &HashSet<Cell>) -> Vec<Lot> {
    let lot = |datapath, mutation, instances: Vec<usize>| {
        let cell = |instance| Cell { instance, topology: station.topology, datapath, mutation };
        Lot { datapath, mutation, cells: instances.into_iter().map(cell).filter(|cell| !done.contains(cell)).collect() }
    };
    let sound = station.datapaths.iter().map(|&datapath| lot(datapath, None, runs_on(plan, station, datapath)));
    let broken = plan.mutants.iter().filter_map(|&mutation| {
        let (datapath, instances) = chances(plan, station, mutation)?;
        Some(lot(datapath, Some(mutation), instances))
    });
    sound.chain(broken).filter(|lot| !lot.cells.is_empty()).collect()
}

/// The instances of a station that a datapath is for. The reference is for all: the others are compared with it.
fn runs_on(plan: &ConformPlan, station: &Station, datapath: Datapath) -> Vec<usize> {
    let runs = |instance: &&usize| {
        datapath == REFERENCE || plan.instances.get(**instance).is_some_and(|i| i.datapaths.contains(&datapath))
    };
    station.instances.iter().filter(runs).copied().collect()
}
