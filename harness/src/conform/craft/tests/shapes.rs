//! Packets of other shapes: options, fragments, padding, encapsulations, and whatever a specification may ask for.

use super::*;

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
