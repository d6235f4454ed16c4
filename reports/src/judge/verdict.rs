//! Verdicts of rows and of the whole.

use flowgauge_scenarios::Datapath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::proof::{Path, Proof, Severity};

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

/// The verdict of a row. A control changes nothing here: the verdict has to turn by itself.
pub(super) fn of_row(datapath: Datapath, proof: &Proof, corrupted: u64) -> Verdict {
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
        let share = crate::proof::percent(bypass);
        return Verdict::Bad {
            why: format!(
                "`{}` should take the {word} path, but {share} of the packets bypassed the classic path",
                datapath.name()
            ),
        };
    }
    if let Some(finding) = proof.findings.iter().find(|f| f.severity == Severity::Bad) {
        return Verdict::Bad { why: finding.text.clone() };
    }
    match &proof.path {
        Path::Unproven { why } => Verdict::Unproven { why: why.clone() },
        _ => Verdict::Good,
    }
}

/// Good when all are; bad when one is; otherwise unproven.
pub(super) fn overall<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> Verdict {
    let not_good: Vec<&Verdict> = verdicts.filter(|v| **v != Verdict::Good).collect();
    let first = not_good.iter().find(|v| matches!(v, Verdict::Bad { .. })).or(not_good.first());
    first.map_or(Verdict::Good, |v| (*v).clone())
}
