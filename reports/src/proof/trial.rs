//! The proof of one trial.

use flowgauge_scenarios::{Datapath, Scenario};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::claims::Claims;
use super::consistency;
use super::crossing::{Crossing, crossings};
use super::finding::Finding;
use super::path::{Path, agreement_tolerance, percent};
use super::witness::{self, Asked, DirectionShare, Witness, WitnessKind, both};
use crate::trial::{Offered, Trial};

/// Independent witnesses that a proof needs.
const NEEDED: usize = 2;
/// Packets that a proof needs: 1 % of them is at least one.
const NEEDED_PACKETS: u64 = 100;
/// A direction that nobody drove on purpose is judged from so many packets on.
const IDLE_BELOW: u64 = 100;

/// What a trial is judged against.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// The trial's scenario.
    pub scenario: &'a Scenario,
    /// Whether `net.netfilter.nf_conntrack_acct` was on.
    pub accounting: bool,
}

/// Which path the packets took, and who says so. Of one trial, or of all trials of a row together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Proof {
    /// The path.
    pub path: Path,
    /// Packets that the DUT transmitted, both directions.
    pub out: u64,
    /// The share of them that bypassed the classic path, the mean over packet witnesses; none without any.
    pub bypass: Option<f64>,
    /// Who was heard.
    pub witnesses: Vec<Witness>,
    /// How many of them tell the same story.
    pub agreeing: usize,
    /// Each direction by itself.
    pub directions: Vec<DirectionShare>,
    /// What conntrack claims; none where it could not be read.
    pub claims: Option<Claims>,
    /// What does not fit.
    pub findings: Vec<Finding>,
}

impl Proof {
    /// How the witnesses stand: `2/2 agree`, `2 disagree`, `1/2 heard`.
    pub fn standing(&self) -> String {
        let heard = self.witnesses.len();
        match self.path {
            Path::Unproven { .. } => format!("{heard}/{NEEDED} heard"),
            Path::Disagree { .. } => format!("{heard} disagree"),
            _ => format!("{}/{heard} agree", self.agreeing),
        }
    }

    /// The share on the fast path, or why there is none: `99.998 % fast`, `unproven`.
    pub fn label(&self) -> String {
        match (&self.path, self.bypass) {
            (Path::Classic | Path::Mixed | Path::Fast, Some(b)) => format!("{} fast", percent(b)),
            (path, _) => path.name().to_owned(),
        }
    }
}

/// Proves the path of one trial.
pub fn prove(trial: &Trial, around: &Surroundings<'_>) -> Proof {
    let mut findings = Vec::new();
    let crossings = match both("port counters", &trial.before.ports, &trial.after.ports) {
        Err(why) => return unproven(why, findings),
        Ok((before, after)) => match crossings(before, after) {
            Ok(crossings) => crossings,
            Err(text) => {
                findings.push(Finding::bad(text.clone()));
                return unproven(text, findings);
            }
        },
    };
    findings.extend(consistency::check(trial, around, &crossings));
    let out = crossings[0].egress_tx.saturating_add(crossings[1].egress_tx);
    if out == 0 {
        findings.push(Finding::bad("nothing was forwarded"));
        return unproven("nothing was forwarded".to_owned(), findings);
    }

    let claims = Claims::of(&trial.before, &trial.after);
    let (rules, classic) = witness::rules(&trial.before, &trial.after, &crossings);
    let second = match rules {
        Asked::Silent(_) if trial.datapath == Datapath::Forward => witness::conntrack_table(claims.clone()),
        other => other,
    };
    let (mut witnesses, mut missing) = (Vec::new(), Vec::new());
    for asked in [witness::ip_forwarding(&trial.before, &trial.after, out), second] {
        match asked {
            Asked::Said(witness) => witnesses.push(witness),
            Asked::Silent(why) => missing.push(why),
            Asked::Backwards(text) => {
                findings.push(Finding::bad(text.clone()));
                missing.push(text);
            }
        }
    }

    let directions = shares(trial, &crossings, classic);
    let counted: Vec<f64> = witnesses.iter().filter(|w| w.classic.is_some()).map(|w| w.bypass).collect();
    let bypass = (!counted.is_empty()).then(|| counted.iter().sum::<f64>() / counted.len() as f64);
    let bulk_trials = u64::from(matches!(trial.offered, Offered::Bulk(_)));
    // iperf3 has closed its connections by now, and closing takes the mark away.
    if let (0, Ok(claims), Some(bypass), NEEDED_PACKETS..) = (bulk_trials, &claims, bypass, out) {
        findings.extend(claims.contradictions(bypass));
    }
    let (path, agreeing) = verdict(&witnesses, &missing, &directions, bypass, out, bulk_trials);
    if let Path::Disagree { why } = &path {
        findings.push(Finding::bad(why.clone()));
    }
    Proof { path, out, bypass, witnesses, agreeing, directions, claims: claims.ok(), findings }
}

fn unproven(why: String, findings: Vec<Finding>) -> Proof {
    Proof {
        path: Path::Unproven { why },
        out: 0,
        bypass: None,
        witnesses: Vec::new(),
        agreeing: 0,
        directions: Vec::new(),
        claims: None,
        findings,
    }
}

fn shares(trial: &Trial, crossings: &[Crossing; 2], classic: [Option<u64>; 2]) -> Vec<DirectionShare> {
    let total = crossings[0].egress_tx.saturating_add(crossings[1].egress_tx);
    let share = |(c, classic): (&Crossing, Option<u64>)| {
        let out = c.egress_tx;
        let idle = match &trial.offered {
            Offered::Frames(_) => !consistency::driven(&trial.offered, c.direction),
            Offered::Bulk(_) => out < IDLE_BELOW.max(total / 100),
        };
        let bypass = classic.filter(|_| !idle && out > 0).map(|classic| witness::bypass(out, classic));
        DirectionShare { direction: c.direction, out, classic, bypass, idle }
    };
    crossings.iter().zip(classic).map(share).collect()
}

/// The path, and how many witnesses tell the same story.
fn verdict(
    witnesses: &[Witness],
    missing: &[String],
    directions: &[DirectionShare],
    bypass: Option<f64>,
    out: u64,
    bulk_trials: u64,
) -> (Path, usize) {
    if out < NEEDED_PACKETS {
        let why = format!("only {out} packets were forwarded, a proof needs {NEEDED_PACKETS}");
        return (Path::Unproven { why }, witnesses.len());
    }
    let (Some(bypass), true) = (bypass, witnesses.len() >= NEEDED) else {
        let why = format!("{} of {NEEDED} witnesses: {}", witnesses.len(), missing.join("; "));
        return (Path::Unproven { why }, witnesses.len());
    };
    let (a, b) = (&witnesses[0], &witnesses[1]);
    if (a.bypass - b.bypass).abs() > agreement_tolerance(out) {
        return (Path::Disagree { why: format!("witnesses disagree: {}, {}", says(a), says(b)) }, 1);
    }
    // A direction on another path than the whole is a mix, however few its packets.
    let path = Path::of(bypass);
    let alike = directions.iter().all(|d| d.is_on(&path, bulk_trials));
    (if alike { path } else { Path::Mixed }, witnesses.len())
}

fn says(witness: &Witness) -> String {
    match witness.kind {
        WitnessKind::ConntrackTable if witness.bypass > 0.0 => "the conntrack table holds OFFLOAD entries".to_owned(),
        WitnessKind::ConntrackTable => "the conntrack table holds no OFFLOAD entry".to_owned(),
        kind => format!("{} say that {} bypassed the classic path", kind.name(), percent(witness.bypass)),
    }
}
