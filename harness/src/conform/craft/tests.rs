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
fn a_handshake_is_one() {
    for family in [Family::Ipv4, Family::Ipv6] {
        let mut crafter = crafter_on(family, Protocol::Tcp, Translation::Masquerade, Encapsulation::None);
        let frames = crafter.open(2);
        let flow = crafter.flow(2);
        let segments: Vec<_> = frames.iter().map(|(side, frame)| (*side, transport(frame).0)).collect();
        let read = |n: usize| TcpPacket::new(&segments[n].1).unwrap();
        let sides: Vec<Side> = segments.iter().map(|s| s.0).collect();
        let (client, server) = (Side::Client, Side::Server);
        assert_eq!(sides, [client, server, client, client, server]);
        assert_eq!([0, 1, 2, 3, 4].map(|n| read(n).get_flags()), [0x02, 0x12, 0x10, 0x18, 0x18]);
        let scale = |n: usize| {
            read(n)
                .get_options_iter()
                .any(|o| o.get_number() == TcpOptionNumbers::WSCALE && o.payload() == [WINDOW_SCALE])
        };
        assert!(scale(0) && scale(1) && !scale(2));
        assert_eq!(read(1).get_acknowledgement(), read(0).get_sequence().wrapping_add(1));
        assert_eq!(read(2).get_acknowledgement(), read(1).get_sequence().wrapping_add(1));
        assert_eq!(read(3).get_sequence(), read(2).get_sequence());
        assert_eq!(read(4).get_acknowledgement(), read(3).get_sequence().wrapping_add(32));
        let reply = inner(&frames[1].1).unwrap();
        assert_eq!((reply.source, reply.destination), (flow.server_real.ip(), flow.client_seen.ip()));
        assert_ne!(flow.client_seen.ip(), flow.client.ip());
        assert_eq!(
            (read(1).get_source(), read(1).get_destination()),
            (flow.server_real.port(), flow.client_seen.port())
        );
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

#[test]
fn tcp_is_hostile_where_asked() {
    let mut crafter = crafter(Family::Ipv6, Protocol::Tcp);
    crafter.open(0);
    let plain = one(&mut crafter, &PacketSpec::default());
    let next = TcpPacket::new(&transport(&plain).0).unwrap().get_sequence().wrapping_add(32);
    let spec = PacketSpec {
        flags: Some("FSRPAUEC".to_owned()),
        sequence: 1 << 30,
        acknowledgement: -70_000,
        window: 7,
        timestamps: true,
        ..PacketSpec::default()
    };
    let (bytes, right) = transport(&one(&mut crafter, &spec));
    let segment = TcpPacket::new(&bytes).unwrap();
    assert_eq!((segment.get_flags(), segment.get_window(), segment.get_checksum()), (0xff, 7, right));
    assert_eq!(segment.get_sequence(), next.wrapping_add(1 << 30));
    assert_eq!(segment.get_data_offset(), 5 + 2 + 3);
    assert_eq!(Mark::find(segment.payload()).unwrap().flow, 700);
    assert_eq!(
        crafter.frames(&PacketSpec { flags: Some("SX".to_owned()), ..PacketSpec::default() }, Direction::Upstream),
        Err(CraftError::Flags("SX".to_owned()))
    );
}

#[test]
fn options_and_extension_headers_parse() {
    let all = [Ipv4Option::Nop, Ipv4Option::RouterAlert, Ipv4Option::RecordRoute, Ipv4Option::Timestamp];
    let frame =
        one(&mut crafter(Family::Ipv4, Protocol::Udp), &PacketSpec { options: all.to_vec(), ..PacketSpec::default() });
    let ip = Ipv4Packet::new(&frame[14..]).unwrap();
    assert_eq!((ip.get_header_length(), ip.get_total_length()), (5 + 6, 44 + 40));
    assert_eq!(ip.get_checksum(), ipv4::checksum(&ip));
    let (_, right) = transport(&frame);
    assert_eq!(stored(&frame), right);

    let all = [Ipv6Extension::HopByHop, Ipv6Extension::Destination, Ipv6Extension::AtomicFragment];
    let frame = one(
        &mut crafter(Family::Ipv6, Protocol::Udp),
        &PacketSpec { extensions: all.to_vec(), ..PacketSpec::default() },
    );
    let ip = Ipv6Packet::new(&frame[14..]).unwrap();
    assert_eq!(ip.get_next_header(), IpNextHeaderProtocols::Hopopt);
    let rest = ip.payload();
    assert_eq!((rest[0], rest[8], rest[16], rest.len()), (60, 44, 17, 24 + 40));
    // The other family's are refused, and nothing has moved.
    let mut crafter = crafter(Family::Ipv6, Protocol::Udp);
    let wrong = PacketSpec { options: vec![Ipv4Option::Nop], ..PacketSpec::default() };
    let refused = crafter.frames(&wrong, Direction::Upstream).unwrap_err();
    assert_eq!(refused.to_string().split(':').next(), Some("`options` is not of IPv6"));
    assert_eq!(Mark::find(&one(&mut crafter, &PacketSpec::default())).unwrap().number, 0);
}

/// Puts fragments together again: offset, whether more follow, and bytes of each.
fn fragments(frames: &[(Side, Vec<u8>)]) -> Vec<(usize, bool, Vec<u8>)> {
    let read = |frame: &[u8]| match inner(frame).unwrap().family {
        Family::Ipv4 => {
            let ip = Ipv4Packet::new(&frame[14..]).unwrap();
            assert_eq!((ip.get_checksum(), ip.get_flags() & 2), (ipv4::checksum(&ip), 0));
            (usize::from(ip.get_fragment_offset()) * 8, ip.get_flags() & 1 != 0, ip.payload().to_vec())
        }
        Family::Ipv6 => {
            let ip = Ipv6Packet::new(&frame[14..]).unwrap();
            assert_eq!(ip.get_next_header(), IpNextHeaderProtocols::Ipv6Frag);
            let header = ip.payload();
            let place = usize::from(u16::from_be_bytes([header[2], header[3]]));
            (place & !7, place & 1 != 0, header[8..].to_vec())
        }
    };
    frames.iter().map(|(_, frame)| read(frame)).collect()
}

#[test]
fn parts_overlap_and_leave_holes() {
    for family in [Family::Ipv4, Family::Ipv6] {
        let mut crafter = crafter(family, Protocol::Udp);
        let part = |from, to| PacketSpec { payload: 64, part: Some((from, to)), ip_id: 9, ..PacketSpec::default() };
        let mut frames = crafter.frames(&part(0, 40), Direction::Upstream).unwrap();
        frames.extend(crafter.frames(&part(24, 72), Direction::Upstream).unwrap());
        let made = fragments(&frames);
        assert_eq!((made[0].0, made[0].1, made[0].2.len()), (0, true, 40));
        assert_eq!((made[1].0, made[1].1, made[1].2.len()), (24, false, 48));
        for wrong in [(4, 40), (40, 8), (0, 73)] {
            assert!(crafter.frames(&part(wrong.0, wrong.1), Direction::Upstream).is_err());
        }
    }
}

#[test]
fn the_frame_is_padded_cut_patched_and_sent_astray() {
    let mut crafter = crafter(Family::Ipv4, Protocol::Udp);
    let spec = PacketSpec { payload: 0, padding: 18, ..PacketSpec::default() };
    assert_eq!(one(&mut crafter, &spec).len(), 60);
    let spec = PacketSpec { padding: 4, cut: 10, ..PacketSpec::default() };
    assert_eq!(one(&mut crafter, &spec).len(), 14 + 60 + 4 - 10);
    let spec = PacketSpec {
        patch: vec![(8, "07".to_owned()), (1, "ff 00".to_owned())],
        foreign_mac: true,
        length: -3,
        ..PacketSpec::default()
    };
    let frame = one(&mut crafter, &spec);
    assert_eq!((frame[22], frame[15], frame[16], frame[17]), (7, 0xff, 0, 57));
    assert_ne!(frame[..6], LAN.gateway);
    for (offset, digits) in [(0, "1"), (0, "zz"), (59, "0000"), (60_000, "00")] {
        let spec = PacketSpec { patch: vec![(offset, digits.to_owned())], ..PacketSpec::default() };
        assert!(matches!(crafter.frames(&spec, Direction::Upstream), Err(CraftError::Patch { .. })), "{digits}");
    }
    let spec = PacketSpec { cut: 61, ..PacketSpec::default() };
    assert_eq!(crafter.frames(&spec, Direction::Upstream), Err(CraftError::Cut { cut: 61, left: 13 }));
    let spec = PacketSpec { protocol: Some(132), ..PacketSpec::default() };
    assert_eq!(inner(&one(&mut crafter, &spec)).unwrap().protocol, 132);
    let spec = PacketSpec { payload: 65_530, ..PacketSpec::default() };
    assert!(matches!(crafter.frames(&spec, Direction::Upstream), Err(CraftError::TooLong(_))));
}

#[test]
fn each_encapsulation_wraps_the_same_packet() {
    for (family, protocol) in families() {
        let plain = one(&mut crafter(family, protocol), &PacketSpec::default());
        let ether_type: &[u8] = if family == Family::Ipv4 { &[8, 0] } else { &[0x86, 0xdd] };
        let len = (plain.len() - 14 + 2) as u16;
        let session = [&[0x88, 0x64, 0x11, 0, 0, 7][..], &len.to_be_bytes()].concat();
        let ppp: &[u8] = if family == Family::Ipv4 { &[0, 0x21] } else { &[0, 0x57] };
        for (encapsulation, between) in [
            (Encapsulation::None, ether_type.to_vec()),
            (Encapsulation::Bridge, ether_type.to_vec()),
            (Encapsulation::Vlan, [&[0x81, 0, 0, 10], ether_type].concat()),
            (Encapsulation::BridgeVlan, [&[0x81, 0, 0, 10], ether_type].concat()),
            (Encapsulation::DoubleVlan, [&[0x81, 0, 0, 20, 0x81, 0, 0, 10], ether_type].concat()),
            (Encapsulation::Qinq, [&[0x88, 0xa8, 0, 20, 0x81, 0, 0, 10], ether_type].concat()),
            (Encapsulation::Pppoe, [&session[..], ppp].concat()),
        ] {
            let mut crafter = crafter_on(family, protocol, Translation::None, encapsulation);
            let frame = one(&mut crafter, &PacketSpec::default());
            assert_eq!(frame, [&plain[..12], &between, &plain[14..]].concat(), "{encapsulation:?}");
            assert_eq!(inner(&frame).unwrap().packet, &plain[14..]);
            // Patches count from the IP header, and the WAN is plain.
            let patched = PacketSpec { patch: vec![(0, "ff".to_owned())], ..PacketSpec::default() };
            assert_eq!(one(&mut crafter, &patched)[frame.len() - (plain.len() - 14)], 0xff);
            let reply = PacketSpec { reverse: true, ..PacketSpec::default() };
            let reply = crafter.frames(&reply, Direction::Upstream).unwrap().remove(0);
            assert_eq!((reply.0, &reply.1[12..14]), (Side::Server, ether_type));
        }
        let mut crafter = crafter_on(family, protocol, Translation::None, Encapsulation::Tunnel);
        let frame = one(&mut crafter, &PacketSpec::default());
        assert_eq!(inner(&frame).unwrap().packet, &plain[14..]);
        match family {
            Family::Ipv4 => {
                let outer = Ipv4Packet::new(&frame[14..]).unwrap();
                assert_eq!((outer.get_next_level_protocol().0, outer.get_checksum()), (4, ipv4::checksum(&outer)));
                assert_eq!(usize::from(outer.get_total_length()), plain.len() - 14 + 20);
            }
            Family::Ipv6 => {
                let outer = Ipv6Packet::new(&frame[14..]).unwrap();
                assert_eq!((outer.get_next_header().0, outer.payload().len()), (41, plain.len() - 14));
            }
        }
    }
}

fn specs() -> impl Strategy<Value = PacketSpec> {
    let sum = prop_oneof![Just(Sum::Right), Just(Sum::Wrong), Just(Sum::Zero)];
    let ecn = prop_oneof![Just(Ecn::NotEct), Just(Ecn::Ect0), Just(Ecn::Ect1), Just(Ecn::Ce)];
    let shape = (0u16..1400, 0u16..10, any::<bool>(), 1u32..4, any::<u8>(), 0u8..64, ecn);
    let tcp = ("[FSRPAUEC]{0,8}", -70_000i64..70_000, -70_000i64..70_000, any::<u16>(), any::<bool>());
    let wrong = (sum.clone(), sum, -100i32..100, 0u16..60, 0u16..60, any::<u16>());
    (shape, tcp, wrong).prop_map(|(shape, tcp, wrong)| PacketSpec {
        payload: shape.0,
        flow: shape.1,
        reverse: shape.2,
        count: shape.3,
        hop_limit: shape.4,
        dscp: shape.5,
        ecn: shape.6,
        flags: Some(tcp.0),
        sequence: tcp.1,
        acknowledgement: tcp.2,
        window: tcp.3,
        timestamps: tcp.4,
        ip_sum: wrong.0,
        sum: wrong.1,
        length: wrong.2,
        padding: wrong.3,
        cut: wrong.4.min(28),
        ip_id: wrong.5,
        ..PacketSpec::default()
    })
}

proptest! {
    /// The same specifications make the same bytes, whatever they ask for.
    #[test]
    fn crafters_agree(specs in proptest::collection::vec(specs(), 1..20), which in 0usize..4) {
        let (family, protocol) = families()[which];
        let (mut a, mut b) = (crafter(family, protocol), crafter(family, protocol));
        for spec in &specs {
            let made = a.frames(spec, Direction::Downstream);
            prop_assert_eq!(&made, &b.frames(spec, Direction::Downstream));
            prop_assert_eq!(made.unwrap().len() as u32, spec.count);
        }
    }

    #[test]
    fn fragments_make_up_the_packet(payload in 0u16..3000, step in 1u16..200, which in 0usize..4) {
        let (family, protocol) = families()[which];
        let spec = PacketSpec { payload, ..PacketSpec::default() };
        let whole = transport(&one(&mut crafter(family, protocol), &spec)).0;
        let spec = PacketSpec { fragment: step * 8, ..spec };
        let frames = crafter(family, protocol).frames(&spec, Direction::Upstream).unwrap();
        let mut together = Vec::new();
        let parts = fragments(&frames);
        for (n, (offset, more, bytes)) in parts.iter().enumerate() {
            prop_assert_eq!((*offset, *more), (together.len(), n + 1 < parts.len()));
            together.extend_from_slice(bytes);
        }
        prop_assert_eq!(together, whole);
    }

    /// What arrives may be anything.
    #[test]
    fn reading_never_fails(bytes in proptest::collection::vec(any::<u8>(), 0..120), ether_type in 0usize..6) {
        let mut frame = bytes;
        if frame.len() > 14 {
            let types: [[u8; 2]; 6] = [[8, 0], [0x86, 0xdd], [0x81, 0], [0x88, 0xa8], [0x88, 0x64], [8, 6]];
            frame[12..14].copy_from_slice(&types[ether_type]);
        }
        let _ = inner(&frame);
        let _ = Mark::find(&frame);
    }
}
