//! What is offered to the DUT: protocol, families, frame sizes, flows, directions, load.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::family::{Families, Family};
use crate::frame::Frame;
use crate::load::Load;

/// The transport protocol of the flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// UDP datagrams.
    Udp,
    /// TCP segments of established connections.
    Tcp,
}

impl Protocol {
    /// The name in scenario files and in nft.
    pub const fn name(self) -> &'static str {
        match self {
            Protocol::Udp => "udp",
            Protocol::Tcp => "tcp",
        }
    }

    /// Bytes of the transport header without options.
    pub const fn header_len(self) -> usize {
        match self {
            Protocol::Udp => 8,
            Protocol::Tcp => 20,
        }
    }
}

/// Bytes of an Ethernet header without tags.
pub const ETHERNET_HEADER_LEN: usize = 14;
/// Bytes of the frame check sequence, which RFC 2544 counts and software never sees.
pub const FCS_LEN: usize = 4;
/// Bytes at the start of each test payload: flow, sequence and time of sending.
pub const STAMP_LEN: usize = 18;
/// The simple IMIX as (frame size with FCS, weight).
pub const SIMPLE_IMIX: [(u16, u32); 3] = [(64, 7), (594, 4), (1518, 1)];
/// The most flows that one traffic may have.
pub const MAX_FLOWS: u32 = 1_000_000;

/// Who sends the measured packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// The client sends to the server.
    Upstream,
    /// The server sends to the client.
    Downstream,
    /// Both send at once.
    Both,
}

impl Direction {
    /// Every name a user can give.
    pub const ALL: [Direction; 3] = [Direction::Upstream, Direction::Downstream, Direction::Both];

    /// The name in scenario files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Direction::Upstream => "upstream",
            Direction::Downstream => "downstream",
            Direction::Both => "both",
        }
    }

    /// Whether the client sends.
    pub const fn client_sends(self) -> bool {
        !matches!(self, Direction::Downstream)
    }

    /// Whether the server sends.
    pub const fn server_sends(self) -> bool {
        !matches!(self, Direction::Upstream)
    }
}

/// How flows begin before the measured packets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Opening {
    /// Packets in both directions, TCP by a full handshake, and the state verified.
    #[default]
    Full,
    /// None: the measured packets are the first of their flows. TCP then never becomes established; a
    /// negative control.
    None,
}

/// What is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// The transport protocol.
    pub protocol: Protocol,
    /// The address families.
    pub families: Families,
    /// The frame sizes.
    pub frame: Frame,
    /// How many flows, 1 to [`MAX_FLOWS`].
    pub flows: u32,
    /// Who sends.
    pub direction: Direction,
    /// The offered load of each sending direction.
    pub load: Load,
    /// How flows begin.
    #[serde(default)]
    pub opening: Opening,
}

/// The smallest frame, with FCS, that holds the headers and the stamp; never below Ethernet's 64.
pub const fn min_frame(family: Family, protocol: Protocol) -> u16 {
    let len = ETHERNET_HEADER_LEN + family.header_len() + protocol.header_len() + STAMP_LEN + FCS_LEN;
    if len < 64 { 64 } else { len as u16 }
}

impl Traffic {
    /// The frame sizes of `family` as (size with FCS, weight), smallest first.
    pub fn sizes(&self, family: Family) -> Vec<(u16, u32)> {
        let least = min_frame(family, self.protocol);
        match self.frame {
            Frame::Fixed(size) => vec![(size, 1)],
            Frame::Imix => SIMPLE_IMIX.iter().map(|&(size, weight)| (size.max(least), weight)).collect(),
        }
    }

    /// Mean frame size with FCS in bytes over `family`.
    pub fn mean_size(&self, family: Family) -> f64 {
        let sizes = self.sizes(family);
        let weight: u32 = sizes.iter().map(|s| s.1).sum();
        sizes.iter().map(|&(size, w)| f64::from(size) * f64::from(w)).sum::<f64>() / f64::from(weight)
    }

    /// The largest frame with FCS.
    pub fn max_size(&self) -> u16 {
        match self.frame {
            Frame::Fixed(size) => size,
            Frame::Imix => 1518,
        }
    }

    /// What is wrong with it, as a sentence, for a link of `mtu` bytes.
    pub fn check(&self, mtu: u32) -> Result<(), String> {
        if self.flows == 0 || self.flows > MAX_FLOWS {
            return Err(format!("flows = {} is out of range: 1 to {MAX_FLOWS}", self.flows));
        }
        if let Frame::Fixed(size) = self.frame {
            for &family in self.families.each() {
                let least = min_frame(family, self.protocol);
                if size < least {
                    return Err(format!(
                        "frame = {size} is too small: {family:?} {:?} with the {STAMP_LEN}-byte stamp needs at least \
                         {least} bytes (with the 4-byte FCS)",
                        self.protocol
                    ));
                }
            }
        }
        let most = mtu as usize + ETHERNET_HEADER_LEN + FCS_LEN;
        if usize::from(self.max_size()) > most {
            return Err(format!(
                "frame = {} does not fit a link with an MTU of {mtu}: at most {most} bytes (with the 4-byte FCS)",
                self.max_size()
            ));
        }
        Ok(())
    }
}
