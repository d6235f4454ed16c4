//! Sentinels: packets that go behind those of a step, and say when they have come out that all before them have.
//!
//! A sentinel must take the classic path on every datapath, pass every translation, and disturb no flow. So it is of IP
//! protocol 253 ([`SENTINEL_PROTOCOL`]), which nobody offloads (`flow add` takes TCP, UDP and GRE: nft_flow_offload_eval in
//! net/netfilter/nft_flow_offload.c), which has no ports that could be used up, and it is known by its payload, whatever
//! becomes of its addresses. Upstream and downstream have address pairs of their own: were one the other's reply, then
//! masquerading the first would leave no tuple for the second.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use flowgauge_scenarios::Family;
use flowgauge_scenarios::conform::{PacketSpec, SENTINEL_PROTOCOL, Side};

use crate::conform::craft::{Envelope, bare, inner};

/// Who sends upstream, at the client.
pub const LAN_CLIENT: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(198, 18, 255, 253), Ipv6Addr::new(0x2001, 2, 0, 0x1001, 0, 0, 0xffff, 0xfffd));
/// To whom.
pub const WAN_SERVER: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(198, 19, 255, 253), Ipv6Addr::new(0x2001, 2, 0, 0x1002, 0, 0, 0xffff, 0xfffd));
/// Who sends downstream, at the server.
pub const WAN_CLIENT: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(198, 19, 255, 254), Ipv6Addr::new(0x2001, 2, 0, 0x1002, 0, 0, 0xffff, 0xfffe));
/// To whom.
pub const LAN_SERVER: (Ipv4Addr, Ipv6Addr) =
    (Ipv4Addr::new(198, 18, 255, 254), Ipv6Addr::new(0x2001, 2, 0, 0x1001, 0, 0, 0xffff, 0xfffe));

/// What a sentinel's payload begins with.
const MAGIC: [u8; 8] = *b"sentinel";
/// Length of the payload in bytes: magic, number, sender and what fills a minimum frame.
const PAYLOAD: usize = 26;

/// How many sentinels went since the step began. They took the classic path, and the counters of whoever counts that have
/// them: `classic` of a step is what was counted less [`Sentinels::classic`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sentinels {
    /// Sent by the client, by the server.
    pub sent: [u64; 2],
    /// Of them, those that came out at the other tester.
    pub passed: [u64; 2],
    /// Bytes of each at the LAN and at the WAN port, at L2 without FCS.
    pub frame_len: [u64; 2],
}

impl Sentinels {
    /// How many were forwarded on the classic path.
    pub fn classic(&self) -> u64 {
        self.passed.iter().sum()
    }

    /// How many the DUT's CPU saw at its ports.
    pub fn cpu(&self) -> u64 {
        self.sent.iter().sum()
    }
}

/// A sentinel in a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sighting {
    pub(super) number: u32,
    pub(super) from: Side,
    /// It is quoted by an ICMP error: the DUT had it and did not forward it.
    pub(super) refused: bool,
}

/// Sentinel `number`, as `from` sends it.
pub(super) fn frame(envelope: &Envelope, family: Family, from: Side, number: u32) -> Vec<u8> {
    let mut payload = Vec::with_capacity(PAYLOAD);
    payload.extend(MAGIC);
    payload.extend(number.to_be_bytes());
    payload.push(from as u8);
    payload.resize(PAYLOAD, 0);
    let (source, destination) = if from == Side::Client { (LAN_CLIENT, WAN_SERVER) } else { (WAN_CLIENT, LAN_SERVER) };
    let of = |pair: (Ipv4Addr, Ipv6Addr)| -> IpAddr {
        match family {
            Family::Ipv4 => pair.0.into(),
            Family::Ipv6 => pair.1.into(),
        }
    };
    let packet = bare(&PacketSpec::default(), (of(source), of(destination)), SENTINEL_PROTOCOL, &payload);
    envelope.seal(family, &packet, false).0
}

/// The sentinel in a frame, or the one that an ICMP error quotes.
pub(super) fn sight(frame: &[u8]) -> Option<Sighting> {
    let found = inner(frame)?;
    let refused = match found.protocol {
        SENTINEL_PROTOCOL => false,
        1 | 58 => true,
        _ => return None,
    };
    let at = found.packet.windows(MAGIC.len()).position(|window| *window == MAGIC)?;
    let rest = found.packet.get(at + MAGIC.len()..)?;
    let number = u32::from_be_bytes(*rest.first_chunk()?);
    // Of a sentinel cut short by an ICMP error there is no sender.
    let from = if *rest.get(4)? == Side::Client as u8 { Side::Client } else { Side::Server };
    Some(Sighting { number, from, refused })
}
