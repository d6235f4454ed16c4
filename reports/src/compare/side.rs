//! One side of a comparison, and the rows of both brought together.

use std::collections::{BTreeMap, BTreeSet};

use flowgauge_scenarios::Datapath;

use super::comparison::RowKey;
use super::incomparable::Incomparable;
use super::pooled::Pooled;
use crate::RunResult;
use crate::environment::Clock;
use crate::judge::Row;
use crate::result::Ending;

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
