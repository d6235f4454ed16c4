//! The proof of one trial.

use flowgauge_scenarios::{Lane, Scenario};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::claims::Claims;
use super::consistency;
use super::crossing::{Crossing, crossings};
use super::finding::Finding;
use super::heard::Heard;
use super::path::{Path, Shares, percent};
use super::witness::{DirectionShare, Witness, both};
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
    /// The share of them that the hardware forwarded, the mean over its witnesses: a part of `bypass`. None without any
    /// witness; on links that are no NIC's there is no such share, and it counts as 0.
    pub hardware: Option<f64>,
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
    /// How the witnesses stand: `2/2 agree`, `2 disagree`, `1 heard`.
    pub fn standing(&self) -> String {
        let heard = self.witnesses.len();
        match self.path {
            Path::Unproven { .. } => format!("{heard} heard"),
            Path::Disagree { .. } => format!("{heard} disagree"),
            _ => format!("{}/{heard} agree", self.agreeing),
        }
    }

    /// The shares of the lanes; none without a packet witness of the classic path.
    pub fn shares(&self) -> Option<Shares> {
        self.bypass.map(|bypass| Shares::new(1.0 - bypass, self.hardware.unwrap_or(0.0)))
    }

    /// The share of the path, those of all lanes where it is a mix, or why there is none: `99.998 % fast`,
    /// `50.0 % hardware, 50.0 % fast`, `unproven`.
    pub fn label(&self) -> String {
        match (&self.path, self.shares()) {
            (Path::Unproven { .. } | Path::Disagree { .. }, _) | (_, None) => self.path.name().to_owned(),
            (path, Some(shares)) => match path.lane() {
                Some(lane) => format!("{} {}", percent(shares.of(lane)), lane.name()),
                None => shares.describe(),
            },
        }
    }
}

/// Proves the path of one trial.
pub fn prove(trial: &Trial, around: &Surroundings<'_>) -> Proof {
    let mut findings = Vec::new();
    let crossings = match both("port counters", &trial.before.ports, &trial.after.ports) {
        Err(why) => return without_shares(Path::Unproven { why }, findings),
        Ok((before, after)) => match crossings(before, after) {
            Ok(crossings) => crossings,
            Err(why) => {
                findings.push(Finding::bad(why.clone()));
                return without_shares(Path::Unproven { why }, findings);
            }
        },
    };
    findings.extend(consistency::check(trial, around, &crossings));
    let torn = consistency::torn(trial, around, &crossings);
    let out = crossings[0].egress_tx.saturating_add(crossings[1].egress_tx);
    if out == 0 {
        let why = torn.clone().unwrap_or_else(|| "nothing was forwarded".to_owned());
        findings.push(Finding::bad(why.clone()));
        let path = if torn.is_some() { Path::Disagree { why } } else { Path::Unproven { why } };
        return without_shares(path, findings);
    }

    let heard = Heard::listen(trial, around, &crossings, out, &mut findings);
    let directions = shares(trial, &crossings, &heard);
    let shares = heard.share(Lane::Classic).map(|c| Shares::new(c, heard.share(Lane::Hardware).unwrap_or(0.0)));
    let bulk_trials = u64::from(matches!(trial.offered, Offered::Bulk(_)));
    let claims = Claims::of(&trial.before, &trial.after);
    // iperf3 has closed its connections by now, and closing takes the mark away. Netdev chains mark nothing.
    if let (0, Ok(claims), Some(shares), NEEDED_PACKETS..) = (bulk_trials, &claims, &shares, out)
        && !trial.datapath.has_netdev_chain()
    {
        let told = trial.datapath.needs_nic() && heard.share(Lane::Hardware).is_some();
        findings.extend(claims.contradictions(shares, told));
    }
    let (path, agreeing) = verdict(&heard, torn, &directions, shares.as_ref(), out, bulk_trials);
    if let Path::Disagree { why } = &path {
        findings.push(Finding::bad(why.clone()));
    }
    Proof {
        path,
        out,
        bypass: shares.map(|s| 1.0 - s.classic),
        hardware: heard.share(Lane::Hardware).and(shares).map(|s| s.hardware),
        witnesses: heard.witnesses,
        agreeing,
        directions,
        claims: claims.ok(),
        findings,
    }
}

fn without_shares(path: Path, findings: Vec<Finding>) -> Proof {
    Proof {
        path,
        out: 0,
        bypass: None,
        hardware: None,
        witnesses: Vec::new(),
        agreeing: 0,
        directions: Vec::new(),
        claims: None,
        findings,
    }
}

fn shares(trial: &Trial, crossings: &[Crossing; 2], heard: &Heard) -> Vec<DirectionShare> {
    let total = crossings[0].egress_tx.saturating_add(crossings[1].egress_tx);
    let share = |(index, c): (usize, &Crossing)| {
        let out = c.egress_tx;
        let idle = match &trial.offered {
            Offered::Frames(_) | Offered::Counted(_) => !consistency::driven(&trial.offered, c.direction),
            Offered::Bulk(_) => out < IDLE_BELOW.max(total / 100),
        };
        let (classic, hardware) = (heard.classic[index], heard.hardware[index]);
        DirectionShare { direction: c.direction, out, classic, hardware, shares: None, idle }.settle()
    };
    crossings.iter().enumerate().map(share).collect()
}

/// The path, and how many witnesses tell the same story.
fn verdict(
    heard: &Heard,
    torn: Option<String>,
    directions: &[DirectionShare],
    shares: Option<&Shares>,
    out: u64,
    bulk_trials: u64,
) -> (Path, usize) {
    let all = heard.witnesses.len();
    if let Some(why) = torn {
        return (Path::Disagree { why }, all);
    }
    if out < NEEDED_PACKETS {
        let why = format!("only {out} packets were forwarded, a proof needs {NEEDED_PACKETS}");
        return (Path::Unproven { why }, all);
    }
    let (Some(shares), true) = (shares, heard.of(Lane::Classic).count() >= NEEDED) else {
        return (Path::Unproven { why: heard.lacking(Lane::Classic, NEEDED) }, all);
    };
    if let Some((why, against)) = heard.contradiction(out) {
        return (Path::Disagree { why }, all.saturating_sub(against));
    }
    // What bypassed the classic path on a NIC may have done so in software or in hardware.
    if heard.nic && Path::of(shares) != Path::Classic && heard.of(Lane::Hardware).count() < NEEDED {
        return (Path::Unproven { why: heard.lacking(Lane::Hardware, NEEDED) }, all);
    }
    // A direction on another path than the whole is a mix, however few its packets.
    let path = Path::of(shares);
    let alike = directions.iter().all(|d| d.is_on(&path, bulk_trials));
    (if alike { path } else { Path::Mixed }, all)
}
