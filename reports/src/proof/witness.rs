//! Witnesses of a trial: who they are, and what each said of the lane that it counts.

use flowgauge_scenarios::{Direction, Lane};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::path::{Path, Shares};
use crate::observation::Reading;

/// Who saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WitnessKind {
    /// IP forwarding counters of both families: only the classic path increments them.
    IpForwarding,
    /// nft counters at the top of the forward chain: only the classic path enters it.
    Rules,
    /// The conntrack table without an OFFLOAD entry: the fast path serves nothing else.
    ConntrackTable,
    /// nft counters at the ingress of the DUT's ports: what they did not see, the hardware forwarded.
    CpuPorts,
    /// What the driver says that the CPU saw (`IFLA_OFFLOAD_XSTATS_CPU_HIT`).
    CpuHit,
    /// The driver's own counters of packets that its hardware forwarded, by the table of drivers in `drivers.rs`.
    Driver,
}

impl WitnessKind {
    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            WitnessKind::IpForwarding => "IP forwarding counters",
            WitnessKind::Rules => "nft rule counters",
            WitnessKind::ConntrackTable => "conntrack table",
            WitnessKind::CpuPorts => "nft counters at the ports",
            WitnessKind::CpuHit => "CPU hits by the driver",
            WitnessKind::Driver => "hardware counters of the driver",
        }
    }

    /// The lane whose packets it tells.
    pub const fn lane(self) -> Lane {
        match self {
            WitnessKind::IpForwarding | WitnessKind::Rules | WitnessKind::ConntrackTable => Lane::Classic,
            WitnessKind::CpuPorts | WitnessKind::CpuHit | WitnessKind::Driver => Lane::Hardware,
        }
    }
}

/// What one witness said of a trial, or of several together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Witness {
    /// Who.
    pub kind: WitnessKind,
    /// Packets on its lane ([`WitnessKind::lane`]); none for a witness that does not count packets.
    pub packets: Option<u64>,
    /// The share of all packets on its lane by its word, 0 to 1.
    pub share: f64,
}

impl Witness {
    /// A witness that counted `packets` of `out` on its lane.
    pub(super) fn counted(kind: WitnessKind, out: u64, packets: u64) -> Witness {
        Witness { kind, packets: Some(packets), share: share(out, packets) }
    }
}

/// The proof of one direction.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DirectionShare {
    /// The direction.
    pub direction: Direction,
    /// Packets that the DUT transmitted that way.
    pub out: u64,
    /// Packets that the rules counted on the classic path; none where there are no rules.
    pub classic: Option<u64>,
    /// Packets that the hardware forwarded, the mean over its witnesses; none where there is no NIC or no witness.
    pub hardware: Option<u64>,
    /// The shares of the lanes; none without rules, or when idle.
    pub shares: Option<Shares>,
    /// Whether too few packets went that way to judge by.
    pub idle: bool,
}

/// Packets of one direction that may be on another lane in an iperf3 trial: its connections are opened inside the
/// window, and each begins on the classic path.
const OPENING_PACKETS: u64 = 64;

impl DirectionShare {
    /// The shares that its counts come to.
    pub(super) fn settle(mut self) -> Self {
        self.shares = self
            .classic
            .filter(|_| !self.idle && self.out > 0)
            .map(|classic| Shares::new(share(self.out, classic), share(self.out, self.hardware.unwrap_or(0))));
        self
    }

    /// Whether this direction is on `path`, judged by its packets; one without shares of its own is.
    ///
    /// `bulk_trials` is the number of trials by iperf3 that it sums, 0 for the raw engine. Each may put 64 packets, and
    /// all of them 2 % of what they sent, on slower lanes before it counts against the faster one.
    pub(crate) fn is_on(&self, path: &Path, bulk_trials: u64) -> bool {
        let (Some(shares), Some(classic)) = (self.shares, self.classic) else { return true };
        let opening = OPENING_PACKETS.saturating_mul(bulk_trials).saturating_add(self.out / 50);
        let slower = match path {
            Path::Fast => classic,
            Path::Hardware => self.out.saturating_sub(self.hardware.unwrap_or(0)),
            _ => u64::MAX,
        };
        Path::of(&shares) == *path || (bulk_trials > 0 && slower <= opening)
    }
}

/// `packets` over `out`, at most 1.
pub(super) fn share(out: u64, packets: u64) -> f64 {
    if out == 0 { 0.0 } else { packets.min(out) as f64 / out as f64 }
}

/// What became of asking one witness.
pub(super) enum Asked {
    /// Its word, with the packets of its lane by direction where it tells them apart.
    Said(Witness, [Option<u64>; 2]),
    Silent(String),
    /// A sentence about a counter that went backwards.
    Backwards(String),
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
