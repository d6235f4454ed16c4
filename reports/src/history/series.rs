//! Series: one number of one scenario on one datapath, run after run.

use std::collections::BTreeMap;

use flowgauge_scenarios::Datapath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::change::{Change, Value, changes};
use super::divisive::Options;
use super::folder::Unreadable;
use super::observed::{Key, Observed, ObservedRow};
use super::select::{Select, UnknownName};
use crate::environment::Clock;
use crate::merge::difference::{self, Difference};
use crate::metric::Better;
use crate::stats::{Estimate, Unit};

/// Version of a history as JSON.
pub const HISTORY_VERSION: u32 = 1;

/// Runs over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct History {
    /// [`HISTORY_VERSION`] of the writer.
    pub history_version: u32,
    /// The probability up to which a change point counts.
    pub level: f64,
    /// The runs in the order of their beginning.
    pub runs: Vec<RunNote>,
    /// Results that could not be read.
    pub unreadable: Vec<Unreadable>,
    /// The series, in the order of their names.
    pub series: Vec<Series>,
}

/// A run of a history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunNote {
    /// Its name.
    pub run: String,
    /// When it began, in seconds since 1970.
    pub unix_s: f64,
    /// The release of the kernel under test; none where the run failed before it knew.
    pub kernel: Option<String>,
    /// The flowgauge that ran it.
    pub flowgauge: Option<String>,
}

/// One number over time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Series {
    /// The scenario.
    pub name: String,
    /// The datapath.
    pub datapath: Datapath,
    /// The kernel, where its runs have several; else the kernel may be another one in each run.
    pub kernel: Option<String>,
    /// The metric's name.
    pub metric: String,
    /// Which way is good.
    pub better: Better,
    /// What time was measured in.
    pub clock: Clock,
    /// The unit of its values.
    pub unit: Unit,
    /// One point for each run that has the row.
    pub points: Vec<Point>,
    /// Where what was measured, or where, became something else: values on the two sides cannot be compared.
    pub breaks: Vec<Break>,
    /// Where the value changed.
    pub changes: Vec<Change>,
}

/// What one run says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Point {
    /// Index into [`History::runs`].
    pub run: usize,
    /// The median over the run's trials, with its interval; none where the run could not measure it.
    pub estimate: Option<Estimate>,
    /// Why the point does not count; none where it does.
    pub left_out: Option<String>,
}

impl Point {
    /// The value, if it counts.
    pub fn value(&self) -> Option<f64> {
        self.estimate.filter(|_| self.left_out.is_none()).map(|e| e.median)
    }
}

/// Where a series breaks.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Break {
    /// Index into the series' points: the first of the new kind.
    pub at: usize,
    /// What became different.
    pub differences: Vec<Difference>,
}

impl History {
    /// The history of `runs`, in any order.
    pub(super) fn new(
        mut runs: Vec<Observed>,
        unreadable: Vec<Unreadable>,
        select: &Select,
    ) -> Result<History, UnknownName> {
        runs.sort_by(|a, b| (a.note.unix_s.total_cmp(&b.note.unix_s)).then_with(|| a.note.run.cmp(&b.note.run)));
        select.check(&runs)?;
        let mut rows: BTreeMap<Key, Vec<(usize, &ObservedRow)>> = BTreeMap::new();
        for (run, observed) in runs.iter().enumerate() {
            for row in observed.rows.iter().filter(|row| select.scenario.as_ref().is_none_or(|name| *name == row.key.0))
            {
                rows.entry(row.key.clone()).or_default().push((run, row));
            }
        }
        let wanted: Vec<(&'static str, Vec<(usize, &ObservedRow)>)> = rows
            .into_values()
            .flat_map(|rows| select.metrics(&rows).into_iter().map(|name| (name, rows.clone())).collect::<Vec<_>>())
            .collect();
        let series = analysed(&wanted, &select.options);
        Ok(History {
            history_version: HISTORY_VERSION,
            level: select.options.level,
            runs: runs.into_iter().map(|run| run.note).collect(),
            unreadable,
            series,
        })
    }
}

/// The series of rows and metrics, as many at a time as there are CPUs.
fn analysed(wanted: &[(&'static str, Vec<(usize, &ObservedRow)>)], options: &Options) -> Vec<Series> {
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let part = wanted.len().div_ceil(workers).max(1);
    let one = |(name, rows): &(&'static str, Vec<(usize, &ObservedRow)>)| Series::of(name, rows, options);
    std::thread::scope(|scope| {
        let threads: Vec<_> = wanted
            .chunks(part)
            .map(|part| scope.spawn(move || part.iter().filter_map(one).collect::<Vec<_>>()))
            .collect();
        threads.into_iter().flat_map(|t| t.join().unwrap_or_else(|e| std::panic::resume_unwind(e))).collect()
    })
}

impl Series {
    /// The series of a metric over rows of one key; none where no row has it.
    fn of(metric: &str, rows: &[(usize, &ObservedRow)], options: &Options) -> Option<Series> {
        let of = |row: &ObservedRow| row.metrics.iter().find(|m| m.0 == metric).copied();
        let (_, better, some) = rows.iter().find_map(|(_, row)| of(row))?;
        let (_, first) = rows.first()?;
        let point = |&(run, row): &(usize, &ObservedRow)| {
            let estimate = of(row).map(|(_, _, estimate)| estimate);
            // Half a run with a number in another unit would be another series under the same name.
            let missing = match estimate {
                None => Some("it has no such number"),
                Some(e) if !e.median.is_finite() => Some("its value is not a number"),
                Some(e) if e.unit != some.unit => Some("its value is in another unit"),
                Some(_) => None,
            };
            Point { run, estimate, left_out: row.left_out.clone().or_else(|| missing.map(str::to_owned)) }
        };
        let points: Vec<Point> = rows.iter().map(point).collect();
        let breaks: Vec<Break> = (1..rows.len())
            .filter(|&at| rows[at - 1].1.conditions != rows[at].1.conditions)
            .map(|at| Break {
                at,
                differences: difference::between(&rows[at - 1].1.conditions, &rows[at].1.conditions),
            })
            .collect();
        let mut found = Vec::new();
        let mut start = 0;
        for end in breaks.iter().map(|b| b.at).chain([points.len()]) {
            let counting = |point: usize| Some(Value { point, run: points[point].run, value: points[point].value()? });
            let stretch: Vec<Value> = (start..end).filter_map(counting).collect();
            found.extend(changes(&stretch, better, options));
            start = end;
        }
        let (name, datapath, kernel, _) = first.key.clone();
        Some(Series {
            name,
            datapath,
            kernel,
            metric: metric.to_owned(),
            better,
            clock: first.clock,
            unit: some.unit,
            points,
            breaks,
            changes: found,
        })
    }

    /// How many of its points count.
    pub fn counting(&self) -> usize {
        self.points.iter().filter(|point| point.value().is_some()).count()
    }
}

#[cfg(test)]
mod tests;
