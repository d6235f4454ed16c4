//! What is wrong with a frame of ours: the first of address, payload, header, TTL, checksum that differs.

use flowgauge_reports::offered::Damage;
use flowgauge_scenarios::traffic::{ETHERNET_HEADER_LEN, STAMP_LEN};
use flowgauge_scenarios::{Family, Protocol};

/// What a router may not have done to a frame; one number of [`Damage`] each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// TTL or hop limit.
    Ttl,
    /// A checksum, and nothing else.
    Checksum,
    /// Another header field.
    Header,
    /// Payload, stamp or length.
    Payload,
    /// MAC address, IP address or port.
    Address,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 5] = [Kind::Ttl, Kind::Checksum, Kind::Header, Kind::Payload, Kind::Address];

    /// Counts one frame.
    pub fn count(self, damage: &mut Damage) {
        *match self {
            Kind::Ttl => &mut damage.ttl,
            Kind::Checksum => &mut damage.checksum,
            Kind::Header => &mut damage.header,
            Kind::Payload => &mut damage.payload,
            Kind::Address => &mut damage.address,
        } += 1;
    }
}

/// The frame that must have arrived.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Its address family.
    pub family: Family,
    /// Its transport protocol.
    pub protocol: Protocol,
    /// Headers and stamp.
    pub head: &'a [u8],
    /// What follows the stamp.
    pub tail: &'a [u8],
}

/// What differs; none when nothing does. `trust_l4` skips the L4 checksum.
///
/// RFC 1624 section 3: 0 has two ways of writing in one's complement, and an incremental update may leave the other
/// one. Both are right, but for UDP, where 0x0000 says that there is no checksum (RFC 768).
pub fn diagnose(frame: &[u8], expected: &Expected<'_>, trust_l4: bool) -> Option<Kind> {
    let Expected { family, protocol, head, tail } = *expected;
    let l4 = ETHERNET_HEADER_LEN + family.header_len();
    let (ports, payload) = (l4..l4 + 4, l4 + protocol.header_len());
    let (ttl, addresses, ip_checksum) = match family {
        Family::Ipv4 => (22, 26..34, Some(24)),
        Family::Ipv6 => (21, 22..54, None),
    };
    let l4_checksum = if protocol == Protocol::Udp { l4 + 6 } else { l4 + 16 };
    let same = |range: std::ops::Range<usize>| frame.get(range.clone()) == head.get(range);
    if !same(0..12) {
        return Some(Kind::Address);
    }
    // EtherType, version and header lengths: where one of them differs nothing else is in its place.
    let shape = same(12..15) && (protocol == Protocol::Udp || same(l4 + 12..l4 + 13));
    if !shape {
        return Some(Kind::Header);
    }
    if !same(addresses.clone()) || !same(ports.clone()) {
        return Some(Kind::Address);
    }
    if frame.len() != head.len() + tail.len() || !same(payload..payload + STAMP_LEN) || frame[head.len()..] != *tail {
        return Some(Kind::Payload);
    }
    let apart = |at: usize| {
        at == ttl
            || addresses.contains(&at)
            || ports.contains(&at)
            || ip_checksum.is_some_and(|c| (c..c + 2).contains(&at))
            || (l4_checksum..l4_checksum + 2).contains(&at)
    };
    if (ETHERNET_HEADER_LEN..payload).any(|at| !apart(at) && frame[at] != head[at]) {
        return Some(Kind::Header);
    }
    if frame[ttl] != head[ttl] {
        return Some(Kind::Ttl);
    }
    let number = |bytes: &[u8], at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
    let right = |at: usize, zero_is_none: bool| {
        let (arrived, wanted) = (number(frame, at), number(head, at));
        arrived == wanted || (!zero_is_none && arrived.wrapping_add(wanted) == 0xffff && (arrived == 0 || wanted == 0))
    };
    let sound =
        ip_checksum.is_none_or(|at| right(at, false)) && (trust_l4 || right(l4_checksum, protocol == Protocol::Udp));
    (!sound).then_some(Kind::Checksum)
}
