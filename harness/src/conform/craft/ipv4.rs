//! IPv4 headers (RFC 791).

use std::net::Ipv4Addr;

use flowgauge_scenarios::conform::{Ipv4Option, PacketSpec};
use pnet::packet::ip::IpNextHeaderProtocol;
use pnet::packet::ipv4::{Ipv4Flags, MutableIpv4Packet};

use super::transport;
use crate::generators::raw::checksum;

/// What differs between the fragments of a packet, and between packets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Place {
    /// Offset of the payload in that of the whole packet, in bytes.
    pub(super) offset: u16,
    /// Whether more follows.
    pub(super) more: bool,
    /// Whether it is a fragment. Fragments never carry DF.
    pub(super) fragment: bool,
    /// The identification.
    pub(super) id: u16,
}

/// A header and the payload behind it. The length field says what it must plus what `spec` adds.
pub(super) fn packet(
    spec: &PacketSpec,
    ends: (Ipv4Addr, Ipv4Addr),
    protocol: u8,
    place: Place,
    payload: &[u8],
) -> Vec<u8> {
    let options = options(&spec.options, place.offset > 0);
    let header = 20 + options.len();
    let mut bytes = vec![0; header];
    bytes[20..].copy_from_slice(&options);
    if let Some(mut ip) = MutableIpv4Packet::new(&mut bytes) {
        ip.set_version(4);
        ip.set_header_length((header / 4) as u8);
        ip.set_dscp(spec.dscp);
        ip.set_ecn(spec.ecn as u8);
        ip.set_total_length(((header + payload.len()) as i32).wrapping_add(spec.length) as u16);
        ip.set_identification(place.id);
        let dont_fragment = spec.dont_fragment && !place.fragment;
        let flag = |set: bool, flag| if set { flag } else { 0 };
        ip.set_flags(flag(dont_fragment, Ipv4Flags::DontFragment) | flag(place.more, Ipv4Flags::MoreFragments));
        ip.set_fragment_offset(place.offset / 8);
        ip.set_ttl(spec.hop_limit);
        ip.set_next_level_protocol(IpNextHeaderProtocol(protocol));
        ip.set_source(ends.0);
        ip.set_destination(ends.1);
    }
    let right = !checksum::fold(checksum::sum(&bytes));
    bytes[10..12].copy_from_slice(&transport::of(spec.ip_sum, right).to_ne_bytes());
    bytes.extend_from_slice(payload);
    bytes
}

/// The options' bytes, each padded to 4. Fragments behind the first have only those whose copy bit is set.
fn options(options: &[Ipv4Option], only_copied: bool) -> Vec<u8> {
    let bytes = |option: &Ipv4Option| -> &'static [u8] {
        match option {
            Ipv4Option::Nop => &[1, 1, 1, 1],
            Ipv4Option::RouterAlert => &[0x94, 4, 0, 0],
            Ipv4Option::RecordRoute => &[7, 7, 4, 0, 0, 0, 0, 1],
            Ipv4Option::Timestamp => &[0x44, 8, 5, 0, 0, 0, 0, 0],
        }
    };
    options.iter().map(bytes).filter(|bytes| !only_copied || bytes[0] & 0x80 != 0).flatten().copied().collect()
}
