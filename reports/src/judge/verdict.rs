//! Verdicts of rows and of the whole.

use flowgauge_scenarios::{Datapath, Engine};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::proof::{DirectionShare, Path, Proof, Severity, percent};

/// Whether a row is what its datapath promises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The packets took the path they should, and everything fits.
    Good,
    /// They did not, or something does not fit.
    Bad {
        /// The first reason.
        why: String,
    },
    /// It cannot be told.
    Unproven {
        /// What is missing.
        why: String,
    },
}

impl Verdict {
    /// The word in tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Bad { .. } => "bad",
            Verdict::Unproven { .. } => "unproven",
        }
    }

    /// The reason; none when good.
    pub fn why(&self) -> Option<&str> {
        match self {
            Verdict::Good => None,
            Verdict::Bad { why } | Verdict::Unproven { why } => Some(why),
        }
    }
}

/// The verdict of a row from its pooled proof and the proofs of its trials, each with its block. A control changes
/// nothing here: the verdict has to turn by itself.
pub(super) fn of_row(
    datapath: Datapath,
    engine: Engine,
    proof: &Proof,
    trials: &[(u32, Proof)],
    corrupted: u64,
) -> Verdict {
    if corrupted > 0 {
        return Verdict::Bad { why: format!("{corrupted} frames arrived corrupted") };
    }
    if let Path::Disagree { why } = &proof.path {
        return Verdict::Bad { why: why.clone() };
    }
    let (wanted, word) = if datapath.offloads() { (Path::Fast, "fast") } else { (Path::Classic, "classic") };
    if proof.path != wanted
        && let (Path::Classic | Path::Mixed | Path::Fast, Some(bypass)) = (&proof.path, proof.bypass)
    {
        let bulk_trials = if engine == Engine::Iperf3 { trials.len() as u64 } else { 0 };
        let but = strayed(proof, &wanted, bulk_trials)
            .or_else(|| {
                let (block, trial) = trials.iter().find(|(_, p)| p.path != wanted)?;
                Some(format!("in block {block} {}", strayed(trial, &wanted, bulk_trials.min(1))?))
            })
            .unwrap_or_else(|| format!("{} of the packets bypassed the classic path", percent(bypass)));
        return Verdict::Bad { why: format!("`{}` should take the {word} path, but {but}", datapath.name()) };
    }
    if let Some(finding) = proof.findings.iter().find(|f| f.severity == Severity::Bad) {
        return Verdict::Bad { why: finding.text.clone() };
    }
    match &proof.path {
        Path::Unproven { why } => Verdict::Unproven { why: why.clone() },
        _ => Verdict::Good,
    }
}

/// What did not take the path: the one direction that did not, or else the packets as a whole; none when all did.
fn strayed(proof: &Proof, wanted: &Path, bulk_trials: u64) -> Option<String> {
    let judged = || proof.directions.iter().filter(|d| d.bypass.is_some());
    let off: Vec<&DirectionShare> = judged().filter(|d| !d.is_on(wanted, bulk_trials)).collect();
    if let ([one], true) = (off.as_slice(), judged().count() > 1) {
        let (share, direction) = (percent(one.bypass?), one.direction.name());
        return Some(format!("{share} of the {} {direction} packets bypassed the classic path", one.out));
    }
    let bypass = proof.bypass.filter(|&bypass| Path::of(bypass) != *wanted)?;
    Some(format!("{} of the packets bypassed the classic path", percent(bypass)))
}

/// Good when all are; bad when one is; otherwise unproven.
pub(super) fn overall<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> Verdict {
    let not_good: Vec<&Verdict> = verdicts.filter(|v| **v != Verdict::Good).collect();
    let first = not_good.iter().find(|v| matches!(v, Verdict::Bad { .. })).or(not_good.first());
    first.map_or(Verdict::Good, |v| (*v).clone())
}
