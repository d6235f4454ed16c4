//! What a history keeps of a run: the numbers of its rows, and the conditions that they were measured in.

use std::collections::BTreeSet;
use std::path::Path;

use flowgauge_scenarios::{Datapath, Scenario};
use serde::Serialize;

use super::series::RunNote;
use crate::environment::{Accelerator, Clock, Environment};
use crate::judge::{Row, Verdict};
use crate::metric::{Better, Metric};
use crate::result::RunResult;
use crate::stats::Estimate;
use crate::wording;

/// What must be the same for two values to be comparable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Conditions {
    pub(super) scenario: Scenario,
    accelerator: Option<Accelerator>,
    simulated: bool,
    cpu: Option<String>,
    pub(super) host_cpu: Option<String>,
    cpus: Option<u32>,
}

impl Conditions {
    pub(super) fn of(result: &RunResult, row: &Row) -> Conditions {
        let mut scenario = result.plan.scenarios[row.scenario].clone();
        // More blocks make a value surer, not another one, and what is said of a scenario is not what it does.
        scenario.method.blocks = 0;
        scenario.about.clear();
        let environment = result.environment.as_ref();
        let of = |get: fn(&Environment) -> &String| environment.map(|e| get(e).clone());
        Conditions {
            scenario,
            accelerator: row.accelerator,
            simulated: row.simulated,
            cpu: of(|e| &e.cpu),
            // Instructions are the guest's, whatever machine emulates it.
            host_cpu: of(|e| &e.host_cpu).filter(|_| row.clock != Some(Clock::Instructions)),
            cpus: environment.map(|e| e.cpus),
        }
    }
}

/// What a history needs of a run.
#[derive(Clone, Debug)]
pub(super) struct Observed {
    pub(super) note: RunNote,
    pub(super) rows: Vec<ObservedRow>,
}

/// What it needs of a row.
#[derive(Clone, Debug)]
pub(super) struct ObservedRow {
    pub(super) key: Key,
    pub(super) clock: Clock,
    /// Name, direction and estimate of each metric, the one that stands for the row first.
    pub(super) metrics: Vec<(&'static str, Better, Estimate)>,
    /// Why its values do not count.
    pub(super) left_out: Option<String>,
    pub(super) conditions: Conditions,
}

/// Scenario, datapath, kernel, and the clock's name, for clocks have no order of their own.
pub(super) type Key = (String, Datapath, Option<String>, &'static str);

impl Observed {
    /// What is kept of a result that lies in `folder`. A run over several kernels has a folder for each in its own, named
    /// as the user named the kernel: so `debian:sid` is one series, whatever release it is on a day.
    pub(super) fn at(folder: &Path, result: &RunResult) -> Observed {
        let mut observed = Observed::of(result);
        let name = |path: Option<&Path>| Some(path?.file_name()?.to_string_lossy().into_owned());
        if name(folder.parent()).as_deref() == Some(&result.run) {
            observed.rows.iter_mut().for_each(|row| row.key.2 = row.key.2.take().or_else(|| name(Some(folder))));
        }
        observed
    }

    pub(super) fn of(result: &RunResult) -> Observed {
        let rows = &result.judgement.rows;
        let kernels: BTreeSet<Option<&str>> = rows.iter().map(|row| row.kernel.as_deref()).collect();
        let several = kernels.len() > 1;
        let row = |row: &Row| ObservedRow {
            key: (row.name.clone(), row.datapath, row.kernel.clone().filter(|_| several), wording::clock(clock(row))),
            clock: clock(row),
            metrics: row.metrics().iter().map(|m: &Metric| (m.name, m.better, m.estimate)).collect(),
            left_out: left_out(result, row),
            conditions: Conditions::of(result, row),
        };
        let environment = result.environment.as_ref();
        Observed {
            note: RunNote {
                run: result.run.clone(),
                unix_s: result.unix_s,
                kernel: environment.map(|e| e.kernel_release.clone()),
                flowgauge: environment.map(|e| e.flowgauge.clone()),
            },
            rows: rows.iter().map(row).collect(),
        }
    }
}

/// A run that failed before it knew its clock has no values either.
fn clock(row: &Row) -> Clock {
    row.clock.unwrap_or(Clock::Wall)
}

/// Why a row's value does not count.
fn left_out(result: &RunResult, row: &Row) -> Option<String> {
    match (&row.verdict, result.complaints.first()) {
        (Verdict::Good, None) => None,
        (Verdict::Good, Some(first)) => Some(format!("the kernel under test complained: {first}")),
        (verdict, _) => Some(format!("{}: {}", verdict.name(), verdict.why().unwrap_or_default())),
    }
}
