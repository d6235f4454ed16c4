//! Contradictions within the samples of a result: what no run can have written.

use std::collections::BTreeSet;

use flowgauge_scenarios::{Direction, Plan};

use crate::offered::DirectionReport;
use crate::store::ResultError;
use crate::trial::{Calibration, CellProfile, Offered, TimeToOffload, Trial};

/// Every index points into the plan, every trial is its step's, and the books of every report balance.
pub(crate) fn check(
    plan: &Plan,
    trials: &[Trial],
    calibrations: &[Calibration],
    onsets: &[TimeToOffload],
) -> Result<(), ResultError> {
    let mut seen = BTreeSet::new();
    let found = in_plan(plan)
        .or_else(|| trials.iter().find_map(|t| in_trial(plan, t, !seen.insert(t.step))))
        .or_else(|| calibrations.iter().find_map(|c| in_calibration(plan, c)))
        .or_else(|| onsets.iter().find_map(|o| in_onset(plan, o)));
    found.map_or(Ok(()), |what| Err(ResultError::Inconsistent { what }))
}

/// Every profile is of a cell of the plan.
pub(crate) fn check_profiles(plan: &Plan, profiles: &[CellProfile]) -> Result<(), ResultError> {
    let cells = plan.cells.len();
    let stray = profiles.iter().find(|profile| profile.cell >= cells);
    stray.map_or(Ok(()), |profile| {
        Err(ResultError::Inconsistent { what: format!("a profile of cell {}, the plan has {cells}", profile.cell) })
    })
}

fn in_plan(plan: &Plan) -> Option<String> {
    let scenarios = plan.scenarios.len();
    if let Some(cell) = plan.cells.iter().find(|c| c.scenario >= scenarios) {
        Some(format!("a cell of scenario {}, the plan has {scenarios}", cell.scenario))
    } else if let Some(hole) = plan.holes.iter().find(|h| h.scenario >= scenarios) {
        Some(format!("a hole of scenario {}, the plan has {scenarios}", hole.scenario))
    } else if let Some(step) = plan.steps.iter().find(|s| s.cell >= plan.cells.len()) {
        Some(format!("a step of cell {}, the plan has {}", step.cell, plan.cells.len()))
    } else {
        let shard = plan.shard.filter(|shard| plan.shard(shard.index, shard.of).is_err())?;
        Some(format!("shard {shard} of a plan that cannot be cut so"))
    }
}

/// What is wrong with a trial, given a plan whose own indexes are right.
fn in_trial(plan: &Plan, trial: &Trial, again: bool) -> Option<String> {
    let Some(step) = plan.steps.get(trial.step) else {
        return Some(format!("a trial of step {}, the plan has {}", trial.step, plan.steps.len()));
    };
    if again {
        return Some(format!("two trials of step {}", trial.step));
    }
    let datapath = plan.cells[step.cell].datapath;
    if (trial.cell, trial.block, trial.datapath) != (step.cell, step.block, datapath) {
        return Some(format!(
            "a trial of step {} of cell {} on {} in block {}, by the plan that step is of cell {} on {} in block {}",
            trial.step,
            trial.cell,
            trial.datapath.name(),
            trial.block,
            step.cell,
            datapath.name(),
            step.block
        ));
    }
    let Offered::Frames(reports) = &trial.offered else { return None };
    let mut directions = Vec::new();
    for report in reports {
        let name = report.direction.name();
        let what = if report.direction == Direction::Both {
            Some("a report of both directions in one".to_owned())
        } else if directions.contains(&report.direction) {
            Some(format!("two {name} reports"))
        } else {
            in_report(report)
                .map(|what| format!("{} {name} report of {what}", if name.starts_with('u') { "an" } else { "a" }))
        };
        if let Some(what) = what {
            return Some(format!("{what} in the trial of step {}", trial.step));
        }
        directions.push(report.direction);
    }
    None
}

fn in_report(r: &DirectionReport) -> Option<String> {
    let Some(lost) = r.sent.checked_sub(r.received) else {
        return Some(format!("{} frames received of {} sent", r.received, r.sent));
    };
    (r.lost != lost).then(|| format!("{} frames lost, {} sent less {} received are {lost}", r.lost, r.sent, r.received))
}

fn in_calibration(plan: &Plan, c: &Calibration) -> Option<String> {
    let scenarios = plan.scenarios.len();
    if c.scenario >= scenarios {
        return Some(format!("a calibration of scenario {}, the plan has {scenarios}", c.scenario));
    }
    let sound = |value: f64| value.is_finite() && value >= 0.0;
    (!sound(c.offered_pps) || !sound(c.softirq_ns_per_packet)).then(|| {
        format!(
            "a calibration of scenario {} in block {} with {} frames/s and {} ns per packet",
            c.scenario, c.block, c.offered_pps, c.softirq_ns_per_packet
        )
    })
}

fn in_onset(plan: &Plan, o: &TimeToOffload) -> Option<String> {
    let cells = plan.cells.len();
    if o.cell >= cells {
        return Some(format!("a time to offload of cell {}, the plan has {cells}", o.cell));
    }
    (!o.offered_pps.is_finite() || o.offered_pps < 0.0)
        .then(|| format!("a time to offload of cell {} at {} packets/s", o.cell, o.offered_pps))
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::Shard;

    use super::*;
    use crate::{RunResult, sample};

    fn said(change: impl FnOnce(&mut RunResult)) -> String {
        let mut result = sample::result();
        change(&mut result);
        check(&result.plan, &result.trials, &result.calibrations, &result.onsets)
            .err()
            .map_or_else(String::new, |e| e.to_string())
    }

    fn report(result: &mut RunResult) -> &mut Vec<DirectionReport> {
        match &mut result.trials[3].offered {
            Offered::Frames(reports) => reports,
            Offered::Bulk(_) | Offered::Counted(_) => panic!("the sample sends frames"),
        }
    }

    /// A change, and what must be said of it.
    type Damage = (&'static str, fn(&mut RunResult));

    const DAMAGES: [Damage; 20] = [
        ("shard 3/2 of a plan", |r| r.plan.shard = Some(Shard { index: 3, of: 2 })),
        ("shard 1/999 of a plan", |r| r.plan.shard = Some(Shard { index: 1, of: 999 })),
        ("a cell of scenario 9", |r| r.plan.cells[0].scenario = 9),
        ("a hole of scenario 9", |r| r.plan.holes[0].scenario = 9),
        ("a step of cell 99", |r| r.plan.steps[0].cell = 99),
        ("a trial of step 999, the plan has 115", |r| r.trials[3].step = 999),
        ("two trials of step 2", |r| r.trials[3] = r.trials[2].clone()),
        ("a trial of step 3 of cell 999", |r| r.trials[3].cell = 999),
        ("in block 7, by the plan", |r| r.trials[3].block = 7),
        ("by the plan that step is of cell", |r| {
            let other = r.plan.cells.iter().map(|c| c.datapath).find(|d| *d != r.trials[3].datapath);
            r.trials[3].datapath = other.unwrap();
        }),
        ("two upstream reports in the trial of step 3", |r| {
            let twice = report(r)[0].clone();
            report(r).push(twice);
        }),
        ("both directions in one in the trial of step 3", |r| report(r)[0].direction = Direction::Both),
        ("an upstream report of 5 frames lost", |r| report(r)[0].lost = 5),
        ("a downstream report of ", |r| {
            let one = &mut report(r)[0];
            (one.direction, one.received) = (Direction::Downstream, one.sent + 1);
        }),
        ("a calibration of scenario 9", |r| r.calibrations[0].scenario = 9),
        ("with NaN frames/s", |r| r.calibrations[0].offered_pps = f64::NAN),
        ("with inf frames/s", |r| r.calibrations[0].offered_pps = f64::INFINITY),
        ("a time to offload of cell 99", |r| r.onsets[0].cell = 99),
        ("at inf packets/s", |r| r.onsets[0].offered_pps = f64::INFINITY),
        ("-1 ns per packet", |r| r.calibrations[0].softirq_ns_per_packet = -1.0),
    ];

    #[test]
    fn a_profile_of_no_cell_is_refused() {
        let plan = sample::result().plan;
        let profile = |cell| CellProfile { cell, packets: 1, profile: crate::profile::Profile::default() };
        assert!(check_profiles(&plan, &[profile(0), profile(plan.cells.len() - 1)]).is_ok());
        let said = check_profiles(&plan, &[profile(plan.cells.len())]).unwrap_err().to_string();
        assert!(said.contains("a profile of cell"), "{said}");
    }

    #[test]
    fn every_contradiction_is_told_with_its_place() {
        assert_eq!(said(|_| {}), "");
        for (word, damage) in DAMAGES {
            let text = said(damage);
            assert!(text.contains("contradicts itself") && text.contains(word), "{word}: {text}");
        }
    }

    #[test]
    fn a_start_out_of_the_plan_is_told() {
        use crate::event::Event;
        let mut events = sample::events();
        events.insert(2, Event::TrialStarted { step: 115 });
        let text = RunResult::from_events(events).unwrap_err().to_string();
        assert!(text.contains("the start of step 115, the plan has 115"), "{text}");
    }
}
