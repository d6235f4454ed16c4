//! Witnesses of a trial: what each counted on the classic path.

use flowgauge_scenarios::Direction;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::claims::Claims;
use super::crossing::{Crossing, step};
use super::path::Path;
use crate::observation::{Observation, Reading};

/// Who saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WitnessKind {
    /// IP forwarding counters of both families: the fast path does not increment them.
    IpForwarding,
    /// nft counters at the top of the forward chain: the fast path does not enter it.
    Rules,
    /// The conntrack table without an OFFLOAD entry: the fast path serves nothing else.
    ConntrackTable,
}

impl WitnessKind {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            WitnessKind::IpForwarding => "IP forwarding counters",
            WitnessKind::Rules => "nft rule counters",
            WitnessKind::ConntrackTable => "conntrack table",
        }
    }
}

/// What one witness said of a trial, or of several together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Witness {
    /// Who.
    pub kind: WitnessKind,
    /// Packets it counted on the classic path; none for a witness that does not count packets.
    pub classic: Option<u64>,
    /// The share that bypassed the classic path by its word, 0 to 1.
    pub bypass: f64,
}

/// The proof of one direction, from the nft rule counters.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DirectionShare {
    /// The direction.
    pub direction: Direction,
    /// Packets that the DUT transmitted that way.
    pub out: u64,
    /// Packets that the rules counted on the classic path; none where there are no rules.
    pub classic: Option<u64>,
    /// The share that bypassed the classic path; none without rules, or when idle.
    pub bypass: Option<f64>,
    /// Whether too few packets went that way to judge by.
    pub idle: bool,
}

/// Packets of one direction that may take the classic path in an iperf3 trial: its connections are
/// opened inside the window, and each begins on the classic path.
const OPENING_PACKETS: u64 = 64;

impl DirectionShare {
    /// Whether this direction is on `path`, judged by its packets; one without a share of its own is.
    ///
    /// `bulk_trials` is the number of trials by iperf3 that it sums, 0 for the raw engine. Each may put 64 packets, and
    /// all of them 2 % of what they sent, on the classic path before it counts against the fast one.
    pub(crate) fn is_on(&self, path: &Path, bulk_trials: u64) -> bool {
        let (Some(share), Some(classic)) = (self.bypass, self.classic) else { return true };
        let opening = OPENING_PACKETS.saturating_mul(bulk_trials).saturating_add(self.out / 50);
        Path::of(share) == *path || (*path == Path::Fast && bulk_trials > 0 && classic <= opening)
    }
}

/// The share of `out` that `classic` does not account for.
pub(super) fn bypass(out: u64, classic: u64) -> f64 {
    if out == 0 { 0.0 } else { (out - classic.min(out)) as f64 / out as f64 }
}

/// What became of asking one witness.
pub(super) enum Asked {
    Said(Witness),
    Silent(String),
    /// A sentence about a counter that went backwards.
    Backwards(String),
}

/// The IP forwarding counters.
pub(super) fn ip_forwarding(before: &Observation, after: &Observation, out: u64) -> Asked {
    let (b, a) = match both("IP forwarding counters", &before.ip_forwarding, &after.ip_forwarding) {
        Ok(pair) => pair,
        Err(why) => return Asked::Silent(why),
    };
    let ipv4 = step("ForwDatagrams of /proc/net/snmp", b.ipv4, a.ipv4);
    let ipv6 = step("Ip6OutForwDatagrams of /proc/net/snmp6", b.ipv6, a.ipv6);
    match ipv4.and_then(|v4| Ok(v4.saturating_add(ipv6?))) {
        Ok(classic) => Asked::Said(counted(WitnessKind::IpForwarding, out, classic)),
        Err(text) => Asked::Backwards(text),
    }
}

/// The nft rule counters, per direction; the witness as a whole follows from the directions.
pub(super) fn rules(before: &Observation, after: &Observation, crossings: &[Crossing; 2]) -> (Asked, [Option<u64>; 2]) {
    let (b, a) = match both("nft rule counters", &before.rules, &after.rules) {
        Ok(pair) => pair,
        Err(why) => return (Asked::Silent(why), [None; 2]),
    };
    let upstream = step("the nft counter for upstream", b.upstream.packets, a.upstream.packets);
    let downstream = step("the nft counter for downstream", b.downstream.packets, a.downstream.packets);
    match (upstream, downstream) {
        (Ok(up), Ok(down)) => {
            let out = crossings[0].egress_tx + crossings[1].egress_tx;
            // Each direction by itself: packets that a rule dropped later must not hide the other's bypass.
            let classic = up.min(crossings[0].egress_tx) + down.min(crossings[1].egress_tx);
            (Asked::Said(counted(WitnessKind::Rules, out, classic)), [Some(up), Some(down)])
        }
        (Err(text), _) | (_, Err(text)) => (Asked::Backwards(text), [None; 2]),
    }
}

/// The conntrack table, where there are no rules: without an OFFLOAD entry nothing can have taken the fast path.
pub(super) fn conntrack_table(claims: Result<Claims, String>) -> Asked {
    match claims {
        Ok(claims) => {
            let marked = claims.before.max(claims.after);
            let bypass = marked as f64 / claims.entries.max(marked).max(1) as f64;
            Asked::Said(Witness { kind: WitnessKind::ConntrackTable, classic: None, bypass })
        }
        Err(why) => Asked::Silent(why),
    }
}

fn counted(kind: WitnessKind, out: u64, classic: u64) -> Witness {
    Witness { kind, classic: Some(classic), bypass: bypass(out, classic) }
}

/// Both readings of a witness, or why there are not two.
pub(super) fn both<'a, T>(name: &str, before: &'a Reading<T>, after: &'a Reading<T>) -> Result<(&'a T, &'a T), String> {
    for (reading, when) in [(before, "before"), (after, "after")] {
        match reading {
            Reading::Seen(_) => {}
            Reading::Missing { why } => return Err(format!("{name} could not be read {when} the trial: {why}")),
            Reading::Absent => return Err(format!("{name} do not exist here")),
        }
    }
    match (before, after) {
        (Reading::Seen(b), Reading::Seen(a)) => Ok((b, a)),
        _ => Err(format!("{name} were not read")),
    }
}
