//! UDP datagrams in frames, as a client sends them through what its link carries, and read again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use flowgauge_scenarios::conform::Encapsulation;
use flowgauge_topologies::CLIENT_LINK;

/// A datagram. Its checksum is left out, which conntrack takes for right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Datagram {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) hops: u8,
    /// Bytes behind the UDP header.
    pub(crate) payload: usize,
}

/// A frame that arrived, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opened {
    pub(crate) to_mac: [u8; 6],
    /// What is between the Ethernet header and the datagram, from outside in.
    pub(crate) carried_in: Vec<String>,
    pub(crate) datagram: Datagram,
}

impl Datagram {
    /// The IP packet.
    pub(crate) fn packet(&self) -> Vec<u8> {
        let length = (8 + self.payload) as u16;
        let mut udp =
            [self.from.port().to_be_bytes(), self.to.port().to_be_bytes(), length.to_be_bytes(), [0; 2]].concat();
        udp.resize(usize::from(length), 0x5a);
        match (self.from.ip(), self.to.ip()) {
            (IpAddr::V4(from), IpAddr::V4(to)) => ipv4(from, to, 17, self.hops, &udp),
            (IpAddr::V6(from), IpAddr::V6(to)) => ipv6(from, to, 17, self.hops, &udp),
            other => panic!("{other:?} are of two families"),
        }
    }

    /// The frame from `from_mac` to `to_mac`, carried in what an encapsulation says.
    pub(crate) fn frame(&self, from_mac: [u8; 6], to_mac: [u8; 6], encapsulation: Encapsulation) -> Vec<u8> {
        let (ipv6_, packet) = (self.from.is_ipv6(), self.packet());
        let kind: [u8; 2] = if ipv6_ { [0x86, 0xdd] } else { [8, 0] };
        let (tag, outer, provider) = ([0x81, 0, 0, 10], [0x81, 0, 0, 20], [0x88, 0xa8, 0, 20]);
        let ends = (CLIENT_LINK.ipv4, CLIENT_LINK.ipv6);
        let inner: Vec<u8> = match encapsulation {
            Encapsulation::None | Encapsulation::Bridge | Encapsulation::Bond => [&kind[..], &packet].concat(),
            Encapsulation::Vlan | Encapsulation::BridgeVlan => [&tag[..], &kind, &packet].concat(),
            Encapsulation::DoubleVlan => [&outer[..], &tag, &kind, &packet].concat(),
            Encapsulation::Qinq => [&provider[..], &tag, &kind, &packet].concat(),
            Encapsulation::Pppoe => {
                let length = (packet.len() + 2) as u16;
                let protocol = if ipv6_ { [0, 0x57] } else { [0, 0x21] };
                [&[0x88, 0x64, 0x11, 0, 0, 7][..], &length.to_be_bytes(), &protocol, &packet].concat()
            }
            Encapsulation::Tunnel if ipv6_ => [&kind[..], &ipv6(ends.1.tester, ends.1.dut, 41, 64, &packet)].concat(),
            Encapsulation::Tunnel => [&kind[..], &ipv4(ends.0.tester, ends.0.dut, 4, 64, &packet)].concat(),
        };
        [&to_mac[..], &from_mac, &inner].concat()
    }

    /// One hop further.
    pub(crate) fn forwarded(self) -> Datagram {
        Datagram { hops: self.hops - 1, ..self }
    }

    /// The answer.
    pub(crate) fn reversed(self) -> Datagram {
        Datagram { from: self.to, to: self.from, ..self }
    }
}

/// What an encapsulation shows as in [`Opened::carried_in`].
pub(crate) fn layers(encapsulation: Encapsulation, ipv6: bool) -> Vec<&'static str> {
    match encapsulation {
        Encapsulation::None | Encapsulation::Bridge | Encapsulation::Bond => vec![],
        Encapsulation::Vlan | Encapsulation::BridgeVlan => vec!["8100:10"],
        Encapsulation::DoubleVlan => vec!["8100:20", "8100:10"],
        Encapsulation::Qinq => vec!["88a8:20", "8100:10"],
        Encapsulation::Pppoe => vec!["pppoe:7"],
        Encapsulation::Tunnel if ipv6 => vec!["ip6ip6"],
        Encapsulation::Tunnel => vec!["ipip"],
    }
}

/// Takes a frame apart; none for one without a datagram.
pub(crate) fn open(frame: &[u8]) -> Option<Opened> {
    let to_mac = frame.get(..6)?.try_into().ok()?;
    let (mut rest, mut kind, mut carried_in) = (frame.get(14..)?, word(frame, 12)?, Vec::new());
    loop {
        match kind {
            0x8100 | 0x88a8 => {
                carried_in.push(format!("{kind:04x}:{}", word(rest, 0)? & 0xfff));
                (kind, rest) = (word(rest, 2)?, rest.get(4..)?);
            }
            0x8864 => {
                carried_in.push(format!("pppoe:{}", word(rest, 2)?));
                (kind, rest) = (if word(rest, 6)? == 0x57 { 0x86dd } else { 0x0800 }, rest.get(8..)?);
            }
            0x0800 if rest.get(9) == Some(&4) => {
                carried_in.push("ipip".to_owned());
                rest = rest.get(20..)?;
            }
            0x86dd if rest.get(6) == Some(&41) => {
                carried_in.push("ip6ip6".to_owned());
                rest = rest.get(40..)?;
            }
            _ => break,
        }
    }
    let (from, to, hops, udp): (IpAddr, IpAddr, u8, &[u8]) = match kind {
        0x0800 if rest.get(9) == Some(&17) => {
            let address =
                |at: usize| -> Option<Ipv4Addr> { Some(<[u8; 4]>::try_from(rest.get(at..at + 4)?).ok()?.into()) };
            (address(12)?.into(), address(16)?.into(), rest[8], rest.get(20..)?)
        }
        0x86dd if rest.get(6) == Some(&17) => {
            let address =
                |at: usize| -> Option<Ipv6Addr> { Some(<[u8; 16]>::try_from(rest.get(at..at + 16)?).ok()?.into()) };
            (address(8)?.into(), address(24)?.into(), rest[7], rest.get(40..)?)
        }
        _ => return None,
    };
    let (from, to) = (SocketAddr::new(from, word(udp, 0)?), SocketAddr::new(to, word(udp, 2)?));
    let payload = usize::from(word(udp, 4)?).checked_sub(8)?;
    Some(Opened { to_mac, carried_in, datagram: Datagram { from, to, hops, payload } })
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn ipv4(from: Ipv4Addr, to: Ipv4Addr, protocol: u8, hops: u8, payload: &[u8]) -> Vec<u8> {
    let length = (20 + payload.len()) as u16;
    let mut header = [&[0x45, 0][..], &length.to_be_bytes(), &[0, 0, 0x40, 0, hops, protocol, 0, 0]].concat();
    header.extend([from.octets(), to.octets()].concat());
    let mut sum: u32 = header.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    header[10..12].copy_from_slice(&(!(sum as u16)).to_be_bytes());
    [header, payload.to_vec()].concat()
}

fn ipv6(from: Ipv6Addr, to: Ipv6Addr, protocol: u8, hops: u8, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u16).to_be_bytes();
    [&[0x60, 0, 0, 0][..], &length, &[protocol, hops], &from.octets(), &to.octets(), payload].concat()
}
