//! What the link puts around an IP packet: Ethernet, and on the LAN tags, a PPPoE session or a tunnel.

use std::net::IpAddr;

use flowgauge_scenarios::Family;
use flowgauge_scenarios::conform::{Encapsulation, PacketSpec};
use flowgauge_topologies::CLIENT_LINK;
use pnet::packet::ethernet::{EtherType, EtherTypes, MutableEthernetPacket};
use pnet::packet::vlan::MutableVlanPacket;
use pnet::util::MacAddr;

use super::{ipv4, ipv6};
use crate::generators::raw::wire::Macs;

/// Number of the VLAN, the inner one of two.
const INNER_VLAN: u16 = 10;
/// Number of the outer of two VLANs.
const OUTER_VLAN: u16 = 20;
/// Number of the PPPoE session (RFC 2516).
const SESSION: u16 = 7;
/// Who is nobody here.
const FOREIGN: [u8; 6] = [0x02, 0x66, 0x67, 0, 0xff, 0xff];

/// What a tester's port puts around the IP packets that it sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The port's MAC addresses.
    pub macs: Macs,
    /// What is between Ethernet and IP.
    pub encapsulation: Encapsulation,
}

impl Envelope {
    /// The frame around `packet`, which is of `family`. Returns it with where the packet stands in it.
    pub fn seal(&self, family: Family, packet: &[u8], foreign: bool) -> (Vec<u8>, usize) {
        let ether_type = match family {
            Family::Ipv4 => EtherTypes::Ipv4,
            Family::Ipv6 => EtherTypes::Ipv6,
        };
        let vlan = EtherTypes::Vlan;
        let tags: &[(EtherType, u16)] = match self.encapsulation {
            Encapsulation::Vlan | Encapsulation::BridgeVlan => &[(vlan, INNER_VLAN)],
            Encapsulation::DoubleVlan => &[(vlan, OUTER_VLAN), (vlan, INNER_VLAN)],
            Encapsulation::Qinq => &[(EtherTypes::PBridge, OUTER_VLAN), (vlan, INNER_VLAN)],
            _ => &[],
        };
        let pppoe = self.encapsulation == Encapsulation::Pppoe;
        let last = if pppoe { EtherTypes::PppoeSession } else { ether_type };
        let mut frame = vec![0; 14 + 4 * tags.len()];
        let following = |n: usize| tags.get(n).map_or(last, |tag| tag.0);
        if let Some(mut ethernet) = MutableEthernetPacket::new(&mut frame) {
            ethernet.set_source(mac(self.macs.own));
            ethernet.set_destination(mac(if foreign { FOREIGN } else { self.macs.gateway }));
            ethernet.set_ethertype(following(0));
        }
        for (n, (_, number)) in tags.iter().enumerate() {
            if let Some(mut tag) = MutableVlanPacket::new(&mut frame[14 + 4 * n..]) {
                tag.set_vlan_identifier(*number);
                tag.set_ethertype(following(n + 1));
            }
        }
        if pppoe {
            // Version and type 1, code 0; the length covers the PPP protocol number (RFC 1661), 0x0021 or 0x0057.
            frame.extend([0x11, 0]);
            frame.extend(SESSION.to_be_bytes());
            frame.extend((packet.len() as u16).wrapping_add(2).to_be_bytes());
            frame.extend(if family == Family::Ipv4 { [0, 0x21] } else { [0, 0x57] });
        }
        if self.encapsulation == Encapsulation::Tunnel {
            let outer = tunnel(family, packet);
            frame.extend_from_slice(&outer[..outer.len() - packet.len()]);
        }
        let at = frame.len();
        frame.extend_from_slice(packet);
        (frame, at)
    }
}

/// IPIP (RFC 2003) or IPv6 in IPv6 (RFC 2473) between the addresses of the LAN's link.
fn tunnel(family: Family, packet: &[u8]) -> Vec<u8> {
    let plain = PacketSpec::default();
    match family {
        Family::Ipv4 => {
            let ends = (CLIENT_LINK.ipv4.tester, CLIENT_LINK.ipv4.dut);
            ipv4::packet(&plain, ends, 4, ipv4::Place::default(), packet)
        }
        Family::Ipv6 => ipv6::packet(&plain, (CLIENT_LINK.ipv6.tester, CLIENT_LINK.ipv6.dut), 41, packet),
    }
}

fn mac(m: [u8; 6]) -> MacAddr {
    MacAddr::new(m[0], m[1], m[2], m[3], m[4], m[5])
}

/// An IP packet in a frame, the innermost where one is in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inner<'a> {
    /// Its address family.
    pub family: Family,
    /// From the IP header to the end of the frame.
    pub packet: &'a [u8],
    /// Where it comes from.
    pub source: IpAddr,
    /// Where it goes.
    pub destination: IpAddr,
    /// The protocol number, or that of the first extension header.
    pub protocol: u8,
}

/// The IP packet of a frame in any of the encapsulations. None where there is none, or its header is not whole.
pub fn inner(frame: &[u8]) -> Option<Inner<'_>> {
    let mut ether_type = u16::from_be_bytes(*frame.get(12..)?.first_chunk()?);
    let mut rest = frame.get(14..)?;
    while matches!(ether_type, 0x8100 | 0x88a8) {
        ether_type = u16::from_be_bytes(*rest.get(2..)?.first_chunk()?);
        rest = rest.get(4..)?;
    }
    if ether_type == 0x8864 {
        ether_type = match rest.get(6..8)? {
            [0, 0x21] => 0x0800,
            [0, 0x57] => 0x86dd,
            _ => return None,
        };
        rest = rest.get(8..)?;
    }
    let found = match ether_type {
        0x0800 => ip_packet(Family::Ipv4, rest)?,
        0x86dd => ip_packet(Family::Ipv6, rest)?,
        _ => return None,
    };
    // A tunnel's packet, and not the fragment of one.
    let tunnelled = match found.family {
        Family::Ipv4 if found.protocol == 4 => ip_packet(Family::Ipv4, rest.get(usize::from(rest[0] & 15) * 4..)?),
        Family::Ipv6 if found.protocol == 41 => ip_packet(Family::Ipv6, rest.get(40..)?),
        // The kernel's tunnels put destination options with the encapsulation limit first (RFC 2473 section 4.1.1).
        Family::Ipv6 if found.protocol == 60 && rest.get(40) == Some(&41) => ip_packet(Family::Ipv6, rest.get(48..)?),
        _ => None,
    };
    Some(tunnelled.unwrap_or(found))
}

/// An IP packet that begins with its header. None where that is not whole.
pub(crate) fn ip_packet(family: Family, packet: &[u8]) -> Option<Inner<'_>> {
    let (source, destination, protocol): (IpAddr, IpAddr, u8) = match family {
        Family::Ipv4 => {
            let header = packet.first_chunk::<20>()?;
            let address = |at: usize| -> [u8; 4] { [header[at], header[at + 1], header[at + 2], header[at + 3]] };
            (address(12).into(), address(16).into(), header[9])
        }
        Family::Ipv6 => {
            let header = packet.first_chunk::<40>()?;
            let address = |at: usize| header[at..at + 16].first_chunk::<16>().copied();
            (address(8)?.into(), address(24)?.into(), header[6])
        }
    };
    Some(Inner { family, packet, source, destination, protocol })
}
