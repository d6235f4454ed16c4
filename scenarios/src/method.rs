//! Methods: how a number is obtained.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::family::Families;
use crate::frame::Frame;
use crate::load::Load;
use crate::span::Span;
use crate::traffic::{ETHERNET_HEADER_LEN, FCS_LEN, Protocol, Traffic};

/// The engine that offers traffic.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Engine {
    /// flowgauge's own AF_PACKET engine: every frame is counted and verified.
    #[default]
    Raw,
    /// iperf3, for TCP bulk transfer by the testers' own stacks.
    Iperf3,
    /// The kernel's own generator: it hands frames to a port without a system call for each. For [`MethodKind::Cost`].
    Pktgen,
}

impl Engine {
    /// Every engine, in the order of help texts.
    pub const ALL: [Engine; 3] = [Engine::Raw, Engine::Iperf3, Engine::Pktgen];

    /// The name in scenario files, on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Engine::Raw => "raw",
            Engine::Iperf3 => "iperf3",
            Engine::Pktgen => "pktgen",
        }
    }
}

/// What a trial is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MethodKind {
    /// A load is offered for a time, and what arrives is counted.
    #[default]
    Rate,
    /// A number of packets is handed to the DUT, and what that took is divided by it: instructions or nanoseconds per
    /// packet, net of the generator.
    Cost,
}

/// Trials at one load, repeated in randomised blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// What a trial is.
    #[serde(default)]
    pub kind: MethodKind,
    /// How many packets of each direction a trial of `kind = "cost"` has.
    #[serde(default = "packets")]
    pub packets: u32,
    /// How long the load is offered in each trial. RFC 2544 asks for 60 s; shorter is said in the report.
    pub trial: Span,
    /// How long the load is offered before each trial, not counted.
    pub warmup: Span,
    /// How many blocks; each holds every datapath once, in random order.
    pub blocks: u32,
}

impl Default for Method {
    fn default() -> Self {
        Method {
            kind: MethodKind::Rate,
            packets: packets(),
            trial: Span::from_ms(1000),
            warmup: Span::from_ms(200),
            blocks: 10,
        }
    }
}

/// Enough that timers and workers, which take their share of each trial, come to the same in all of them.
const fn packets() -> u32 {
    50_000
}

/// The most blocks that one run may have.
pub const MAX_BLOCKS: u32 = 10_000;

impl Method {
    /// What is wrong with it, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        if self.blocks == 0 || self.blocks > MAX_BLOCKS {
            return Err(format!("blocks = {} is out of range: 1 to {MAX_BLOCKS}", self.blocks));
        }
        if !(1_000..=100_000_000).contains(&self.packets) {
            return Err(format!("packets = {} is out of range: 1000 to 100000000", self.packets));
        }
        if self.trial.ms < 50 || self.trial.ms > 3_600_000 {
            return Err(format!("trial = {} is out of range: 50ms to 1h", self.trial));
        }
        if self.warmup.ms > 600_000 {
            return Err(format!("warmup = {} is out of range: 0s to 10m", self.warmup));
        }
        Ok(())
    }
}

/// Whether `engine` can offer `traffic`; otherwise what is wrong, as a sentence.
pub(crate) fn check_engine(engine: Engine, traffic: &Traffic, mtu: u32, trial: Span) -> Result<(), String> {
    match engine {
        Engine::Raw => Ok(()),
        Engine::Iperf3 => check_iperf3(traffic, mtu, trial),
        Engine::Pktgen => check_pktgen(traffic),
    }
}

/// The most flows that pktgen makes: a source port each.
const PKTGEN_FLOWS: u32 = 50_000;

fn check_pktgen(traffic: &Traffic) -> Result<(), String> {
    if traffic.protocol != Protocol::Udp {
        return Err("engine = \"pktgen\" makes UDP only: set protocol = \"udp\"".to_owned());
    }
    if traffic.families == Families::Both {
        return Err("engine = \"pktgen\" makes one family at a time: set families to ipv4 or ipv6".to_owned());
    }
    if traffic.frame == Frame::Imix || traffic.load != Load::Max {
        return Err(
            "engine = \"pktgen\" hands over frames of one size, flat out: set frame to a number and load = \"max\""
                .to_owned(),
        );
    }
    if traffic.flows > PKTGEN_FLOWS {
        return Err(format!("engine = \"pktgen\" makes at most {PKTGEN_FLOWS} flows, not {}", traffic.flows));
    }
    Ok(())
}

fn check_iperf3(traffic: &Traffic, mtu: u32, trial: Span) -> Result<(), String> {
    if traffic.protocol != Protocol::Tcp {
        return Err("engine = \"iperf3\" is for TCP bulk: set protocol = \"tcp\", or take engine = \"raw\"".to_owned());
    }
    let full = mtu + (ETHERNET_HEADER_LEN + FCS_LEN) as u32;
    if traffic.load != Load::Max {
        return Err(
            "engine = \"iperf3\" offers what TCP allows: set load = \"max\", or take engine = \"raw\"".to_owned()
        );
    }
    if u32::from(traffic.max_size()) != full || traffic.frame == Frame::Imix {
        return Err(format!("engine = \"iperf3\" fills its segments: set frame = {full}, what an MTU of {mtu} makes"));
    }
    if !trial.ms.is_multiple_of(1000) {
        return Err(format!("engine = \"iperf3\" counts whole seconds: trial = {trial} cannot be had, 1s and 2s can"));
    }
    if traffic.families == Families::Both {
        return Err("engine = \"iperf3\" runs one family at a time: set families to ipv4 or ipv6".to_owned());
    }
    if traffic.flows > 128 {
        return Err(format!("engine = \"iperf3\" opens at most 128 streams, not {}", traffic.flows));
    }
    Ok(())
}
