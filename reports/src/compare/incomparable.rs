//! Why two sides are not compared.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::comparison::RowKey;
use super::difference::{Aspect, Difference};
use crate::wording::printable;

/// Why two sides are not compared.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Incomparable {
    /// They differ in what changes figures.
    #[error("{}", refusal(.0))]
    Differences(Vec<Difference>),
    /// A side has no runs, or runs without rows.
    #[error("{side} has no rows: its runs planned nothing")]
    NoRows {
        /// `BASE` or `NEW`.
        side: &'static str,
    },
    /// A side has nothing of the wanted kernel.
    #[error("{side} has no rows of kernel {}; it has {}", printable(.wanted), printable(.has))]
    NoKernel {
        /// `BASE` or `NEW`.
        side: &'static str,
        /// What was asked for.
        wanted: String,
        /// The releases that are there.
        has: String,
    },
    /// What is to be explained was never sampled.
    #[error(
        "nothing tells where a change comes from: {side} ({}) has no samples of the kernel; measure it with \
         `flowgauge bench ... --explain`",
        printable(&runs.join(", "))
    )]
    NoProfile {
        /// `BASE` or `NEW`.
        side: &'static str,
        /// Its runs.
        runs: Vec<String>,
    },
    /// No row is on both sides.
    #[error(
        "BASE and NEW have no row in common: BASE has {}; NEW has {}; give results of the same scenarios and datapaths",
        keys(.base), keys(.new)
    )]
    NothingInCommon {
        /// The rows of base.
        base: Vec<RowKey>,
        /// The rows of new.
        new: Vec<RowKey>,
    },
    /// No row has the wanted metrics.
    #[error("no row has a metric {}; there are: {has}", printable(.wanted))]
    NoMetric {
        /// What was asked for.
        wanted: String,
        /// The names that are there.
        has: String,
    },
    /// The smallest effect cannot be.
    #[error("a smallest effect of {percent} % cannot be told: give more than {least} % and less than 100 %")]
    Effect {
        /// The effect, in percent.
        percent: f64,
        /// What it must be above, in percent.
        least: f64,
    },
}

fn keys(keys: &[RowKey]) -> String {
    let some: Vec<String> = keys.iter().take(6).map(|key| printable(&key.label())).collect();
    let more = keys.len().saturating_sub(some.len());
    format!("{}{}", some.join(", "), if more > 0 { format!(" and {more} more") } else { String::new() })
}

fn refusal(differences: &[Difference]) -> String {
    let mut text = String::from("BASE and NEW are not comparable:\n");
    for difference in differences {
        let _ = writeln!(text, "  {}", difference.line());
    }
    let aspects: BTreeSet<Aspect> = differences.iter().map(|d| d.aspect).collect();
    let words: Vec<&str> = aspects.into_iter().map(Aspect::name).collect();
    let _ = write!(text, "to compare them all the same: --allow {}", words.join(","));
    text
}
