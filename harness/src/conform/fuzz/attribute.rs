//! Whose frame is it? By what stands in its payload, or else by port, identification or address: packets are cut short,
//! fragments have no ports, and an ICMP error quotes the packet that it is about.

use std::collections::HashMap;
use std::net::IpAddr;

use flowgauge_reports::conform::Arrived;
use flowgauge_scenarios::conform::{Flow, Side, Station, Translation};
use flowgauge_scenarios::{Family, Protocol};

use crate::conform::craft::{Inner, Mark, inner, ip_packet};

/// Packets of a sequence that have an identification of their own.
const IDS: usize = 8;

/// The owners of frames: sequences by what tells them apart.
#[derive(Debug, Default)]
pub(super) struct Owners {
    first_flow: u32,
    count: usize,
    ports: HashMap<u16, usize>,
    /// By the client's address, where the server sees it.
    addresses: HashMap<IpAddr, usize>,
}

impl Owners {
    /// For flows from `first_flow` on, one a sequence.
    pub(super) fn new(flows: &[(Flow, Protocol)], first_flow: u32, station: &Station) -> Owners {
        let told = matches!(station.translation, Translation::None | Translation::Dnat);
        let ports = flows.iter().enumerate().map(|(index, (flow, _))| (flow.client.port(), index)).collect();
        let of_client = |(index, (flow, _)): (usize, &(Flow, Protocol))| (flow.client.ip(), index);
        let addresses = flows.iter().enumerate().filter(|_| told).map(of_client).collect();
        Owners { first_flow, count: flows.len(), ports, addresses }
    }

    /// The identification of the fragments of a packet.
    pub(super) fn id(sequence: usize, packet: usize) -> u16 {
        (1 + sequence * IDS + packet) as u16
    }

    /// The sequence whose frame it is.
    pub(super) fn of(&self, arrived: &Arrived) -> Option<usize> {
        if let Some(mark) = Mark::find(&arrived.frame) {
            let index = mark.flow.checked_sub(self.first_flow)? as usize;
            return (index < self.count).then_some(index);
        }
        let packet = inner(&arrived.frame)?;
        let quoted = quoted(&packet);
        // An error comes back to the sender of what it quotes; anything else was sent by the other side.
        let from = match (arrived.side, quoted.is_some()) {
            (Side::Client, true) | (Side::Server, false) => Side::Client,
            _ => Side::Server,
        };
        let packet = quoted.unwrap_or(packet);
        let client = if from == Side::Client { packet.source } else { packet.destination };
        self.by_port(&packet, from).or_else(|| self.by_id(&packet)).or_else(|| self.addresses.get(&client).copied())
    }

    fn by_port(&self, packet: &Inner<'_>, from: Side) -> Option<usize> {
        let transport = transport(packet)?;
        let at = if from == Side::Client { 0 } else { 2 };
        let port = u16::from_be_bytes(*transport.get(at..)?.first_chunk()?);
        self.ports.get(&port).copied()
    }

    fn by_id(&self, packet: &Inner<'_>) -> Option<usize> {
        if packet.family != Family::Ipv4 {
            return None;
        }
        let id = usize::from(u16::from_be_bytes([packet.packet[4], packet.packet[5]]));
        let index = id.checked_sub(1)? / IDS;
        (index < self.count).then_some(index)
    }
}

/// The protocol behind the extension headers.
pub(super) fn protocol(packet: &Inner<'_>) -> u8 {
    let (mut next, mut at) = (packet.protocol, 40);
    while packet.family == Family::Ipv6 && matches!(next, 0 | 60 | 44) {
        let Some(header) = packet.packet.get(at..at + 8) else { break };
        at += if next == 44 { 8 } else { 8 + usize::from(header[1]) * 8 };
        next = header[0];
    }
    next
}

/// What stands behind the IP header and the extension headers. None for later fragments.
pub(super) fn transport<'a>(packet: &Inner<'a>) -> Option<&'a [u8]> {
    let bytes = packet.packet;
    match packet.family {
        Family::Ipv4 => {
            let later = u16::from_be_bytes([bytes[6], bytes[7]]) & 0x1fff != 0;
            if later { None } else { bytes.get(usize::from(bytes[0] & 15) * 4..) }
        }
        Family::Ipv6 => {
            let (mut next, mut at) = (packet.protocol, 40);
            while matches!(next, 0 | 60 | 44) {
                let header = bytes.get(at..at + 8)?;
                if next == 44 && u16::from_be_bytes([header[2], header[3]]) & !7 != 0 {
                    return None;
                }
                at += if next == 44 { 8 } else { 8 + usize::from(header[1]) * 8 };
                next = header[0];
            }
            bytes.get(at..)
        }
    }
}

/// The packet that an ICMP error quotes.
pub(super) fn quoted<'a>(packet: &Inner<'a>) -> Option<Inner<'a>> {
    let error = match (packet.family, packet.protocol) {
        (Family::Ipv4, 1) => matches!(transport(packet)?.first()?, 3 | 4 | 5 | 11 | 12),
        (Family::Ipv6, 58) => *transport(packet)?.first()? < 128,
        _ => false,
    };
    let bytes = transport(packet).filter(|_| error)?.get(8..)?;
    ip_packet(packet.family, bytes)
}
