//! One side of a comparison: runs, and what they have together of each row.

use std::collections::{BTreeMap, BTreeSet};

use flowgauge_scenarios::Datapath;

use super::comparison::RowKey;
use super::difference::Incomparable;
use crate::RunResult;
use crate::environment::Clock;
use crate::judge::{Row, Verdict};
use crate::metric::Better;
use crate::result::Ending;
use crate::stats::{Estimate, Unit};

/// The runs of one side, those rows only that are of the wanted kernel.
pub(super) struct Side<'a> {
    /// `BASE` or `NEW`, as the command line has them.
    pub(super) name: &'static str,
    /// The runs with a row in it.
    pub(super) results: Vec<&'a RunResult>,
    rows: Vec<(&'a RunResult, &'a Row)>,
}

impl<'a> Side<'a> {
    /// Takes the rows of `kernel`, or all.
    pub(super) fn new(
        name: &'static str,
        results: &'a [RunResult],
        kernel: Option<&str>,
    ) -> Result<Self, Incomparable> {
        let all = || results.iter().flat_map(|result| result.judgement.rows.iter().map(move |row| (result, row)));
        let wanted = |(result, row): &(&RunResult, &Row)| kernel.is_none_or(|kernel| is_of(result, row, kernel));
        let rows: Vec<(&RunResult, &Row)> = all().filter(wanted).collect();
        match kernel {
            Some(kernel) if rows.is_empty() => Err(Incomparable::NoKernel {
                side: name,
                wanted: kernel.to_owned(),
                has: releases(all()).into_iter().collect::<Vec<_>>().join(", "),
            }),
            _ if rows.is_empty() => Err(Incomparable::NoRows { side: name }),
            _ => {
                let results = results.iter().filter(|result| rows.iter().any(|(r, _)| std::ptr::eq(*r, *result)));
                Ok(Side { name, results: results.collect(), rows })
            }
        }
    }

    /// The names of its runs.
    pub(super) fn runs(&self) -> Vec<String> {
        self.results.iter().map(|result| result.run.clone()).collect()
    }

    /// The releases of its kernels.
    pub(super) fn kernels(&self) -> Vec<String> {
        releases(self.rows.iter().copied()).into_iter().collect()
    }

    fn releases_of(&self, scenario: &str, datapath: Datapath) -> usize {
        releases(self.rows.iter().copied().filter(|(_, row)| row.name == scenario && row.datapath == datapath)).len()
    }
}

fn is_of(result: &RunResult, row: &Row, wanted: &str) -> bool {
    let origin = result.environment.as_ref().map_or("", |e| e.kernel_origin.as_str());
    row.kernel.as_deref().is_some_and(|release| begins(release, wanted)) || begins(origin, wanted)
}

/// Whether `text` begins with `wanted`, and no number goes on there: 6.1 is not 6.12.
fn begins(text: &str, wanted: &str) -> bool {
    let goes_on =
        |rest: &str| wanted.ends_with(|c: char| c.is_ascii_digit()) && rest.starts_with(|c: char| c.is_ascii_digit());
    text.strip_prefix(wanted).is_some_and(|rest| !goes_on(rest))
}

fn releases<'a>(rows: impl Iterator<Item = (&'a RunResult, &'a Row)>) -> BTreeSet<String> {
    rows.filter_map(|(_, row)| row.kernel.clone()).collect()
}

/// One metric of a row, of all runs of a side.
pub(super) struct PooledMetric<'a> {
    pub(super) name: &'static str,
    pub(super) better: Better,
    pub(super) clock: Clock,
    pub(super) unit: Unit,
    /// The run, the block and the value of each finite sample.
    pub(super) samples: Vec<(&'a str, u32, f64)>,
}

impl PooledMetric<'_> {
    pub(super) fn estimate(&self) -> Option<Estimate> {
        Estimate::of(&self.samples.iter().map(|s| s.2).collect::<Vec<f64>>(), self.unit)
    }
}

/// A row of all runs of a side.
pub(super) struct Pooled<'a> {
    /// The worst of its runs' verdicts.
    pub(super) standing: Verdict,
    /// What they have, that which stands for the row first.
    pub(super) metrics: Vec<PooledMetric<'a>>,
}

impl<'a> Pooled<'a> {
    fn new(rows: &[(&'a RunResult, &'a Row)]) -> Pooled<'a> {
        // A shard has rows that another shard measured; they say nothing where some run did measure.
        let measured = rows.iter().any(|(_, row)| row.trials > 0);
        let (mut metrics, mut standing): (Vec<PooledMetric<'a>>, _) = (Vec::new(), Verdict::Good);
        for (result, row) in rows.iter().filter(|(_, row)| row.trials > 0 || !measured) {
            standing = worse(standing, standing_of(result, row));
            for metric in row.metrics() {
                let samples = metric.samples.iter().filter(|(_, value)| value.is_finite());
                let samples = samples.map(|&(block, value)| (result.run.as_str(), block, value));
                match metrics.iter_mut().find(|m| (m.name, m.unit) == (metric.name, metric.unit())) {
                    Some(pooled) => pooled.samples.extend(samples),
                    None => metrics.push(PooledMetric {
                        name: metric.name,
                        better: metric.better,
                        clock: metric.clock,
                        unit: metric.unit(),
                        samples: samples.collect(),
                    }),
                }
            }
        }
        if !measured {
            standing = worse(standing, Verdict::Unproven { why: "it was not measured".to_owned() });
        }
        Pooled { standing, metrics }
    }

    pub(super) fn metric(&self, name: &str) -> Option<&PooledMetric<'a>> {
        self.metrics.iter().find(|m| m.name == name)
    }
}

/// A row's own verdict; on a kernel that complained none is good.
fn standing_of(result: &RunResult, row: &Row) -> Verdict {
    match (&row.verdict, result.complaints.first()) {
        (Verdict::Good, Some(complaint)) => {
            let first = complaint.lines().next().unwrap_or_default();
            Verdict::Bad { why: format!("the kernel under test complained: {first}") }
        }
        (verdict, _) => verdict.clone(),
    }
}

fn worse(one: Verdict, other: Verdict) -> Verdict {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Good => 0,
        Verdict::Unproven { .. } => 1,
        Verdict::Bad { .. } => 2,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

/// Rows of both sides.
pub(super) type Matches<'a> = [(RowKey, Pooled<'a>, Pooled<'a>)];

/// Rows by where they are.
pub(super) struct Matched<'a> {
    /// On both sides, in base's order.
    pub(super) both: Vec<(RowKey, Pooled<'a>, Pooled<'a>)>,
    pub(super) only_in_base: Vec<RowKey>,
    pub(super) only_in_new: Vec<RowKey>,
}

/// Brings the rows of the sides together by scenario and datapath, and by kernel where a side has several.
pub(super) fn matched<'a>(base: &Side<'a>, new: &Side<'a>) -> Matched<'a> {
    let mut several: BTreeMap<(&str, Datapath), bool> = BTreeMap::new();
    for (_, row) in base.rows.iter().chain(&new.rows) {
        several
            .entry((&row.name, row.datapath))
            .or_insert_with(|| [base, new].iter().any(|side| side.releases_of(&row.name, row.datapath) > 1));
    }
    let key = |row: &Row| RowKey {
        scenario: row.name.clone(),
        datapath: row.datapath,
        kernel: row.kernel.clone().filter(|_| several.get(&(row.name.as_str(), row.datapath)) == Some(&true)),
    };
    let grouped = |side: &Side<'a>| {
        let mut groups: Vec<(RowKey, Vec<(&'a RunResult, &'a Row)>)> = Vec::new();
        let mut places = BTreeMap::new();
        for &(result, row) in &side.rows {
            let key = key(row);
            let place = *places.entry(key.clone()).or_insert_with(|| {
                groups.push((key, Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push((result, row));
        }
        groups
    };
    let mut of_new: BTreeMap<RowKey, _> = BTreeMap::new();
    let order: Vec<RowKey> = grouped(new)
        .into_iter()
        .map(|(key, rows)| {
            of_new.insert(key.clone(), rows);
            key
        })
        .collect();
    let mut matched = Matched { both: Vec::new(), only_in_base: Vec::new(), only_in_new: Vec::new() };
    for (key, rows) in grouped(base) {
        match of_new.remove(&key) {
            Some(others) => matched.both.push((key, Pooled::new(&rows), Pooled::new(&others))),
            None => matched.only_in_base.push(key),
        }
    }
    matched.only_in_new = order.into_iter().filter(|key| of_new.contains_key(key)).collect();
    matched
}

/// The clocks of the rows.
pub(super) fn clocks(base: &Side<'_>, new: &Side<'_>) -> Vec<Clock> {
    let mut clocks: Vec<Clock> = Vec::new();
    for clock in base.rows.iter().chain(&new.rows).filter_map(|(_, row)| row.clock) {
        if !clocks.contains(&clock) {
            clocks.push(clock);
        }
    }
    clocks
}

/// What a reader should know of the runs.
pub(super) fn notes(base: &Side<'_>, new: &Side<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    for side in [base, new] {
        for result in &side.results {
            let ending = match &result.ending {
                Ending::Complete => continue,
                Ending::Failed { .. } => "failed",
                Ending::Truncated => "was cut off",
            };
            notes.push(format!(
                "run {} of {} {ending}: what it had measured by then is compared",
                result.run, side.name
            ));
        }
    }
    let twice = |result: &&&RunResult| {
        new.results.iter().any(|other| (&other.run, &other.trials) == (&result.run, &result.trials))
            && base.kernels() == new.kernels()
    };
    if let Some(result) = base.results.iter().find(twice) {
        notes.push(format!("run {} is on both sides: what is compared with itself is equal", result.run));
    }
    if clocks(base, new).contains(&Clock::Wall)
        && base.results.len() == 1
        && new.results.len() == 1
        && base.runs() != new.runs()
    {
        notes.push(
            "one run a side: by the wall clock, what differs from one boot or day to the next cannot be told from a change; \
             several runs a side can tell it"
                .to_owned(),
        );
    }
    notes
}
