//! Which functions a change comes from, where both sides were sampled (`bench --explain`).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::comparison::{Compared, ComparedRow, Comparison, RowKey};
use super::incomparable::Incomparable;
use super::options::Options;
use super::pooled::{Pooled, PooledMetric};
use super::side::{self, Side};
use crate::RunResult;
use crate::profile::{self, Difference, Profile};
use crate::stats;

/// Which rows are explained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Explained {
    /// Those that got worse, and then those that got better.
    #[default]
    Changed,
    /// These first, and then all others.
    All,
}

/// Where the change of a row comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Explanation {
    /// The row.
    pub key: RowKey,
    /// Its verdict.
    pub verdict: Compared,
    /// What differs by function and by stage. The functions' differences less that of what was measured apart sum up to the
    /// difference of the medians. None where the row cannot be explained.
    pub difference: Option<Difference>,
    /// Why it cannot be explained.
    pub why: Option<String>,
}

impl Explanation {
    /// `udp-ipv4 on flowtable: regressed`.
    pub fn title(&self) -> String {
        format!("{}: {}", self.key.label(), self.verdict.name())
    }
}

/// The metrics that a profile says where they come from.
const COUNTED: [&str; 2] = ["instructions", "time-per-packet"];

/// Explains rows of a comparison of the same sides by the same options, into [`Comparison::explained`].
///
/// # Errors
/// When a side was never sampled, with the name; what [`super::compare`] says of the sides.
pub fn explain(
    base: &[RunResult],
    new: &[RunResult],
    options: &Options,
    which: Explained,
    comparison: &mut Comparison,
) -> Result<(), Incomparable> {
    let base = Side::new("BASE", base, options.base_kernel.as_deref())?;
    let new = Side::new("NEW", new, options.new_kernel.as_deref())?;
    for side in [&base, &new] {
        if side.results.iter().all(|result| result.profiles.is_empty()) {
            return Err(Incomparable::NoProfile { side: side.name, runs: side.runs() });
        }
    }
    let labels = labels(comparison);
    let matched = side::matched(&base, &new).both;
    let order = |row: &&ComparedRow| match row.verdict {
        Compared::Regressed => 0,
        Compared::Improved => 1,
        _ => 2,
    };
    let mut rows: Vec<&ComparedRow> =
        comparison.rows.iter().filter(|row| which == Explained::All || order(row) < 2).collect();
    rows.sort_by_key(order);
    let mut explained: Vec<Explanation> = Vec::new();
    for row in rows {
        // A row is explained once, however many of its metrics changed.
        if explained.iter().any(|other| other.key == row.key) {
            continue;
        }
        let Some((_, base, new)) = matched.iter().find(|(key, ..)| *key == row.key) else { continue };
        let difference = of_row(base, new, &labels);
        let (difference, why) = difference.map_or_else(|why| (None, Some(why)), |found| (Some(found), None));
        explained.push(Explanation { key: row.key.clone(), verdict: row.verdict, difference, why });
    }
    comparison.explained = explained;
    Ok(())
}

/// What the sides are called: by their kernels where each has one and they differ.
fn labels(comparison: &Comparison) -> [String; 2] {
    match (comparison.base_kernels.as_slice(), comparison.new_kernels.as_slice()) {
        ([base], [new]) if base != new => [base.clone(), new.clone()],
        _ => ["BASE".to_owned(), "NEW".to_owned()],
    }
}

fn of_row(base: &Pooled<'_>, new: &Pooled<'_>, labels: &[String; 2]) -> Result<Difference, String> {
    let [old, young] = labels;
    let (base, new) = (of_side(base, old, "BASE")?, of_side(new, young, "NEW")?);
    if base.unit != new.unit {
        return Err("the sides measured it in different units".to_owned());
    }
    Ok(Difference::between(&base, &new))
}

/// What a side has of a row: the profiles of all its runs as one, and the medians that the comparison has.
fn of_side(pooled: &Pooled<'_>, label: &str, side: &str) -> Result<profile::Side, String> {
    let metric = |names: &[&str]| pooled.metrics.iter().find(|metric| names.contains(&metric.name));
    let net = metric(&COUNTED).and_then(PooledMetric::estimate);
    let net = net.ok_or_else(|| format!("{side} has no instructions of it: only the method cost is sampled"))?;
    let of = |(result, row): &(&RunResult, &crate::judge::Row)| {
        let found = result.profiles.iter().find(|profile| profile.cell == row.cell)?;
        Some(found.profile.clone())
    };
    let samples = pooled.rows.iter().filter_map(of).reduce(|all, one| all.and(&one)).unwrap_or_else(Profile::default);
    if samples.samples == 0 {
        return Err(format!("{side} has no samples of it: measure it with --explain"));
    }
    let gross: Vec<f64> = pooled.rows.iter().flat_map(|(_, row)| row.samples.iter().filter_map(|s| s.gross)).collect();
    let gross = stats::median(&gross).ok_or_else(|| format!("{side} does not have what its packets took in all"))?;
    Ok(profile::Side::new(label, &samples, gross).less(gross - net.median).counted_in(net.unit))
}
