//! From the stream of events to a result.

use crate::event::{Event, SCHEMA_VERSION};
use crate::judge::judge;
use crate::result::{Ending, RunResult};
use crate::store::ResultError;

impl RunResult {
    /// The result of a run's events, judged. A stream without a last event gives [`Ending::Truncated`].
    ///
    /// # Errors
    /// When the first event is not `started`, its schema version is not ours, or an event does not fit the plan.
    pub fn from_events(events: impl IntoIterator<Item = Event>) -> Result<RunResult, ResultError> {
        let mut events = events.into_iter();
        let Some(Event::Started(start)) = events.next() else { return Err(ResultError::NoStart) };
        if start.schema_version != SCHEMA_VERSION {
            return Err(ResultError::WrongVersion { found: start.schema_version.into() });
        }
        let (mut environment, mut calibrations, mut trials, mut warnings) = (None, Vec::new(), Vec::new(), Vec::new());
        let mut ending = Ending::Truncated;
        for event in events {
            match event {
                Event::Environment(e) => environment = Some(*e),
                Event::Calibrated(c) => calibrations.push(c),
                Event::Trial(t) => trials.push(*t),
                Event::Warning(w) => warnings.push(w),
                Event::Failed { kind, message } => ending = Ending::Failed { kind, message },
                Event::Finished => ending = Ending::Complete,
                Event::Progress { .. } | Event::TrialStarted { .. } => {}
                Event::Started(_) => return Err(ResultError::Inconsistent { what: "a second `started` event".into() }),
            }
        }
        let plan = start.plan;
        check(&plan, &trials, &calibrations)?;
        let judgement = judge(&plan, &trials, &calibrations, environment.as_ref());
        Ok(RunResult {
            schema_version: start.schema_version,
            run: start.run,
            unix_s: start.unix_s,
            command: start.command,
            ending,
            environment,
            plan,
            calibrations,
            trials,
            warnings,
            judgement,
        })
    }
}

/// Every index points into the plan, so that judging cannot miss.
pub(crate) fn check(
    plan: &flowgauge_scenarios::Plan,
    trials: &[crate::trial::Trial],
    calibrations: &[crate::trial::Calibration],
) -> Result<(), ResultError> {
    let scenarios = plan.scenarios.len();
    let what = if let Some(cell) = plan.cells.iter().find(|c| c.scenario >= scenarios) {
        format!("a cell of scenario {}, the plan has {scenarios}", cell.scenario)
    } else if let Some(hole) = plan.holes.iter().find(|h| h.scenario >= scenarios) {
        format!("a hole of scenario {}, the plan has {scenarios}", hole.scenario)
    } else if let Some(step) = plan.steps.iter().find(|s| s.cell >= plan.cells.len()) {
        format!("a step of cell {}, the plan has {}", step.cell, plan.cells.len())
    } else if let Some(trial) = trials.iter().find(|t| plan.cells.get(t.cell).is_none_or(|c| c.datapath != t.datapath))
    {
        format!("a trial of cell {} on {} that the plan does not have", trial.cell, trial.datapath.name())
    } else if let Some(c) = calibrations.iter().find(|c| c.scenario >= scenarios) {
        format!("a calibration of scenario {}, the plan has {scenarios}", c.scenario)
    } else {
        return Ok(());
    };
    Err(ResultError::Inconsistent { what })
}
