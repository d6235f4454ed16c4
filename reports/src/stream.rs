//! From the stream of events to a result.

use crate::contradiction::{check, check_profiles};
use crate::environment::Environment;
use crate::event::{Event, READ_VERSIONS, SCHEMA_VERSION};
use crate::judge::judge;
use crate::result::{Ending, RunResult};
use crate::store::ResultError;

impl RunResult {
    /// The result of a run's events, judged. A stream without a last event gives [`Ending::Truncated`].
    ///
    /// # Errors
    /// When the first event is not `started`, its schema version is not one that is read, or an event does not fit the plan.
    pub fn from_events(events: impl IntoIterator<Item = Event>) -> Result<RunResult, ResultError> {
        let mut events = events.into_iter();
        let Some(Event::Started(start)) = events.next() else { return Err(ResultError::NoStart) };
        if !READ_VERSIONS.contains(&start.schema_version) {
            return Err(ResultError::WrongVersion { found: start.schema_version.into() });
        }
        let mut environment: Option<Environment> = None;
        let (mut calibrations, mut trials, mut warnings) = (Vec::new(), Vec::new(), Vec::new());
        let (mut onsets, mut complaints, mut profiles) = (Vec::new(), Vec::new(), Vec::new());
        let (mut plan, mut ending) = (start.plan, Ending::Truncated);
        for event in events {
            match event {
                // One event for each topology.
                Event::Environment(e) => match &mut environment {
                    Some(known) => known.merge(*e),
                    None => environment = Some(*e),
                },
                Event::Calibrated(c) => calibrations.push(c),
                Event::Trial(t) => trials.push(*t),
                Event::TimeToOffload(t) => onsets.push(*t),
                Event::Profile(p) => profiles.push(*p),
                Event::Warning(w) => warnings.push(w),
                Event::Complaint { text } => complaints.push(text),
                Event::Failed { kind, message } => ending = Ending::Failed { kind, message },
                Event::Finished => ending = Ending::Complete,
                Event::Grown { plan: grown } if grown.continues(&plan) => plan = *grown,
                Event::Grown { .. } => {
                    let what = "a plan that grows into another than it began as".to_owned();
                    return Err(ResultError::Inconsistent { what });
                }
                Event::TrialStarted { step } if step >= plan.steps.len() => {
                    let what = format!("the start of step {step}, the plan has {}", plan.steps.len());
                    return Err(ResultError::Inconsistent { what });
                }
                Event::Progress { .. } | Event::TrialStarted { .. } => {}
                Event::Started(_) => return Err(ResultError::Inconsistent { what: "a second `started` event".into() }),
                Event::ConformStarted(_) | Event::RulesetInForce(_) | Event::CaseRun(_) | Event::Fuzzed(_) => {
                    let what = "events of a conformance run in a run that measures".to_owned();
                    return Err(ResultError::Inconsistent { what });
                }
            }
        }
        check(&plan, &trials, &calibrations, &onsets)?;
        check_profiles(&plan, &profiles)?;
        let judgement = judge(&plan, &trials, &calibrations, &onsets, environment.as_ref());
        let judgement = judgement.heard(&complaints);
        Ok(RunResult {
            // Judged anew, it is a result of ours.
            schema_version: SCHEMA_VERSION,
            run: start.run,
            unix_s: start.unix_s,
            command: start.command,
            ending,
            environment,
            plan,
            calibrations,
            trials,
            onsets,
            profiles,
            complaints,
            warnings,
            judgement,
        })
    }
}
