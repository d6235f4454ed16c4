//! What crafters make, read back with pnet.

use std::net::IpAddr;

use flowgauge_scenarios::conform::{
    Applies, Bed, Case, Ecn, Encapsulation, Group, Instance, Ipv4Option, Ipv6Extension, PacketSpec, Side, Sum,
    Translation,
};
use flowgauge_scenarios::{Direction, Family, Protocol};
use pnet::packet::Packet;
use pnet::packet::ethernet::EthernetPacket;
use pnet::packet::ip::IpNextHeaderProtocols;
use pnet::packet::ipv4::{self, Ipv4Packet};
use pnet::packet::ipv6::Ipv6Packet;
use pnet::packet::tcp::{self, TcpOptionNumbers, TcpPacket};
use pnet::packet::udp::{self, UdpPacket};
use proptest::prelude::*;

mod segments;
mod shapes;

use super::{CraftError, Crafter, Mark, WINDOW_SCALE, inner};
use crate::generators::raw::wire::Macs;

const LAN: Macs = Macs { own: [2, 0, 0, 0, 1, 2], gateway: [2, 0, 0, 0, 1, 1] };
const WAN: Macs = Macs { own: [2, 0, 0, 0, 2, 2], gateway: [2, 0, 0, 0, 2, 1] };

fn crafter_on(family: Family, protocol: Protocol, translation: Translation, encapsulation: Encapsulation) -> Crafter {
    let instance = Instance {
        id: "case/instance".to_owned(),
        case: 0,
        family,
        protocol,
        translation,
        direction: Direction::Upstream,
        datapaths: Vec::new(),
        first_flow: 700,
    };
    let case = Case {
        id: "case".to_owned(),
        group: Group::Forwarding,
        what: String::new(),
        why: String::new(),
        source: String::new(),
        applies: Applies::default(),
        bed: Bed::default(),
        steps: Vec::new(),
        expect: Vec::new(),
    };
    Crafter::new(&instance, &case, LAN, WAN, encapsulation)
}

fn crafter(family: Family, protocol: Protocol) -> Crafter {
    crafter_on(family, protocol, Translation::None, Encapsulation::None)
}

fn one(crafter: &mut Crafter, spec: &PacketSpec) -> Vec<u8> {
    let frames = crafter.frames(spec, Direction::Upstream).unwrap();
    assert_eq!(frames.len(), 1);
    frames.into_iter().next().unwrap().1
}

/// The transport part of a frame, with the checksum that pnet works out for it.
fn transport(frame: &[u8]) -> (Vec<u8>, u16) {
    let packet = inner(frame).unwrap();
    let bytes = match packet.family {
        Family::Ipv4 => Ipv4Packet::new(packet.packet).unwrap().payload().to_vec(),
        Family::Ipv6 => Ipv6Packet::new(packet.packet).unwrap().payload().to_vec(),
    };
    let sum = match (packet.protocol, packet.source, packet.destination) {
        (17, IpAddr::V4(a), IpAddr::V4(b)) => udp::ipv4_checksum(&UdpPacket::new(&bytes).unwrap(), &a, &b),
        (17, IpAddr::V6(a), IpAddr::V6(b)) => udp::ipv6_checksum(&UdpPacket::new(&bytes).unwrap(), &a, &b),
        (6, IpAddr::V4(a), IpAddr::V4(b)) => tcp::ipv4_checksum(&TcpPacket::new(&bytes).unwrap(), &a, &b),
        (6, IpAddr::V6(a), IpAddr::V6(b)) => tcp::ipv6_checksum(&TcpPacket::new(&bytes).unwrap(), &a, &b),
        other => panic!("{other:?}"),
    };
    (bytes, sum)
}

fn stored(frame: &[u8]) -> u16 {
    let (bytes, _) = transport(frame);
    let at = if inner(frame).unwrap().protocol == 17 { 6 } else { 16 };
    u16::from_be_bytes([bytes[at], bytes[at + 1]])
}

fn families() -> [(Family, Protocol); 4] {
    [
        (Family::Ipv4, Protocol::Udp),
        (Family::Ipv4, Protocol::Tcp),
        (Family::Ipv6, Protocol::Udp),
        (Family::Ipv6, Protocol::Tcp),
    ]
}

#[test]
fn a_plain_packet_is_plain() {
    let mut crafter = crafter(Family::Ipv4, Protocol::Udp);
    let frame = one(&mut crafter, &PacketSpec::default());
    let ethernet = EthernetPacket::new(&frame).unwrap();
    assert_eq!((ethernet.get_source().octets(), ethernet.get_destination().octets()), (LAN.own, LAN.gateway));
    let ip = Ipv4Packet::new(ethernet.payload()).unwrap();
    assert_eq!((ip.get_version(), ip.get_header_length(), ip.get_ttl(), ip.get_flags()), (4, 5, 64, 2));
    assert_eq!((ip.get_total_length(), ip.get_dscp(), ip.get_ecn()), (20 + 8 + 32, 0, 0));
    assert_eq!(ip.get_checksum(), ipv4::checksum(&ip));
    let flow = crafter.flow(0);
    assert_eq!(
        (IpAddr::from(ip.get_source()), IpAddr::from(ip.get_destination())),
        (flow.client.ip(), flow.server.ip())
    );
    let udp = UdpPacket::new(ip.payload()).unwrap();
    assert_eq!((udp.get_source(), udp.get_destination()), (flow.client.port(), flow.server.port()));
    assert_eq!(Mark::find(&frame), Some(Mark { flow: 700, number: 0, from_server: false }));
}

#[test]
fn every_field_of_the_header_is_written() {
    let spec = PacketSpec {
        hop_limit: 3,
        dscp: 46,
        ecn: Ecn::Ce,
        ip_id: 0xfffe,
        count: 3,
        dont_fragment: false,
        ..PacketSpec::default()
    };
    let frames = crafter(Family::Ipv4, Protocol::Tcp).frames(&spec, Direction::Upstream).unwrap();
    for ((_, frame), id) in frames.iter().zip([0xfffe, 0xffff, 0]) {
        let ip = Ipv4Packet::new(&frame[14..]).unwrap();
        assert_eq!((ip.get_ttl(), ip.get_dscp(), ip.get_ecn(), ip.get_flags()), (3, 46, 3, 0));
        assert_eq!((ip.get_identification(), ip.get_checksum()), (id, ipv4::checksum(&ip)));
    }
    let spec = PacketSpec { hop_limit: 1, dscp: 10, ecn: Ecn::Ect1, flow_label: 0xf_1234, ..PacketSpec::default() };
    let frame = one(&mut crafter(Family::Ipv6, Protocol::Udp), &spec);
    let ip = Ipv6Packet::new(&frame[14..]).unwrap();
    assert_eq!((ip.get_version(), ip.get_hop_limit(), ip.get_flow_label()), (6, 1, 0xf_1234));
    assert_eq!((ip.get_traffic_class(), ip.get_payload_length()), (10 << 2 | 1, 40));
}

#[test]
fn checksums_are_what_is_asked_for() {
    for (family, protocol) in families() {
        for payload in [0, 1, 31, 32, 1400] {
            for sum in [Sum::Right, Sum::Wrong, Sum::Zero] {
                let spec = PacketSpec { sum, payload, ..PacketSpec::default() };
                let frame = one(&mut crafter(family, protocol), &spec);
                let (_, right) = transport(&frame);
                match sum {
                    Sum::Right => assert_eq!(stored(&frame), right),
                    Sum::Wrong => assert!(stored(&frame) != right && stored(&frame) != 0),
                    Sum::Zero => assert_eq!(stored(&frame), 0),
                }
            }
        }
    }
    for (ip_sum, right) in [(Sum::Right, true), (Sum::Wrong, false), (Sum::Zero, false)] {
        let frame = one(&mut crafter(Family::Ipv4, Protocol::Udp), &PacketSpec { ip_sum, ..PacketSpec::default() });
        let ip = Ipv4Packet::new(&frame[14..]).unwrap();
        assert_eq!(ip.get_checksum() == ipv4::checksum(&ip), right);
    }
}

#[test]
fn directions_turn_around() {
    let mut crafter = crafter(Family::Ipv4, Protocol::Udp);
    let side = |crafter: &mut Crafter, reverse, direction| {
        crafter.frames(&PacketSpec { reverse, ..PacketSpec::default() }, direction).unwrap()[0].0
    };
    assert_eq!(side(&mut crafter, false, Direction::Upstream), Side::Client);
    assert_eq!(side(&mut crafter, true, Direction::Upstream), Side::Server);
    assert_eq!(side(&mut crafter, false, Direction::Downstream), Side::Server);
    assert_eq!(side(&mut crafter, true, Direction::Downstream), Side::Client);
    let mut hairpin = crafter_on(Family::Ipv4, Protocol::Udp, Translation::Hairpin, Encapsulation::Vlan);
    for (side, frame) in hairpin.open(0) {
        assert_eq!((side, frame[12], frame[13]), (Side::Client, 0x81, 0));
        assert_eq!(frame[..6], LAN.gateway);
    }
}
