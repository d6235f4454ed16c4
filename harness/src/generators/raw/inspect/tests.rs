use super::*;
use crate::generators::raw::endpoint::index_in_family;
use crate::generators::raw::path::Path;
use flowgauge_scenarios::{Direction, Families, Frame, Load, Opening, Traffic};
use proptest::prelude::*;

const CLIENT: [u8; 6] = [2, 0, 0, 0, 0, 1];
const SERVER: [u8; 6] = [2, 0, 0, 0, 0, 2];
const AT_SERVER: Macs = Macs { own: SERVER, gateway: CLIENT };
const RUN: u16 = 0xbeef;

fn traffic(protocol: Protocol, families: Families, size: u16) -> Traffic {
    let (direction, load, opening) = (Direction::Upstream, Load::Max, Opening::Full);
    Traffic { protocol, families, frame: Frame::Fixed(size), flows: 70_000, direction, load, opening }
}

fn course(traffic: &Traffic, nat: Nat) -> Course<'_> {
    Course { side: Side::Client, traffic, path: Path::routed(nat), learned: None, run: RUN }
}

fn stamp(flow: u32, seq: u32, sent_ns: u64) -> Stamp {
    Stamp { run: RUN, direction: Direction::Upstream, flow, seq, sent_ns }
}

/// The frame of `stamp` as it must arrive at the server, without FCS; the source is rewritten to `source`.
fn build(course: &Course<'_>, stamp: Stamp, source: Option<Endpoint>) -> Vec<u8> {
    let (family, index) = course.place(stamp.flow);
    let sizes = Sizes::new(course.traffic, family);
    let template =
        Template::new(family, course.traffic.protocol, CLIENT, SERVER, ACK | PSH, 1460).after(course.path.hops);
    let mut buffer = [0; HEADERS_MAX];
    template.prepare(&mut buffer);
    let (from, to) =
        (source.unwrap_or(Endpoint::of(Side::Client, family, index)), Endpoint::of(Side::Server, family, index));
    let tail = sizes.of(stamp.flow, stamp.seq).0;
    let segment = course.segment(&sizes, stamp.flow, stamp.seq);
    let len = template.write(&mut buffer, &from, &to, segment, Some(&stamp), tail);
    [&buffer[..len], &pattern(tail.len.into())].concat()
}

fn protocols() -> impl Strategy<Value = (Protocol, Families)> {
    (prop_oneof![Just(Protocol::Udp), Just(Protocol::Tcp)], proptest::sample::select(Families::ALL.to_vec()))
}

proptest! {
    #[test]
    fn what_is_built_is_verified((protocol, families) in protocols(), size in 96u16..1519, flow in 0u32..70_000,
                                 seq in 0u32..1 << 31, sent_ns in 0u64..1 << 59) {
        let traffic = traffic(protocol, families, size);
        let (course, stamp) = (course(&traffic, Nat::None), stamp(flow, seq, sent_ns));
        let frame = build(&course, stamp, None);
        prop_assert_eq!(frame.len() + 4, usize::from(size));
        prop_assert_eq!(Inspector::new(course, AT_SERVER, 0).judge(&frame, false), Verdict::Intact(stamp));
        prop_assert_eq!(Inspector::new(course, AT_SERVER, sent_ns + 1).judge(&frame, false), Verdict::Foreign);
        let other = Course { run: RUN ^ 1, ..course };
        prop_assert_eq!(Inspector::new(other, AT_SERVER, 0).judge(&frame, false), Verdict::Foreign);
    }

    #[test]
    fn pnet_agrees_with_the_checksums((protocol, families) in protocols(), size in 96u16..300, flow in 0u32..100) {
        use pnet::packet::{Packet as _, ipv4, ipv6, tcp, udp};
        let traffic = traffic(protocol, families, size);
        let frame = build(&course(&traffic, Nat::None), stamp(flow, 3, 4), None);
        match families.of_flow(flow) {
            Family::Ipv4 => {
                let ip = ipv4::Ipv4Packet::new(&frame[14..]).unwrap();
                prop_assert_eq!(ip.get_checksum(), ipv4::checksum(&ip));
                prop_assert_eq!(ip.get_ttl(), 63);
                let (from, to) = (ip.get_source(), ip.get_destination());
                match protocol {
                    Protocol::Udp => {
                        let udp = udp::UdpPacket::new(ip.payload()).unwrap();
                        prop_assert_eq!(udp.get_checksum(), udp::ipv4_checksum(&udp, &from, &to));
                    }
                    Protocol::Tcp => {
                        let tcp = tcp::TcpPacket::new(ip.payload()).unwrap();
                        prop_assert_eq!(tcp.get_checksum(), tcp::ipv4_checksum(&tcp, &from, &to));
                    }
                }
            }
            Family::Ipv6 => {
                let ip = ipv6::Ipv6Packet::new(&frame[14..]).unwrap();
                prop_assert_eq!(ip.get_hop_limit(), 63);
                let (from, to) = (ip.get_source(), ip.get_destination());
                match protocol {
                    Protocol::Udp => {
                        let udp = udp::UdpPacket::new(ip.payload()).unwrap();
                        prop_assert_eq!(udp.get_checksum(), udp::ipv6_checksum(&udp, &from, &to));
                    }
                    Protocol::Tcp => {
                        let tcp = tcp::TcpPacket::new(ip.payload()).unwrap();
                        prop_assert_eq!(tcp.get_checksum(), tcp::ipv6_checksum(&tcp, &from, &to));
                    }
                }
            }
        }
    }
}

/// What a flipped bit in this byte of a frame with these headers must be called.
fn kind_at(at: usize, family: Family, protocol: Protocol) -> Kind {
    let l4 = ETHERNET_HEADER_LEN + family.header_len();
    let (ttl, addresses) = if family == Family::Ipv4 { (22, 26..34) } else { (21, 22..54) };
    let checksum = if protocol == Protocol::Udp { l4 + 6 } else { l4 + 16 };
    match at {
        0..12 => Kind::Address,
        at if addresses.contains(&at) || (l4..l4 + 4).contains(&at) => Kind::Address,
        at if at == ttl => Kind::Ttl,
        24..26 if family == Family::Ipv4 => Kind::Checksum,
        at if at == checksum || at == checksum + 1 => Kind::Checksum,
        at if at < l4 + protocol.header_len() => Kind::Header,
        _ => Kind::Payload,
    }
}

#[test]
fn every_flipped_bit_is_damage_of_its_kind() {
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        for families in [Families::Ipv4, Families::Ipv6] {
            let traffic = traffic(protocol, families, 128);
            let (course, stamp) = (course(&traffic, Nat::None), stamp(51_234, 77, 1 << 50));
            let mut inspector = Inspector::new(course, AT_SERVER, 1_000_000);
            let frame = build(&course, stamp, None);
            for bit in 0..frame.len() * 8 {
                let mut damaged = frame.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let kind = kind_at(bit / 8, families.of_flow(0), protocol);
                let found = inspector.judge(&damaged, false);
                assert_eq!(found, Verdict::Damaged(kind), "{protocol:?} {families:?} bit {bit}");
            }
            for len in 60..frame.len() {
                let found = inspector.judge(&frame[..len], false);
                assert_eq!(found, Verdict::Damaged(Kind::Payload), "{protocol:?} {families:?} cut to {len}");
            }
            assert_eq!(inspector.judge(&[&frame[..], &[0]].concat(), false), Verdict::Damaged(Kind::Payload));
            assert_eq!(inspector.judge(&frame, false), Verdict::Intact(stamp));
        }
    }
}

#[test]
fn a_checksum_may_be_left_to_an_offload_and_nothing_else() {
    let traffic = traffic(Protocol::Udp, Families::Ipv4, 128);
    let course = course(&traffic, Nat::None);
    let mut inspector = Inspector::new(course, AT_SERVER, 0);
    let mut frame = build(&course, stamp(1, 2, 3), None);
    frame[40] ^= 0xff;
    assert_eq!(inspector.judge(&frame, true), Verdict::Intact(stamp(1, 2, 3)));
    frame[40..42].fill(0);
    assert_eq!(inspector.judge(&frame, false), Verdict::Damaged(Kind::Checksum), "no checksum was not sent so");
    frame[24] ^= 1;
    assert_eq!(inspector.judge(&frame, true), Verdict::Damaged(Kind::Checksum));
}

#[test]
fn a_tag_that_is_left_is_a_wrong_header() {
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let traffic = traffic(protocol, Families::Ipv6, 128);
        let course = course(&traffic, Nat::None);
        let frame = build(&course, stamp(1, 2, 3), None);
        let tagged = [&frame[..12], &[0x81, 0, 0, 7], &frame[12..]].concat();
        assert_eq!(Stamp::read(&tagged), Some(stamp(1, 2, 3)));
        let found = Inspector::new(course, AT_SERVER, 0).judge(&tagged, false);
        assert_eq!(found, Verdict::Damaged(Kind::Header));
    }
}

#[test]
fn a_masquerade_keeps_its_address_and_port() {
    let traffic = traffic(Protocol::Udp, Families::Ipv4, 128);
    let wan = std::net::Ipv4Addr::new(198, 19, 0, 1);
    let nat = Nat::Masquerade { ipv4: wan, ipv6: std::net::Ipv6Addr::LOCALHOST };
    let course = course(&traffic, nat);
    let from = |port| Some(Endpoint::new(&wan.octets(), port));
    let frame = |seq, source| build(&course, stamp(9, seq, 5), source);
    // Without an opening the first frame tells the port.
    let mut inspector = Inspector::new(course, AT_SERVER, 0);
    assert_eq!(inspector.judge(&frame(0, from(4000)), false), Verdict::Intact(stamp(9, 0, 5)));
    assert_eq!(inspector.judge(&frame(1, from(4000)), false), Verdict::Intact(stamp(9, 1, 5)));
    assert_eq!(inspector.judge(&frame(2, from(4001)), false), Verdict::Damaged(Kind::Address));
    assert_eq!(inspector.judge(&frame(3, None), false), Verdict::Damaged(Kind::Address), "not translated at all");
    // With one it is the opening's.
    let mut learned = Translations::new(Families::Ipv4, traffic.flows);
    learned.learn(Family::Ipv4, index_in_family(Families::Ipv4, 9), &from(4002).unwrap());
    let mut inspector = Inspector::new(Course { learned: Some(&learned), ..course }, AT_SERVER, 0);
    assert_eq!(inspector.judge(&frame(0, from(4002)), false), Verdict::Intact(stamp(9, 0, 5)));
    assert_eq!(inspector.judge(&frame(1, from(4000)), false), Verdict::Damaged(Kind::Address));
}

#[test]
fn only_frames_of_the_trial_are_ours() {
    let traffic = traffic(Protocol::Udp, Families::Ipv4, 128);
    let course = course(&traffic, Nat::None);
    let mut inspector = Inspector::new(course, AT_SERVER, 0);
    for alien in [&[][..], &[0; 60], &[0xff; 1500]] {
        assert_eq!(inspector.judge(alien, false), Verdict::Foreign);
    }
    let opening = build(&course, stamp(9, OPENING + 1, 5), None);
    assert_eq!(inspector.judge(&opening, false), Verdict::Foreign);
    let back = build(&course, Stamp { direction: Direction::Downstream, ..stamp(9, 1, 5) }, None);
    assert_eq!(inspector.judge(&back, false), Verdict::Damaged(Kind::Address), "it came back");
}
