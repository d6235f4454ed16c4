//! The judgement: what follows from the raw samples of a run. Pure, and recomputed whenever a result is read.

mod gain;
mod limits;
mod metrics;
mod onset;
mod row;
mod totals;
mod verdict;
mod warnings;

use flowgauge_scenarios::{Hole, Plan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::event::Warning;
use crate::trial::{Calibration, TimeToOffload, Trial};

pub use gain::Gain;
pub use metrics::{CostBound, Sample};
pub(crate) use onset::backlog;
pub use onset::{Onset, Spread};
pub use row::Row;
pub use totals::Totals;
pub use verdict::Verdict;

/// What follows from the samples of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Judgement {
    /// One row per cell of the plan, in its order; of a shard, one per cell that it has steps of.
    pub rows: Vec<Row>,
    /// What could not be measured, with the reasons.
    pub holes: Vec<Hole>,
    /// What limits the worth of the data, with remedies.
    pub warnings: Vec<Warning>,
    /// Good only if every row is.
    pub verdict: Verdict,
}

impl Judgement {
    /// Whether every row is good.
    pub fn good(&self) -> bool {
        self.verdict == Verdict::Good
    }

    /// The judgement once the console of the kernel under test was read: with a complaint of its own it is bad, whatever
    /// the packets did.
    #[must_use]
    pub fn heard(mut self, complaints: &[String]) -> Judgement {
        if let Some(first) = complaints.first() {
            self.verdict = Verdict::Bad { why: format!("the kernel under test complained: {first}") };
        }
        self.warnings.extend(complaints.iter().map(|text| Warning {
            text: format!("the kernel under test complained: {text}"),
            remedy: "it has a bug, or the driver has; vm/console.log beside the result has all of it".to_owned(),
        }));
        self
    }

    /// The exit code of a run that went through its plan: 0 when all is good, else 1.
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.good())
    }

    /// The rows of a scenario, in the order of its datapaths.
    pub fn rows_of(&self, scenario: usize) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.scenario == scenario)
    }
}

/// Judges the samples of a run. Cells, calibrations and onsets must be of the plan ([`crate::RunResult`] checks that).
pub fn judge(
    plan: &Plan,
    trials: &[Trial],
    calibrations: &[Calibration],
    onsets: &[TimeToOffload],
    environment: Option<&Environment>,
) -> Judgement {
    let own = plan.own_steps();
    let planned = |cell: usize| own.iter().filter(|(_, step)| step.cell == cell).count();
    // Of what is another shard's nothing can be said here.
    let cells = (0..plan.cells.len()).filter(|&cell| plan.shard.is_none() || planned(cell) > 0);
    let mut rows: Vec<Row> = cells.map(|cell| row::row(plan, cell, trials, calibrations, environment)).collect();
    for row in &mut rows {
        row.planned = planned(row.cell);
        row.onset = Onset::of(&onsets.iter().filter(|onset| onset.cell == row.cell).collect::<Vec<_>>());
    }
    let of_gains = gain::compare(&mut rows);
    let verdict = verdict::overall(rows.iter().map(|row| &row.verdict));
    let mut warnings = limits::of_the_setup(plan, environment);
    warnings.extend(limits::of_left_rules(trials));
    warnings.extend(rows.iter().flat_map(|row| warnings::of_row(row, &plan.scenarios[row.scenario])));
    warnings.extend(of_gains);
    warnings.extend(warnings::of_noise(&rows));
    warnings.extend(warnings::of_resolution(&rows));
    Judgement { rows, holes: plan.holes.clone(), warnings, verdict }
}

#[cfg(test)]
mod tests;
