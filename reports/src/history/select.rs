//! Which series of a history are wanted.

use std::collections::{BTreeMap, BTreeSet};

use flowgauge_scenarios::nearest;

use super::divisive::Options;
use super::observed::{Observed, ObservedRow};
use crate::wording::printable;

/// Which series, and how to look at them.
#[derive(Clone, Debug, Default)]
pub struct Select {
    /// Only this scenario.
    pub scenario: Option<String>,
    /// Only this metric, or `all`; the one that stands for each row where none is given.
    pub metric: Option<String>,
    /// How to look for change points.
    pub options: Options,
}

/// What was asked for is in no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no result has the {what} `{name}`: {suggestion}")]
pub struct UnknownName {
    what: &'static str,
    name: String,
    suggestion: String,
}

impl Select {
    /// The metrics that are wanted of rows of one key.
    pub(super) fn metrics(&self, rows: &[(usize, &ObservedRow)]) -> Vec<&'static str> {
        let names = || rows.iter().flat_map(|(_, row)| row.metrics.iter().map(|m| m.0));
        match self.metric.as_deref() {
            // The one that stands for most of them: a run that could not measure it does not change what is followed.
            None => {
                let mut votes: BTreeMap<&'static str, usize> = BTreeMap::new();
                let firsts = rows.iter().filter_map(|(_, row)| row.metrics.first());
                firsts.for_each(|m| *votes.entry(m.0).or_default() += 1);
                votes.into_iter().max_by_key(|(_, votes)| *votes).map(|(name, _)| name).into_iter().collect()
            }
            Some(asked) => {
                let all: BTreeSet<&'static str> = names().filter(|&name| asked == "all" || name == asked).collect();
                all.into_iter().collect()
            }
        }
    }

    /// Whether what is asked for is there.
    pub(super) fn check(&self, runs: &[Observed]) -> Result<(), UnknownName> {
        let rows = || runs.iter().flat_map(|run| &run.rows);
        let scenarios: BTreeSet<&str> = rows().map(|row| row.key.0.as_str()).collect();
        unknown("scenario", self.scenario.as_deref(), &scenarios)?;
        let metrics: BTreeSet<&str> = rows().flat_map(|row| row.metrics.iter().map(|m| m.0)).collect();
        unknown("metric", self.metric.as_deref().filter(|&name| name != "all"), &metrics)
    }
}

fn unknown(what: &'static str, name: Option<&str>, known: &BTreeSet<&str>) -> Result<(), UnknownName> {
    match name {
        Some(name) if !known.contains(name) => {
            let suggestion = printable(&nearest::suggestion(name, known.iter().copied()));
            Err(UnknownName { what, name: printable(name), suggestion })
        }
        _ => Ok(()),
    }
}
