//! What a comparison comes to.

use flowgauge_scenarios::Datapath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::difference::Difference;
use super::evidence::Evidence;
use super::explanation::Explanation;
use super::options::Effect;
use crate::environment::Clock;
use crate::metric::Better;
use crate::stats::Estimate;

/// Version of the JSON of a comparison. It changes when an old reader would misread a new one.
pub const COMPARISON_VERSION: u32 = 1;

/// What a row is recognised by across runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct RowKey {
    /// The scenario's name.
    pub scenario: String,
    /// The datapath.
    pub datapath: Datapath,
    /// The kernel's release, where a side has several kernels; else the sides' kernels are what is compared.
    pub kernel: Option<String>,
}

impl RowKey {
    /// `udp-ipv4 on flowtable`, and the kernel where it is part of the key.
    pub fn label(&self) -> String {
        let kernel = self.kernel.as_ref().map_or_else(String::new, |kernel| format!(", kernel {kernel}"));
        format!("{} on {}{kernel}", self.scenario, self.datapath.name())
    }
}

/// How new stands to base in a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Compared {
    /// Worse, by the smallest effect that matters or more; or good in base and bad in new.
    Regressed,
    /// Better, by as much.
    Improved,
    /// Any change is smaller than the smallest effect that matters.
    Equivalent,
    /// The samples do not tell.
    Inconclusive,
    /// The row is not good by itself on a side, so its figures prove nothing.
    Unproven,
}

impl Compared {
    /// Every verdict, worst first.
    pub const ALL: [Compared; 5] =
        [Compared::Regressed, Compared::Unproven, Compared::Inconclusive, Compared::Improved, Compared::Equivalent];

    /// Its word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Compared::Regressed => "regressed",
            Compared::Improved => "improved",
            Compared::Equivalent => "equivalent",
            Compared::Inconclusive => "inconclusive",
            Compared::Unproven => "unproven",
        }
    }
}

/// New over base.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shift {
    /// The ratio: 1.01 is 1 % more. The Hodges-Lehmann shift of logarithms, as a ratio.
    pub ratio: f64,
    /// Lower end of the 95 % interval.
    pub low: f64,
    /// Upper end of the 95 % interval.
    pub high: f64,
    /// Lower end of the 90 % interval, by which equivalence is decided (two one-sided tests at 5 %).
    pub narrow_low: f64,
    /// Upper end of the 90 % interval.
    pub narrow_high: f64,
    /// Whether both intervals are but the range of the ratios, because a side has fewer than [`crate::stats::FEW`] samples.
    pub range_only: bool,
    /// Whether samples of one block of one run were paired.
    pub paired: bool,
    /// Standard deviation of base's samples within runs, as a share; none of single samples.
    pub base_scatter: Option<f64>,
    /// The same of new's.
    pub new_scatter: Option<f64>,
}

impl Shift {
    pub(super) fn of(e: &Evidence) -> Shift {
        let Evidence { shift, intervals, range_only, paired, scatter, .. } = *e;
        Shift {
            ratio: shift.exp(),
            low: intervals.wide.0.exp(),
            high: intervals.wide.1.exp(),
            narrow_low: intervals.narrow.0.exp(),
            narrow_high: intervals.narrow.1.exp(),
            range_only,
            paired,
            base_scatter: scatter[0],
            new_scatter: scatter[1],
        }
    }
}

/// A metric of a row that both sides have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ComparedRow {
    /// The row.
    pub key: RowKey,
    /// The metric's name; `none` where neither side has any.
    pub metric: String,
    /// Which way is good.
    pub better: Better,
    /// The clock that it was measured by.
    pub clock: Clock,
    /// Base's median with its interval; none without samples.
    pub base: Option<Estimate>,
    /// New's.
    pub new: Option<Estimate>,
    /// New over base; none where there is no ratio.
    pub shift: Option<Shift>,
    /// Two-sided p of the rank test: Mann-Whitney, or the signed-rank test of pairs.
    pub p: Option<f64>,
    /// The same adjusted for all rows that it decides (Holm); none where it does not decide.
    pub p_adjusted: Option<f64>,
    /// What it comes to.
    pub verdict: Compared,
    /// Why, where numbers do not say it.
    pub why: Option<String>,
    /// How many more samples (blocks) a side would decide with a chance of 80 %; none where it is decided, and where no
    /// sensible number would.
    pub needed: Option<u32>,
}

/// Two sides, row by row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// [`COMPARISON_VERSION`] of the writer.
    pub comparison_version: u32,
    /// The runs of base.
    pub base: Vec<String>,
    /// The runs of new.
    pub new: Vec<String>,
    /// Releases of base's kernels.
    pub base_kernels: Vec<String>,
    /// Releases of new's kernels.
    pub new_kernels: Vec<String>,
    /// The smallest change that matters.
    pub effect: Effect,
    /// What figures of the instruction clock may differ by between two boots, as a share ([`super::NOISE_FLOOR`]).
    pub noise_floor: f64,
    /// Every row that both sides have, in base's order, its metrics one after the other.
    pub rows: Vec<ComparedRow>,
    /// In what the sides differ.
    pub differences: Vec<Difference>,
    /// Rows that new lacks.
    pub only_in_base: Vec<RowKey>,
    /// Rows that base lacks.
    pub only_in_new: Vec<RowKey>,
    /// What a reader should know of the runs.
    pub notes: Vec<String>,
    /// Where changes come from, by function; empty unless it was asked for ([`super::explain`]).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub explained: Vec<Explanation>,
}

/// What a comparison can fail on beside a regression, which it always fails on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FailOn {
    /// A row got worse.
    Regressed,
    /// A row is not decided.
    Inconclusive,
    /// New lacks a row that base has.
    Missing,
    /// A row is not good by itself on a side.
    Unproven,
    /// A row got worse or better.
    Changed,
}

impl FailOn {
    /// Every reason, in the order of help texts.
    pub const ALL: [FailOn; 5] =
        [FailOn::Regressed, FailOn::Inconclusive, FailOn::Missing, FailOn::Unproven, FailOn::Changed];

    /// Its word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            FailOn::Regressed => "regressed",
            FailOn::Inconclusive => "inconclusive",
            FailOn::Missing => "missing",
            FailOn::Unproven => "unproven",
            FailOn::Changed => "changed",
        }
    }

    /// What it fails on, for help texts.
    pub const fn about(self) -> &'static str {
        match self {
            FailOn::Regressed => "a row got worse (always fails)",
            FailOn::Inconclusive => "the samples of a row do not tell",
            FailOn::Missing => "NEW lacks a row that BASE has",
            FailOn::Unproven => "a row is bad or unproven by itself on a side",
            FailOn::Changed => "a row got worse or better",
        }
    }
}

impl Comparison {
    /// The rows with a verdict.
    pub fn of(&self, verdict: Compared) -> impl Iterator<Item = &ComparedRow> {
        self.rows.iter().filter(move |row| row.verdict == verdict)
    }

    /// Whether it fails: on a regression always, and on what `reasons` has.
    pub fn fails(&self, reasons: &[FailOn]) -> bool {
        let any = |verdict| self.of(verdict).next().is_some();
        any(Compared::Regressed)
            || reasons.iter().any(|reason| match reason {
                FailOn::Regressed => false,
                FailOn::Inconclusive => any(Compared::Inconclusive),
                FailOn::Missing => !self.only_in_base.is_empty(),
                FailOn::Unproven => any(Compared::Unproven),
                FailOn::Changed => any(Compared::Improved),
            })
    }

    /// How many more samples a side would decide every row that some number decides; zero when nothing is open.
    pub fn needed(&self) -> u32 {
        self.rows.iter().filter_map(|row| row.needed).max().unwrap_or(0)
    }
}

/// Whether sampling more would tell nothing new: every row has a verdict, or no sensible number of samples gives it one.
pub fn decided(comparison: &Comparison) -> bool {
    comparison.rows.iter().all(|row| row.verdict != Compared::Inconclusive || row.needed.is_none())
}

/// A share in percent, three digits behind the point at most: `0.5 %`.
pub(super) fn percent(share: f64) -> String {
    let text = format!("{:.3}", share * 100.0);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}
