//! The runner: a plan, trial by trial, over a rig. No I/O of its own, so that it is tested over a fake.

mod bulk;
mod calibrate;
mod cost;
pub mod fake_rig;
pub(crate) mod fingerprint;
pub mod injection;
mod leftover;
mod live;
mod onset;
pub mod rig;
pub mod router_rig;
#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use flowgauge_reports::event::{Event, Phase};
use flowgauge_reports::trial::{CellProfile, TimeToOffload, Trial};
use flowgauge_scenarios::{Datapath, MethodKind, Plan, Step};

use crate::worker::protocol::{Failure, Wire};
use rig::Rig;

/// Runs `plan` over `rig`, an event on `wire` for everything worth knowing.
///
/// The rig is left to its owner in every case: dropping it is what cleans up.
pub fn run(plan: &Plan, rig: &mut dyn Rig, wire: &dyn Wire) -> Result<(), Failure> {
    progress(wire, Phase::Build, "building the testbed")?;
    let steps = plan.own_steps();
    let mut seen = Vec::new();
    for (index, scenario) in plan.scenarios.iter().enumerate() {
        // A shard builds what it needs.
        let needed = plan.shard.is_none() || steps.iter().any(|(_, step)| plan.cells[step.cell].scenario == index);
        // Each topology has ports of its own.
        if needed && !seen.contains(&scenario.topology) {
            seen.push(scenario.topology);
            rig.prepare(scenario)?;
            wire.emit(&Event::Environment(Box::new(rig.environment())))?;
        }
    }
    progress(wire, Phase::Drive, "measuring")?;
    let mut calibrated = None;
    for (index, step) in &steps {
        let index = *index;
        wire.check()?;
        let due = (step.block, plan.cells[step.cell].scenario);
        if calibrated != Some(due) {
            calibrate::once(plan, due.1, due.0, rig, wire)?;
            calibrated = Some(due);
        }
        wire.emit(&Event::TrialStarted { step: index })?;
        let trial = trial(plan, index, *step, rig, wire)?;
        for warning in rig.warnings() {
            wire.emit(&Event::Warning(warning))?;
        }
        wire.emit(&Event::Trial(Box::new(trial)))?;
        wire.kept(index)?;
        if step.block == 0
            && let Some(profile) = rig.explain(plan.scenario(step.cell))?
        {
            wire.emit(&Event::Profile(Box::new(CellProfile { cell: step.cell, ..profile })))?;
        }
        let cell = plan.cells[step.cell];
        if step.block == 0
            && cell.datapath == Datapath::FlowtableHw
            && plan.scenario(step.cell).method.kind == MethodKind::Rate
        {
            time_to_offload(plan, step.cell, rig, wire)?;
        }
    }
    Ok(())
}

/// Once a cell: the figures come from thousands of flows, not from repetition.
fn time_to_offload(plan: &Plan, cell: usize, rig: &mut dyn Rig, wire: &dyn Wire) -> Result<(), Failure> {
    let scenario = plan.scenario(cell);
    rig.apply(scenario, plan.cells[cell].datapath)?;
    let measured = rig.time_to_offload(scenario, wire.stop())?;
    wire.check()?;
    match measured {
        Some(measured) => wire.emit(&Event::TimeToOffload(Box::new(TimeToOffload { cell, ..measured }))),
        None => Ok(()),
    }
}

fn trial(plan: &Plan, index: usize, step: Step, rig: &mut dyn Rig, wire: &dyn Wire) -> Result<Trial, Failure> {
    let scenario = plan.scenario(step.cell);
    let datapath = plan.cells[step.cell].datapath;
    let started_unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
    rig.prepare(scenario)?;
    let ruleset = rig.apply(scenario, datapath)?;
    let opening = rig.open(scenario, datapath)?;
    wire.check()?;
    if scenario.method.kind == MethodKind::Rate && scenario.method.warmup.ms > 0 {
        rig.drive(scenario, scenario.method.warmup.duration(), wire.stop())?;
        wire.check()?;
    }
    let before = rig.observe();
    let driven = rig.drive(scenario, scenario.method.trial.duration(), wire.stop())?;
    // A trial cut short is no sample.
    wire.check()?;
    let after = rig.observe();
    Ok(Trial {
        step: index,
        block: step.block,
        cell: step.cell,
        datapath,
        started_unix_s,
        ruleset,
        opening,
        offered: driven.offered,
        before,
        after,
        cpu_before: driven.cpu_before,
        cpu_after: driven.cpu_after,
    })
}

fn progress(wire: &dyn Wire, phase: Phase, text: &str) -> Result<(), Failure> {
    wire.emit(&Event::Progress { phase, text: text.to_owned() })
}
