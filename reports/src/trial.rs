//! Trials and calibrations: the raw samples of a run.

use flowgauge_scenarios::Datapath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::{CpuObservation, Observation};
use crate::offered::{BulkReport, CountedReport, DirectionReport};
use crate::profile::Profile;

/// What the generator saw of one trial.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Offered {
    /// The `raw` engine: each sending direction, every frame accounted for.
    Frames(Vec<DirectionReport>),
    /// `iperf3`: bulk TCP.
    Bulk(BulkReport),
    /// `pktgen`: each direction, one after the other.
    Counted(Vec<CountedReport>),
}

/// How the flows of a trial began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Opening {
    /// Flows asked for.
    pub wanted: u64,
    /// Flows that testers saw open in both directions.
    pub opened: u64,
    /// Conntrack entries that the DUT then held; none without connection tracking.
    pub tracked: Option<u64>,
    /// How long it took, in nanoseconds.
    pub duration_ns: u64,
}

/// One measurement of one cell at one load.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// Index into the plan's steps.
    pub step: usize,
    /// The block, from 0.
    pub block: u32,
    /// Index into the plan's cells.
    pub cell: usize,
    /// The cell's datapath.
    pub datapath: Datapath,
    /// When it began, in seconds since 1970.
    pub started_unix_s: f64,
    /// The native nft text that was installed.
    pub ruleset: String,
    /// How its flows began; none with `opening = "none"` and for iperf3.
    pub opening: Option<Opening>,
    /// What the generator saw.
    pub offered: Offered,
    /// The path witnesses before the measured packets.
    pub before: Observation,
    /// The path witnesses after the last packet came to rest.
    pub after: Observation,
    /// The CPU witnesses right before the first measured packet.
    pub cpu_before: CpuObservation,
    /// The CPU witnesses right after the last measured packet was sent.
    pub cpu_after: CpuObservation,
}

/// What the generator reaches when the DUT drops every packet as it enters: the generator's own limit, and the
/// CPU that a packet costs before the DUT's stack has done anything.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Calibration {
    /// Index into the plan's scenarios.
    pub scenario: usize,
    /// The block that it belongs to: a machine's speed drifts, so the generator is measured again in each.
    pub block: u32,
    /// Frames per second that all sending directions reached together.
    pub offered_pps: f64,
    /// Soft interrupt time per packet in nanoseconds.
    pub softirq_ns_per_packet: f64,
    /// For the method `cost`: what a packet takes that the DUT's stack does nothing with, in nanoseconds or instructions
    /// as the run's clock has it. On `bare` the DUT drops it at ingress; on `nic-router` its hardware forwards it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generator_per_packet: Option<f64>,
}

/// Where a cell's packets spent what they cost: samples of the kernel's stacks, taken in packets of their own after the first
/// trial, because a sampler costs too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CellProfile {
    /// Index into the plan's cells.
    pub cell: usize,
    /// Packets that were sampled.
    pub packets: u64,
    /// The samples.
    pub profile: Profile,
}

/// How long new flows took to get into the hardware: all flows begin at once and are paced, and what the CPU still sees
/// of each is captured at the DUT's port.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TimeToOffload {
    /// Index into the plan's cells.
    pub cell: usize,
    /// Packets per second offered over all flows.
    pub offered_pps: f64,
    /// How long was offered, in nanoseconds.
    pub duration_ns: u64,
    /// Packets at the port that the capture had no room for: above 0 the figures are lower bounds.
    pub uncaptured: u64,
    /// Frames that the DUT lost meanwhile: above 0 the figures are not exact, for a lost frame was not seen by the CPU and
    /// looks like the hardware's.
    #[serde(default)]
    pub lost: u64,
    /// Each flow of which a packet was sent.
    pub flows: Vec<FlowOnset>,
}

/// How one flow got into the hardware.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlowOnset {
    /// When its first packet was sent, in nanoseconds since the first packet of all.
    pub begun_ns: u64,
    /// Its packets that the CPU saw before the first that the hardware forwarded (or all that it saw).
    pub software_packets: u64,
    /// When the first packet was sent that the hardware forwarded, in nanoseconds since the flow's first packet; none
    /// where the hardware forwarded none.
    pub first_hit_ns: Option<u64>,
}
