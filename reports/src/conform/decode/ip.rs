//! IPv4 (RFC 791) and IPv6 (RFC 8200).

use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Reader, hex, transport};

pub(super) fn ipv4(reader: &mut Reader<'_>) -> Option<()> {
    let version = reader.bits("ipv4.version_ihl", 1)?;
    reader.take("ipv4.dscp_ecn", 1, traffic_class)?;
    let total = reader.number("ipv4.length", 2)? as usize;
    reader.bits("ipv4.id", 2)?;
    let fragment = reader.take("ipv4.fragment", 2, fragment)?;
    reader.number("ipv4.ttl", 1)?;
    let protocol = reader.number("ipv4.protocol", 1)?;
    reader.bits("ipv4.checksum", 2)?;
    reader.take("ipv4.source", 4, address_v4)?;
    reader.take("ipv4.destination", 4, address_v4)?;
    let header = (version & 0xf) as usize * 4;
    if header > 20 {
        reader.take("ipv4.options", header - 20, hex)?;
    }
    let body = total.saturating_sub(header);
    let later = u16::from_be_bytes([fragment[0], fragment[1]]) & 0x1fff != 0;
    transport::body(reader, protocol, body, later)
}

pub(super) fn ipv6(reader: &mut Reader<'_>) -> Option<()> {
    // Version, traffic class and flow label share four bytes.
    reader.take("ipv6.class_label", 4, class_label)?;
    let mut body = reader.number("ipv6.length", 2)? as usize;
    let mut next = reader.number("ipv6.next", 1)?;
    reader.number("ipv6.hop_limit", 1)?;
    reader.take("ipv6.source", 16, address_v6)?;
    reader.take("ipv6.destination", 16, address_v6)?;
    let mut later = false;
    while let 0 | 43 | 44 | 60 = next {
        let name = match next {
            0 => "ipv6.hop_by_hop",
            43 => "ipv6.routing",
            44 => "ipv6.fragment",
            _ => "ipv6.destination_options",
        };
        let (&first, &second) = (reader.left().first()?, reader.left().get(1)?);
        let len = if next == 44 { 8 } else { (usize::from(second) + 1) * 8 };
        if next == 44 {
            let header = reader.take(name, 4, hex)?;
            later |= u16::from_be_bytes([header[2], header[3]]) & 0xfff8 != 0;
            reader.bits("ipv6.fragment.id", 4)?;
        } else {
            reader.take(name, len, hex)?;
        }
        body = body.saturating_sub(len);
        next = first.into();
    }
    transport::body(reader, next, body, later)
}

fn traffic_class(bytes: &[u8]) -> String {
    format!("dscp {}, ecn {}", bytes[0] >> 2, bytes[0] & 3)
}

fn class_label(bytes: &[u8]) -> String {
    let word = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let class = word >> 20 & 0xff;
    format!("version {}, dscp {}, ecn {}, label 0x{:05x}", word >> 28, class >> 2, class & 3, word & 0xf_ffff)
}

fn fragment(bytes: &[u8]) -> String {
    let word = u16::from_be_bytes([bytes[0], bytes[1]]);
    let flag = |bit: u16, name: &'static str| if word & bit != 0 { name } else { "" };
    format!("offset {}{}{}", (word & 0x1fff) * 8, flag(0x4000, ", don't fragment"), flag(0x2000, ", more follow"))
}

fn address_v4(bytes: &[u8]) -> String {
    Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).to_string()
}

fn address_v6(bytes: &[u8]) -> String {
    <[u8; 16]>::try_from(bytes).map_or_else(|_| hex(bytes), |octets| Ipv6Addr::from(octets).to_string())
}
