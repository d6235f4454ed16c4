//! A sequence: what one flow sends.

use flowgauge_scenarios::Protocol;
use flowgauge_scenarios::conform::PacketSpec;

/// Packets of a flow of their own, which is opened before and in the fast path when they come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequence {
    /// The flow's protocol.
    pub protocol: Protocol,
    /// The packets, in order; `flow` is 0, and `reverse` says who sends.
    pub packets: Vec<PacketSpec>,
}

impl Sequence {
    /// How many packets it sends.
    pub fn len(&self) -> u64 {
        self.packets.iter().map(|packet| u64::from(packet.count)).sum()
    }

    /// Whether it sends nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
