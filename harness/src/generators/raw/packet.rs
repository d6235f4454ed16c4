//! IP packets of an opening that arrived: headers and checksums.
//!
//! What a router may not change is not looked at here but frame by frame when it is measured ([`super::inspect`]).

use flowgauge_scenarios::traffic::ETHERNET_HEADER_LEN;
use flowgauge_scenarios::{Family, Protocol};

use super::checksum;
use super::endpoint::Endpoint;
use super::template::protocol_number;
use super::wire::Macs;

/// One IP packet of the trial's protocol, whole and with right checksums.
#[derive(Clone, Copy, Debug)]
pub struct Packet<'a> {
    /// The address family.
    pub family: Family,
    /// Where it says that it comes from.
    pub source: Endpoint,
    /// Where it goes.
    pub destination: Endpoint,
    /// The L4 header.
    pub l4: &'a [u8],
    /// What follows the L4 header.
    pub payload: &'a [u8],
}

/// Parses the IP packet in `frame`; none if any header or checksum is wrong. `trust_l4` skips the L4 checksum.
#[inline]
pub fn parse(frame: &[u8], macs: Macs, protocol: Protocol, trust_l4: bool) -> Option<Packet<'_>> {
    let (ethernet, ip) = frame.split_at_checked(ETHERNET_HEADER_LEN)?;
    if ethernet[..6] != macs.own || ethernet[6..12] != macs.gateway {
        return None;
    }
    let (family, header, body) = match u16::from_be_bytes([ethernet[12], ethernet[13]]) {
        0x0800 => {
            let (header, rest) = ip.split_at_checked(20)?;
            let total = usize::from(u16::from_be_bytes([header[2], header[3]]));
            // Version 4 without options, no DSCP or ECN, no fragment.
            let plain = header[..2] == [0x45, 0] && header[6..8] == [0x40, 0];
            if !plain || header[9] != protocol_number(protocol) || checksum::fold(checksum::sum(header)) != 0xffff {
                return None;
            }
            (Family::Ipv4, header, rest.get(..total.checked_sub(20)?)?)
        }
        0x86dd => {
            let (header, rest) = ip.split_at_checked(40)?;
            if header[..4] != [0x60, 0, 0, 0] || header[6] != protocol_number(protocol) {
                return None;
            }
            (Family::Ipv6, header, rest.get(..usize::from(u16::from_be_bytes([header[4], header[5]])))?)
        }
        _ => return None,
    };
    // Ethernet pads up to 60 bytes without FCS; anything else behind the packet does not belong there.
    if frame.len() > 60 && ETHERNET_HEADER_LEN + header.len() + body.len() != frame.len() {
        return None;
    }
    let l4_len = match protocol {
        Protocol::Udp => {
            let fixed = body.first_chunk::<8>()?;
            if usize::from(u16::from_be_bytes([fixed[4], fixed[5]])) != body.len() || fixed[6..] == [0, 0] {
                return None;
            }
            8
        }
        Protocol::Tcp => usize::from(body.first_chunk::<20>()?[12] >> 4) * 4,
    };
    let addresses = &header[header.len() - if family == Family::Ipv4 { 8 } else { 32 }..];
    let pseudo = checksum::word(body.len() as u16) + checksum::word(protocol_number(protocol).into());
    if !trust_l4 && checksum::fold(checksum::sum(addresses) + checksum::sum(body) + pseudo) != 0xffff {
        return None;
    }
    let (l4, payload) = body.split_at_checked(l4_len.max(protocol.header_len()))?;
    let (source, destination) = addresses.split_at(addresses.len() / 2);
    Some(Packet {
        family,
        source: Endpoint::new(source, u16::from_be_bytes([l4[0], l4[1]])),
        destination: Endpoint::new(destination, u16::from_be_bytes([l4[2], l4[3]])),
        l4,
        payload,
    })
}
