//! The steps of a case.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Act, PacketSpec};

/// Which lane packets must take for the case to say anything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LaneWanted {
    /// The lane of the datapath under test.
    #[default]
    Own,
    /// The classic path: what a fast path must not take.
    Classic,
    /// Past the classic path, in software or in hardware.
    Bypassed,
    /// Any: the case is about something else.
    Any,
}

/// One step. What comes out of the DUT in a step belongs to it: the next begins when it is quiet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Step {
    /// Opens flows: UDP in both directions, TCP by its handshake, then packets until the fast path has taken them (or, where
    /// `offloaded` is false, until it had the time to).
    Open {
        /// Flows 0 to this less one.
        #[serde(default = "one")]
        flows: u16,
        /// Whether they are wanted in the fast path.
        #[serde(default = "yes")]
        offloaded: bool,
    },
    /// Sends packets, one after the other.
    Send {
        /// Which.
        #[serde(default)]
        packet: PacketSpec,
        /// How many packets arrive at the other tester on the reference; all of them where left out.
        #[serde(default)]
        arrive: Option<u32>,
        /// How many come back to the sender on the reference (ICMP errors, RST).
        #[serde(default)]
        answers: u32,
        /// The lane that they must take.
        #[serde(default)]
        lane: LaneWanted,
    },
    /// Does something to the DUT.
    Act(Act),
    /// Lets so many milliseconds pass. Under test nothing is sent.
    Wait(u32),
    /// Sends numbered packets at a constant rate, and in the middle does something to the DUT: how long was nothing
    /// forwarded, and for how long was forwarded what must not be?
    Stream {
        /// Which packets; `count` is ignored.
        #[serde(default)]
        packet: PacketSpec,
        /// Packets per second.
        rate: u32,
        /// How long, in milliseconds.
        ms: u32,
        /// What is done after a third of the time.
        act: Act,
    },
    /// Reads the state: conntrack, counters, claims. So does every other step at its end for the flows of the instance.
    Look,
}

fn one() -> u16 {
    1
}

fn yes() -> bool {
    true
}
