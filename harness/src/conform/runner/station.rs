//! A station: its ruleset on one datapath after the other, and on each every instance.

use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use flowgauge_reports::conform::{CaseRun, RulesetInForce};
use flowgauge_reports::event::{Event, Phase};
use flowgauge_scenarios::Topology;
use flowgauge_scenarios::conform::{ConformPlan, Station};

use super::cells::{Cell, Lot, lots};
use super::emitted::emit;
use super::instance::{Scene, Went, disturbs, takes_ports};
use super::kernel::Kernel;
use super::mutants::Chances;
use super::patience::Patience;
use super::stand::{Broken, Stand, Stands};
use crate::conform::craft::Crafter;
use crate::worker::protocol::{Failure, Wire};

/// Runs every cell of a plan on a topology that is not done.
pub(super) fn all(
    plan: &ConformPlan,
    topology: Topology,
    done: &HashSet<Cell>,
    stands: &mut dyn Stands,
    kernel: &Kernel,
    wire: &dyn Wire,
) -> Result<(), Failure> {
    let mut told = false;
    let mut before = None;
    let chances = Chances::of(plan);
    let here: Vec<(usize, &Station)> =
        plan.stations.iter().enumerate().filter(|(_, station)| station.topology == topology).collect();
    for (place, &(number, station)) in here.iter().enumerate() {
        let lots = lots(plan, number, &chances, done);
        if lots.is_empty() {
            continue;
        }
        let _turn = kernel.turn(plan, station);
        let text = format!("station {} of {}: {}", place + 1, here.len(), name(station));
        wire.emit(&Event::Progress { phase: Phase::Drive, text })?;
        wire.check()?;
        let mut stand = match stands.stand(station, before.take()) {
            Ok(stand) => stand,
            Err(refused) => {
                // So it does on every datapath.
                let cells = lots.iter().flat_map(|lot| &lot.cells);
                cells.into_iter().try_for_each(|cell| emit(wire, cell.refused(&refused)))?;
                continue;
            }
        };
        if !std::mem::replace(&mut told, true) {
            wire.emit(&Event::Environment(Box::new(stand.parts().1.environment())))?;
        }
        for lot in &lots {
            run(plan, station, stand.as_mut(), lot, wire)?;
        }
        before = Some(stand);
    }
    Ok(())
}

/// What a station is, for people.
fn name(station: &Station) -> String {
    let word = |value: serde_json::Result<serde_json::Value>| match value {
        Ok(serde_json::Value::String(word)) if word != "none" => Some(word),
        _ => None,
    };
    let parts = [
        Some(station.topology.name().to_owned()),
        word(serde_json::to_value(station.bed.encapsulation)),
        word(serde_json::to_value(station.translation)),
        word(serde_json::to_value(station.family)),
        station.bed.alone.then(|| "alone".to_owned()),
    ];
    format!("{}, {} cases", parts.into_iter().flatten().collect::<Vec<_>>().join(" "), station.instances.len())
}

/// Runs instances on a datapath, broken on purpose or not.
fn run(
    plan: &ConformPlan,
    station: &Station,
    stand: &mut dyn Stand,
    lot: &Lot,
    wire: &dyn Wire,
) -> Result<(), Failure> {
    // The station whose ruleset is still to be told.
    let mut untold = plan.stations.iter().position(|one| std::ptr::eq(one, station));
    let mut patience = Patience::of(lot.datapath);
    // What must be done before the next instance may begin.
    let (mut fresh, mut reopen) = (false, false);
    for &cell in &lot.cells {
        wire.check()?;
        if !fresh || station.bed.alone {
            if let Err(refused) = stand.parts().1.apply(lot.datapath, lot.mutation) {
                emit(wire, cell.refused(&refused))?;
                continue;
            }
            fresh = true;
            if let Some(station) = untold.take() {
                let Lot { datapath, mutation, .. } = *lot;
                let text = stand.parts().1.ruleset();
                let ruleset = RulesetInForce { station, datapath, mutation, text };
                wire.emit(&Event::RulesetInForce(Box::new(ruleset)))?;
            }
        }
        if reopen && let Err(Broken(why)) = stand.reopen() {
            emit(wire, cell.broken(why))?;
            continue;
        }
        reopen = false;
        let case = &plan.cases[plan.instances[cell.instance].case];
        let run = on_stand(plan, station, cell, stand, &mut patience);
        let broken = run.broken.is_some();
        emit(wire, run)?;
        if broken || disturbs(case) {
            // The ruleset from the beginning, where what it was cannot be had again.
            fresh = stand.parts().1.restore().is_ok() && !broken;
            reopen = broken || takes_ports(case);
        }
    }
    Ok(())
}

/// One instance. A panic in it is its own.
fn on_stand(
    plan: &ConformPlan,
    station: &Station,
    cell: Cell,
    stand: &mut dyn Stand,
    patience: &mut Patience,
) -> CaseRun {
    let began = Instant::now();
    let instance = &plan.instances[cell.instance];
    let case = &plan.cases[instance.case];
    let went = catch_unwind(AssertUnwindSafe(|| {
        let (testers, dut) = stand.parts();
        let (lan, wan) = testers.macs();
        let crafter = Crafter::new(instance, case, lan, wan, station.bed.encapsulation);
        let (datapath, mutation) = (cell.datapath, cell.mutation);
        Scene { case, instance, datapath, mutation, testers, dut, patience, crafter, last: None }.run()
    }));
    let went = went.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        let why = format!("flowgauge panicked: {text}; this is a bug in it, please report it");
        Went { steps: Vec::new(), broken: Some(Broken(why)) }
    });
    cell.run(went.steps, went.broken.map(|Broken(why)| why), began)
}
