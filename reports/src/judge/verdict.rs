//! Verdicts of rows and of the whole.

use flowgauge_scenarios::{Datapath, Engine, Lane};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::totals::Totals;
use crate::proof::{DirectionShare, Path, Proof, Severity, Shares, percent};

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
    totals: Option<&Totals>,
) -> Verdict {
    if let Some(totals) = totals.filter(|t| t.corrupted > 0) {
        let what = totals.damage.describe().map_or_else(String::new, |what| format!(" ({what})"));
        return Verdict::Bad { why: format!("{} frames arrived corrupted{what}", totals.corrupted) };
    }
    if let Path::Disagree { why } = &proof.path {
        return Verdict::Bad { why: why.clone() };
    }
    let wanted = Path::from(datapath.lane());
    if proof.path != wanted
        && let (Path::Classic | Path::Fast | Path::Hardware | Path::Mixed, Some(shares)) = (&proof.path, proof.shares())
    {
        let bulk_trials = if engine == Engine::Iperf3 { trials.len() as u64 } else { 0 };
        let but = strayed(proof, datapath.lane(), bulk_trials)
            .or_else(|| {
                let (block, trial) = trials.iter().find(|(_, p)| p.path != wanted)?;
                Some(format!("in block {block} {}", strayed(trial, datapath.lane(), bulk_trials.min(1))?))
            })
            .unwrap_or_else(|| format!("the packets were {}", shares.describe()));
        return Verdict::Bad {
            why: format!("packets of `{}` should take {}, but {but}", datapath.name(), datapath.lane().about()),
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

/// What did not take the lane, with the lanes that it took: the packets as a whole, and the one direction that did not
/// where the other did; none when all did.
fn strayed(proof: &Proof, wanted: Lane, bulk_trials: u64) -> Option<String> {
    let judged = || proof.directions.iter().filter(|d| d.shares.is_some());
    let off: Vec<&DirectionShare> = judged().filter(|d| !d.is_on(&Path::from(wanted), bulk_trials)).collect();
    let whole = proof.shares()?;
    if let ([one], true) = (off.as_slice(), judged().count() > 1) {
        let shares = one.shares?;
        return Some(format!(
            "only {} did ({}): of the {} {} packets {}",
            percent(whole.of(wanted)),
            whole.describe(),
            one.out,
            one.direction.name(),
            took(&shares)
        ));
    }
    (Path::of(&whole) != Path::from(wanted))
        .then(|| format!("{} of the packets did ({})", percent(whole.of(wanted)), whole.describe()))
}

/// `100 % took the software fast path`.
fn took(shares: &Shares) -> String {
    let most = Lane::ALL.into_iter().max_by(|&a, &b| shares.of(a).total_cmp(&shares.of(b))).unwrap_or(Lane::Classic);
    format!("{} took {}", percent(shares.of(most)), most.about())
}

/// Good when all are; bad when one is; otherwise unproven.
pub(super) fn overall<'a>(verdicts: impl Iterator<Item = &'a Verdict>) -> Verdict {
    let not_good: Vec<&Verdict> = verdicts.filter(|v| **v != Verdict::Good).collect();
    let first = not_good.iter().find(|v| matches!(v, Verdict::Bad { .. })).or(not_good.first());
    first.map_or(Verdict::Good, |v| (*v).clone())
}
