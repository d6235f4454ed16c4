//! Frames that arrived: what they are, and whether every byte of them is right.

use flowgauge_scenarios::traffic::{ETHERNET_HEADER_LEN, STAMP_LEN};
use flowgauge_scenarios::{Families, Family, Protocol, Traffic};

use super::endpoint::{Endpoint, Side, Translations, index_in_family};
use super::packet::{Packet, parse};
use super::stamp::Stamp;
use super::stream::Sizes;
use super::template::{ether_type, pattern};
use super::wire::Macs;

/// What a frame is to a measuring receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A measured frame, every byte as sent.
    Intact(Stamp),
    /// A frame of ours with something wrong in it.
    Corrupt,
    /// Not ours.
    Foreign,
}

/// Judges the frames of one trial as they arrive at one side.
#[derive(Debug)]
pub struct Inspector<'a> {
    side: Side,
    macs: Macs,
    protocol: Protocol,
    families: Families,
    flows: u32,
    sizes: [Sizes; 2],
    /// What the opening learned; none when there was none.
    translations: Option<&'a Translations>,
    pattern: Vec<u8>,
    /// Frames stamped before this belong to earlier trials.
    since_ns: u64,
}

impl<'a> Inspector<'a> {
    /// An inspector at `side` for frames of `traffic` that were stamped at `since_ns` (CLOCK_MONOTONIC) or later.
    pub fn new(
        side: Side,
        macs: Macs,
        traffic: &Traffic,
        translations: Option<&'a Translations>,
        since_ns: u64,
    ) -> Self {
        Inspector {
            side,
            macs,
            protocol: traffic.protocol,
            families: traffic.families,
            flows: traffic.flows,
            sizes: [Sizes::new(traffic, Family::Ipv4), Sizes::new(traffic, Family::Ipv6)],
            translations,
            pattern: pattern(traffic.max_size().into()),
            since_ns,
        }
    }

    /// What `frame` is. `trust_l4`: an offload has not filled in the L4 checksum.
    #[inline]
    pub fn judge(&self, frame: &[u8], trust_l4: bool) -> Verdict {
        match parse(frame, self.macs, self.protocol, trust_l4).and_then(|packet| self.identify(&packet)) {
            Some(stamp) if stamp.time_ns < self.since_ns || stamp.sequence >= super::stamp::OPENING => Verdict::Foreign,
            Some(stamp) => Verdict::Intact(stamp),
            None if self.looks_ours(frame) => Verdict::Corrupt,
            None => Verdict::Foreign,
        }
    }

    /// What `frame` is by its stamp alone.
    #[inline]
    pub fn glance(&self, frame: &[u8]) -> Verdict {
        let family = if frame.get(12) == Some(&0x08) { Family::Ipv4 } else { Family::Ipv6 };
        let at = ETHERNET_HEADER_LEN + family.header_len() + self.protocol.header_len();
        match frame.get(at..).and_then(Stamp::read) {
            Some(stamp)
                if stamp.flow < self.flows
                    && stamp.sequence < super::stamp::OPENING
                    && stamp.time_ns >= self.since_ns =>
            {
                Verdict::Intact(stamp)
            }
            _ => Verdict::Foreign,
        }
    }

    /// The stamp of a sound packet, if addresses, length and payload are those of its flow.
    #[inline]
    fn identify(&self, packet: &Packet<'_>) -> Option<Stamp> {
        let stamp = Stamp::read(packet.payload)?;
        if stamp.flow >= self.flows || self.families.of_flow(stamp.flow) != packet.family {
            return None;
        }
        let (family, index) = (packet.family, index_in_family(self.families, stamp.flow));
        let right_ends = packet.destination == Endpoint::of(self.side, family, index)
            && match (self.side, self.translations) {
                (Side::Client, _) => packet.source == Endpoint::of(Side::Server, family, index),
                (Side::Server, Some(learned)) => learned.get(family, index) == Some(packet.source),
                (Side::Server, None) => true,
            };
        let tail = &packet.payload[STAMP_LEN..];
        let len = if stamp.sequence < super::stamp::OPENING {
            usize::from(self.sizes[family as usize].of(stamp.flow, stamp.sequence).0.len)
        } else {
            0
        };
        (right_ends && tail.len() == len && *tail == self.pattern[..len]).then_some(stamp)
    }

    /// Whether a frame with a fault in it is one of ours: by its stamp, or by its destination. One flipped bit can
    /// spoil only one of the two. A sound stamp of an earlier trial says that it is not.
    #[cold]
    fn looks_ours(&self, frame: &[u8]) -> bool {
        let families = self.families.each();
        let ends = families.iter().map(|f| ETHERNET_HEADER_LEN + f.header_len());
        let stamp = ends.flat_map(|l4| [l4 + 8, l4 + 20]).find_map(|at| frame.get(at..).and_then(Stamp::read));
        if let Some(stamp) = stamp {
            return stamp.time_ns >= self.since_ns;
        }
        // ICMP errors about our flows, and TCP segments without data that the opening left behind.
        let silent = |p: Packet<'_>| p.payload.is_empty();
        if self.protocol == Protocol::Tcp && parse(frame, self.macs, self.protocol, false).is_some_and(silent) {
            return false;
        }
        families.iter().any(|&family| {
            let (l4, address_len, next_header, icmp) = match family {
                Family::Ipv4 => (34, 4, 23, 1),
                Family::Ipv6 => (54, 16, 20, 58),
            };
            frame.get(12..14) == Some(&ether_type(family).to_be_bytes())
                && frame.get(next_header) != Some(&icmp)
                && frame.get(l4 - address_len..l4).is_some_and(|a| Endpoint::in_pool(self.side, a))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generators::raw::template::{ACK, HEADERS_MAX, PSH, Segment, Template};
    use flowgauge_scenarios::{Direction, Frame, Load, Opening};
    use proptest::prelude::*;

    const CLIENT: [u8; 6] = [2, 0, 0, 0, 0, 1];
    const SERVER: [u8; 6] = [2, 0, 0, 0, 0, 2];
    const AT_SERVER: Macs = Macs { own: SERVER, gateway: CLIENT };

    fn traffic(protocol: Protocol, families: Families, size: u16) -> Traffic {
        let (direction, load, opening) = (Direction::Upstream, Load::Max, Opening::Full);
        Traffic { protocol, families, frame: Frame::Fixed(size), flows: 70_000, direction, load, opening }
    }

    /// The frame of `stamp` as it stands on the wire, without FCS.
    fn build(traffic: &Traffic, stamp: Stamp) -> Vec<u8> {
        let family = traffic.families.of_flow(stamp.flow);
        let index = index_in_family(traffic.families, stamp.flow);
        let sizes = Sizes::new(traffic, family);
        let template = Template::new(family, traffic.protocol, CLIENT, SERVER, ACK | PSH, 1460);
        let mut buffer = [0; HEADERS_MAX];
        template.prepare(&mut buffer);
        let (client, server) = (Endpoint::of(Side::Client, family, index), Endpoint::of(Side::Server, family, index));
        let segment = Segment { sequence: sizes.offset(stamp.flow, stamp.sequence), acknowledgement: 7 };
        let tail = sizes.of(stamp.flow, stamp.sequence).0;
        let len = template.write(&mut buffer, &client, &server, segment, Some(&stamp), tail);
        [&buffer[..len], &pattern(tail.len.into())].concat()
    }

    fn protocols() -> impl Strategy<Value = (Protocol, Families)> {
        (prop_oneof![Just(Protocol::Udp), Just(Protocol::Tcp)], proptest::sample::select(Families::ALL.to_vec()))
    }

    proptest! {
        #[test]
        fn what_is_built_is_verified((protocol, families) in protocols(), size in 96u16..1519, flow in 0u32..70_000,
                                     sequence in 0u32..1 << 31, time_ns: u64) {
            let traffic = traffic(protocol, families, size);
            let stamp = Stamp { flow, sequence, time_ns };
            let frame = build(&traffic, stamp);
            prop_assert_eq!(frame.len() + 4, usize::from(size));
            let inspector = Inspector::new(Side::Server, AT_SERVER, &traffic, None, 0);
            prop_assert_eq!(inspector.judge(&frame, false), Verdict::Intact(stamp));
            let later = Inspector::new(Side::Server, AT_SERVER, &traffic, None, time_ns.saturating_add(1));
            prop_assert!(time_ns == u64::MAX || later.judge(&frame, false) == Verdict::Foreign);
        }

        #[test]
        fn pnet_agrees_with_the_checksums((protocol, families) in protocols(), size in 96u16..300, flow in 0u32..100) {
            use pnet::packet::{Packet as _, ipv4, ipv6, tcp, udp};
            let frame = build(&traffic(protocol, families, size), Stamp { flow, sequence: 3, time_ns: 4 });
            match families.of_flow(flow) {
                Family::Ipv4 => {
                    let ip = ipv4::Ipv4Packet::new(&frame[14..]).unwrap();
                    prop_assert_eq!(ip.get_checksum(), ipv4::checksum(&ip));
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

    #[test]
    fn every_flipped_bit_is_corruption() {
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            for families in [Families::Ipv4, Families::Ipv6] {
                let traffic = traffic(protocol, families, 128);
                let inspector = Inspector::new(Side::Server, AT_SERVER, &traffic, None, 1_000_000);
                let stamp = Stamp { flow: 51_234, sequence: 77, time_ns: 1 << 50 };
                let frame = build(&traffic, stamp);
                for bit in 0..frame.len() * 8 {
                    let mut damaged = frame.clone();
                    damaged[bit / 8] ^= 1 << (bit % 8);
                    assert_eq!(
                        inspector.judge(&damaged, false),
                        Verdict::Corrupt,
                        "{protocol:?} {families:?} bit {bit}"
                    );
                }
                for len in 60..frame.len() {
                    assert_eq!(inspector.judge(&frame[..len], false), Verdict::Corrupt, "cut to {len}");
                }
                assert_eq!(inspector.judge(&frame, false), Verdict::Intact(stamp));
            }
        }
    }

    #[test]
    fn misdelivered_and_alien_frames_are_told() {
        let traffic = traffic(Protocol::Udp, Families::Ipv4, 128);
        let stamp = Stamp { flow: 9, sequence: 0, time_ns: 5 };
        let frame = build(&traffic, stamp);
        let mut learned = Translations::new(Families::Ipv4, traffic.flows);
        let mut source = Endpoint::of(Side::Client, Family::Ipv4, 9);
        learned.learn(Family::Ipv4, 9, &source);
        assert_eq!(
            Inspector::new(Side::Server, AT_SERVER, &traffic, Some(&learned), 0).judge(&frame, false),
            Verdict::Intact(stamp)
        );
        source.port += 1;
        learned.learn(Family::Ipv4, 9, &source);
        assert_eq!(
            Inspector::new(Side::Server, AT_SERVER, &traffic, Some(&learned), 0).judge(&frame, false),
            Verdict::Corrupt
        );
        let inspector = Inspector::new(Side::Server, AT_SERVER, &traffic, None, 0);
        for alien in [&[][..], &[0; 60], &[0xff; 1500]] {
            assert_eq!(inspector.judge(alien, false), Verdict::Foreign);
        }
    }
}
