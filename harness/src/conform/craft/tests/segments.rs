//! Segments of TCP: a handshake, and what is hostile.

use super::*;

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
