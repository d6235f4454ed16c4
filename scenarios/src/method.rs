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
}

impl Engine {
    /// Every engine, in the order of help texts.
    pub const ALL: [Engine; 2] = [Engine::Raw, Engine::Iperf3];

    /// The name in scenario files, on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Engine::Raw => "raw",
            Engine::Iperf3 => "iperf3",
        }
    }
}

/// Trials at one load, repeated in randomised blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Method {
    /// How long the load is offered in each trial. RFC 2544 asks for 60 s; shorter is said in the report.
    pub trial: Span,
    /// How long the load is offered before each trial, not counted.
    pub warmup: Span,
    /// How many blocks; each holds every datapath once, in random order.
    pub blocks: u32,
}

impl Default for Method {
    fn default() -> Self {
        Method { trial: Span::from_ms(1000), warmup: Span::from_ms(200), blocks: 10 }
    }
}

/// The most blocks that one run may have.
pub const MAX_BLOCKS: u32 = 10_000;

impl Method {
    /// What is wrong with it, as a sentence.
    pub fn check(&self) -> Result<(), String> {
        if self.blocks == 0 || self.blocks > MAX_BLOCKS {
            return Err(format!("blocks = {} is out of range: 1 to {MAX_BLOCKS}", self.blocks));
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
    if engine == Engine::Raw {
        return Ok(());
    }
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
