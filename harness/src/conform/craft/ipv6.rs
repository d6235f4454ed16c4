//! IPv6 headers and extension headers (RFC 8200).

use std::net::Ipv6Addr;

use flowgauge_scenarios::conform::{Ipv6Extension, PacketSpec};
use pnet::packet::ip::IpNextHeaderProtocol;
use pnet::packet::ipv6::MutableIpv6Packet;

/// Next header of a fragment header.
pub(super) const FRAGMENT: u8 = 44;

/// A header and the payload behind it. The length field says what it must plus what `spec` adds.
pub(super) fn packet(spec: &PacketSpec, ends: (Ipv6Addr, Ipv6Addr), next: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 40];
    if let Some(mut ip) = MutableIpv6Packet::new(&mut bytes) {
        ip.set_version(6);
        ip.set_traffic_class(spec.dscp << 2 | spec.ecn as u8);
        ip.set_flow_label(spec.flow_label);
        ip.set_payload_length((payload.len() as i32).wrapping_add(spec.length) as u16);
        ip.set_next_header(IpNextHeaderProtocol(next));
        ip.set_hop_limit(spec.hop_limit);
        ip.set_source(ends.0);
        ip.set_destination(ends.1);
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// A fragment header: `offset` in bytes (section 4.5).
pub(super) fn fragment_header(next: u8, offset: u16, more: bool, id: u32) -> [u8; 8] {
    let place = (offset & !7) | u16::from(more);
    let ([high, low], [a, b, c, d]) = (place.to_be_bytes(), id.to_be_bytes());
    [next, 0, high, low, a, b, c, d]
}

/// `extensions` in front of `payload`, which begins with header `next`. Returns the first header's number.
pub(super) fn extend(extensions: &[Ipv6Extension], next: u8, id: u32, payload: &[u8]) -> (u8, Vec<u8>) {
    let mut bytes = Vec::with_capacity(8 * extensions.len() + payload.len());
    for (n, extension) in extensions.iter().enumerate() {
        let next = extensions.get(n + 1).map_or(next, number);
        match extension {
            // PadN over the whole of the options.
            Ipv6Extension::HopByHop | Ipv6Extension::Destination => bytes.extend([next, 0, 1, 4, 0, 0, 0, 0]),
            Ipv6Extension::AtomicFragment => bytes.extend(fragment_header(next, 0, false, id)),
        }
    }
    bytes.extend_from_slice(payload);
    (extensions.first().map_or(next, number), bytes)
}

fn number(extension: &Ipv6Extension) -> u8 {
    match extension {
        Ipv6Extension::HopByHop => 0,
        Ipv6Extension::Destination => 60,
        Ipv6Extension::AtomicFragment => FRAGMENT,
    }
}
