//! Changes: where a series became another one, between which runs, and by how much.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::divisive::{self, Options};
use crate::metric::Better;
use crate::stats::median;

/// A change point of a series, in the words of its runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    /// Index into the series' points: the first run with the new value.
    pub at: usize,
    /// Index into the history's runs: the last before it whose value counts.
    pub last_before: usize,
    /// Index into the history's runs: the first with the new value.
    pub first_after: usize,
    /// The median of the runs back to the change before, or to the beginning.
    pub from: f64,
    /// The median of the runs up to the next change, or to the end.
    pub to: f64,
    /// `to / from - 1`; none where `from` is 0.
    pub relative: Option<f64>,
    /// Whether the new value is the worse one.
    pub worse: bool,
    /// The probability of such a split in a random order of the same values.
    pub p: f64,
}

/// A value of a series that counts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// Index into the series' points.
    pub(super) point: usize,
    /// Index into the history's runs.
    pub(super) run: usize,
    pub(super) value: f64,
}

/// The changes within one unbroken stretch of a series.
pub(super) fn changes(stretch: &[Value], better: Better, options: &Options) -> Vec<Change> {
    let values: Vec<f64> = stretch.iter().map(|v| v.value).collect();
    let found = divisive::change_points(&values, options);
    let mut edges = vec![0];
    edges.extend(found.iter().map(|change| change.at));
    edges.push(values.len());
    let level = |part: usize| median(&values[edges[part]..edges[part + 1]]).unwrap_or(f64::NAN);
    let change = |(part, point): (usize, &divisive::ChangePoint)| {
        let (from, to) = (level(part), level(part + 1));
        Change {
            at: stretch[point.at].point,
            last_before: stretch[point.at - 1].run,
            first_after: stretch[point.at].run,
            from,
            to,
            relative: Some(to / from - 1.0).filter(|relative| relative.is_finite()),
            worse: match better {
                Better::Higher => to < from,
                Better::Lower => to > from,
            },
            p: point.p,
        }
    };
    found.iter().enumerate().map(change).collect()
}
