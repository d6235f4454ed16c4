//! Ethernet, VLAN tags and PPPoE.

use super::{Reader, ip};

/// What a frame carries, by its EtherType (802.3, 802.1Q, RFC 2516).
pub(super) fn ethernet(reader: &mut Reader<'_>) -> Option<()> {
    reader.take("ethernet.destination", 6, mac)?;
    reader.take("ethernet.source", 6, mac)?;
    let mut ether_type = reader.bits("ethernet.type", 2)?;
    while let 0x8100 | 0x88a8 = ether_type {
        reader.take("vlan.tci", 2, tag)?;
        ether_type = reader.bits("vlan.type", 2)?;
    }
    match ether_type {
        0x0800 => ip::ipv4(reader),
        0x86dd => ip::ipv6(reader),
        0x8864 => pppoe(reader),
        _ => None,
    }
}

fn pppoe(reader: &mut Reader<'_>) -> Option<()> {
    reader.bits("pppoe.version", 1)?;
    reader.bits("pppoe.code", 1)?;
    reader.number("pppoe.session", 2)?;
    reader.number("pppoe.length", 2)?;
    match reader.bits("ppp.protocol", 2)? {
        0x0021 => ip::ipv4(reader),
        0x0057 => ip::ipv6(reader),
        _ => None,
    }
}

fn mac(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

fn tag(bytes: &[u8]) -> String {
    let tci = u16::from_be_bytes([bytes[0], bytes[1]]);
    let dei = if tci & 0x1000 != 0 { ", drop eligible" } else { "" };
    format!("id {}, priority {}{dei}", tci & 0xfff, tci >> 13)
}
