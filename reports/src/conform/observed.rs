//! What the worker saw of one instance on one datapath. Frames are whole, from the destination MAC address on, without FCS,
//! and stand in files as hexadecimal digits.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use flowgauge_scenarios::Datapath;
use flowgauge_scenarios::Topology;
use flowgauge_scenarios::conform::{Mutation, REFERENCE, Side};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::{Count, Ports, Reading};

/// What the DUT was told to do with packets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RulesetInForce {
    /// Index of the station in the plan.
    pub station: usize,
    /// The datapath.
    pub datapath: Datapath,
    /// What was broken on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutation: Option<Mutation>,
    /// The text that `nft -f` was given.
    pub text: String,
}

/// An instance on one datapath, as it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseRun {
    /// Index of the instance in the plan.
    pub instance: usize,
    /// What the DUT's ports were.
    pub topology: Topology,
    /// The datapath.
    pub datapath: Datapath,
    /// What was broken on purpose.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mutation: Option<Mutation>,
    /// Whether this is the reference once more, under test: it must come out as it did the first time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub again: bool,
    /// Its steps, as many as were done.
    pub steps: Vec<StepRun>,
    /// Why it could not be set up: the kernel refused the bed or the ruleset. Its word for it. Then it is `unsupported`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<String>,
    /// Why it ended before its last step although it was set up. Then it is an `error`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
    /// How long it took, in nanoseconds.
    pub duration_ns: u64,
}

impl CaseRun {
    /// Whether others are compared with it.
    pub fn is_reference(&self) -> bool {
        self.datapath == REFERENCE && self.mutation.is_none() && !self.again
    }
}

/// A step, as it went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepRun {
    /// What the testers sent, in order.
    pub sent: Vec<Sent>,
    /// What the testers received, in order.
    pub arrived: Vec<Arrived>,
    /// Packets that took the classic path in this step, by the counters at the top of the forward chain.
    pub classic: Reading<u64>,
    /// Packets that the CPU saw at the DUT's ports in this step; absent on veth.
    pub cpu: Reading<u64>,
    /// Of an act.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<ActRun>,
    /// Of a stream; its frames are not in `sent` and `arrived`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamRun>,
    /// The state at its end.
    pub state: State,
}

/// A frame that a tester sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sent {
    /// Which tester.
    pub side: Side,
    /// When, in nanoseconds since the step began.
    pub at_ns: u64,
    /// The frame.
    #[serde(with = "hex")]
    #[schemars(with = "String")]
    pub frame: Vec<u8>,
}

/// A frame that a tester received.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Arrived {
    /// Which tester.
    pub side: Side,
    /// When, in nanoseconds since the step began.
    pub at_ns: u64,
    /// The frame.
    #[serde(with = "hex")]
    #[schemars(with = "String")]
    pub frame: Vec<u8>,
}

/// An act, as it went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActRun {
    /// Whether the kernel did it.
    pub done: bool,
    /// What it said.
    pub said: String,
    /// How long it took, in nanoseconds.
    pub duration_ns: u64,
}

/// A stream with an act in the middle. Packet n was due n divided by the rate after the step began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StreamRun {
    /// How many were sent.
    pub sent: u64,
    /// When the act began and ended, in nanoseconds since the step began.
    pub act_ns: (u64, u64),
    /// What arrived at the other tester: number, and microseconds since the step began.
    pub arrived: Vec<(u32, u32)>,
    /// Those of them that arrived with another MAC address, address or port than before the act.
    pub changed: Vec<u32>,
}

/// State, read when nothing was on the way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct State {
    /// Conntrack entries of the instance's flows, in the order of the flows.
    pub entries: Reading<Vec<Entry>>,
    /// Rule counters of the case's own, by their comments.
    pub rules: Reading<BTreeMap<String, Count>>,
    /// Port counters.
    pub ports: Reading<Ports>,
    /// What the NIC holds; absent on veth.
    pub hardware: Reading<Hardware>,
}

/// What the reference NIC says of its rules for the instance's flows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hardware {
    /// How many there are.
    pub rules: u64,
    /// What they counted, all together.
    pub count: Count,
}

/// One direction of a conntrack entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tuple {
    /// Where it comes from.
    #[schemars(with = "String")]
    pub source: SocketAddr,
    /// Where it goes.
    #[schemars(with = "String")]
    pub destination: SocketAddr,
}

/// A conntrack entry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    /// The flow of the instance that it belongs to.
    pub flow: u16,
    /// The direction of the first packet.
    pub original: Tuple,
    /// The other.
    pub reply: Tuple,
    /// `enum ip_conntrack_status` of include/uapi/linux/netfilter/nf_conntrack_common.h.
    pub status: u32,
    /// Seconds until it goes; none while it is offloaded.
    pub timeout_s: Option<u32>,
    /// `enum tcp_conntrack` of TCP; none while it is offloaded.
    pub tcp_state: Option<u8>,
    /// The mark.
    pub mark: u32,
    /// Accounting of the original direction.
    pub original_count: Count,
    /// Accounting of the reply direction.
    pub reply_count: Count,
}

impl Entry {
    /// Whether it is in a flowtable (`IPS_OFFLOAD`).
    pub fn offloaded(&self) -> bool {
        self.status & (1 << 14) != 0
    }

    /// Whether it is in hardware (`IPS_HW_OFFLOAD`).
    pub fn hardware_offloaded(&self) -> bool {
        self.status & (1 << 15) != 0
    }
}

mod hex {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if !text.is_ascii() || text.len() % 2 != 0 {
            return Err(D::Error::custom("a frame has two hexadecimal digits for each byte"));
        }
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).map_err(D::Error::custom);
        (0..text.len()).step_by(2).map(byte).collect()
    }
}
