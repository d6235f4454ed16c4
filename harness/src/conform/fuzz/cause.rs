//! Why the classic path refuses or trims a packet that the fast path forwards as it came: what the kernel checks there, in the
//! order in which it does (ip_rcv_core, ip6_rcv_core, then conntrack's udp_error and tcp_error), read from the bytes that were
//! sent. Each is named by the case of the catalogue that has it as a known failure, with reason and versions.

use flowgauge_scenarios::Family;
use flowgauge_scenarios::conform::Side;

use super::attribute::transport;
use crate::conform::craft::{Inner, inner};
use crate::generators::raw::checksum;

/// Flags of TCP (RFC 9293 section 3.1).
pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const ACK: u8 = 0x10;
const URG: u8 = 0x20;

/// A reason, and what the reference does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    /// The case that is about it.
    pub(super) case: &'static str,
    pub(super) effect: Effect,
}

/// What the reference does where the fast path forwards the packet as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It drops the packet.
    Refused,
    /// It forwards it without what is behind the length of the IP header.
    Trimmed,
}

impl Cause {
    pub(super) const fn refused(case: &'static str) -> Cause {
        Cause { case, effect: Effect::Refused }
    }
}

/// Of a frame that `side` sent to a DUT whose port has this address. None where the reference has no objection that can be read
/// from this frame alone.
pub(super) fn of(frame: &[u8], side: Side, dut: [u8; 6]) -> Option<Cause> {
    if frame.get(..6)? != dut {
        return Some(Cause::refused("foreign-mac"));
    }
    let packet = inner(frame)?;
    let bytes = packet.packet;
    let word = |at: usize| usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]));
    let v4 = packet.family == Family::Ipv4;
    let (header, length) = if v4 { (usize::from(bytes[0] & 15) * 4, word(2)) } else { (40, 40 + word(4)) };
    if bytes[0] >> 4 != if v4 { 4 } else { 6 } {
        return Some(Cause::refused(if v4 { "version-wrong-ipv4" } else { "version-wrong-ipv6" }));
    }
    // Headers with options and cut ones are left to the classic path.
    if header < 20 || bytes.len() < header || !matches!(packet.protocol, 6 | 17) {
        return None;
    }
    if v4 && checksum::fold(checksum::sum(&bytes[..header])) != 0xffff {
        return Some(Cause::refused("ip-checksum-wrong"));
    }
    if length > bytes.len() {
        return Some(Cause::refused("length-too-long"));
    }
    if length < header {
        return Some(Cause::refused("length-too-short"));
    }
    let wrong = behind(&packet, &bytes[header..length], side);
    match (length < bytes.len(), wrong) {
        (false, wrong) => wrong.map(Cause::refused),
        (true, None) => Some(Cause { case: "ethernet-padding", effect: Effect::Trimmed }),
        (true, Some(_)) => Some(Cause::refused("length-too-short")),
    }
}

/// What conntrack has against a transport header and its payload.
fn behind(packet: &Inner<'_>, bytes: &[u8], side: Side) -> Option<&'static str> {
    // Fragments are put together first.
    transport(packet).filter(|_| !fragment(packet))?;
    let v4 = packet.family == Family::Ipv4;
    let sound = || {
        let addresses = if v4 { &packet.packet[12..20] } else { &packet.packet[8..40] };
        let pseudo =
            checksum::sum(addresses) + checksum::word(bytes.len() as u16) + checksum::word(packet.protocol.into());
        checksum::fold(checksum::sum(bytes) + pseudo) == 0xffff
    };
    if packet.protocol == 17 {
        let length = bytes.get(4..6).map(|word| usize::from(u16::from_be_bytes([word[0], word[1]])));
        let fits = bytes.len() >= 8 && length.is_some_and(|length| (8..=bytes.len()).contains(&length));
        return match fits {
            false => Some(if v4 { "udp-length-too-long-ipv4" } else { "udp-length-too-long-ipv6" }),
            true => (bytes[6..8] != [0, 0] && !sound()).then_some("transport-checksum-wrong"),
        };
    }
    let offset = bytes.get(12).map_or(0, |byte| usize::from(byte >> 4) * 4);
    if offset < 20 || offset > bytes.len() {
        return Some(if v4 { "tcp-header-too-short-ipv4" } else { "tcp-header-too-short-ipv6" });
    }
    if !sound() {
        return Some("transport-checksum-wrong");
    }
    let flags = bytes[13] & (FIN | SYN | RST | ACK | URG);
    // tcp_valid_flags in net/netfilter/nf_conntrack_proto_tcp.c
    let plain = flags & !URG;
    let valid = [SYN, ACK, FIN | ACK].contains(&plain) || [SYN | ACK, RST, RST | ACK].contains(&flags);
    if !valid {
        return Some(if flags & (FIN | RST) == 0 { "tcp-no-flags" } else { "tcp-all-flags" });
    }
    // tcp_conntracks of an established connection: sIV.
    let strange = if side == Side::Client { flags == SYN | ACK } else { plain == SYN };
    strange.then_some("syn-of-the-server")
}

/// Whether it is a part of a packet.
pub(super) fn fragment(packet: &Inner<'_>) -> bool {
    match packet.family {
        Family::Ipv4 => u16::from_be_bytes([packet.packet[6], packet.packet[7]]) & 0x3fff != 0,
        Family::Ipv6 => packet.protocol == 44,
    }
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::conform::{PacketSpec, Sum};
    use flowgauge_scenarios::{Datapath, Direction, Protocol};

    use super::*;
    use crate::conform::craft::Crafter;
    use crate::conform::fuzz::{replay, stations};
    use crate::generators::raw::wire::Macs;

    fn cause(family: Family, protocol: Protocol, packet: &PacketSpec) -> Option<(&'static str, Effect)> {
        let macs = Macs { own: [2, 0, 0, 0, 1, 2], gateway: [2, 0, 0, 0, 1, 1] };
        let station = stations(Datapath::Flowtable).into_iter().find(|station| station.family == family).unwrap();
        let (case, instance) = replay::blank(&station, protocol, 0);
        let mut crafter = Crafter::new(&instance, &case, macs, macs, station.bed.encapsulation);
        crafter.open(0);
        let (side, frame) = crafter.frames(packet, Direction::Upstream).unwrap().remove(0);
        of(&frame, side, macs.gateway).map(|cause| (cause.case, cause.effect))
    }

    #[test]
    fn what_the_classic_path_refuses_is_named() {
        let plain = PacketSpec::default();
        let refused = |case| Some((case, Effect::Refused));
        for family in [Family::Ipv4, Family::Ipv6] {
            for protocol in [Protocol::Udp, Protocol::Tcp] {
                let cause = |packet: PacketSpec| cause(family, protocol, &packet);
                let v4 = family == Family::Ipv4;
                assert_eq!(cause(plain.clone()), None);
                assert_eq!(cause(PacketSpec { payload: 33, dscp: 46, ..plain.clone() }), None);
                let mac = PacketSpec { foreign_mac: true, ..plain.clone() };
                assert_eq!(cause(mac), refused("foreign-mac"));
                let sum = PacketSpec { sum: Sum::Wrong, ..plain.clone() };
                assert_eq!(cause(sum), refused("transport-checksum-wrong"));
                let padded = PacketSpec { padding: 3, ..plain.clone() };
                assert_eq!(cause(padded), Some(("ethernet-padding", Effect::Trimmed)));
                let (long, short) =
                    (PacketSpec { length: 4, ..plain.clone() }, PacketSpec { length: -4, ..plain.clone() });
                assert_eq!(cause(PacketSpec { cut: 1, ..plain.clone() }), refused("length-too-long"));
                assert_eq!((cause(long), cause(short)), (refused("length-too-long"), refused("length-too-short")));
                let version = PacketSpec { patch: vec![(0, "55".to_owned())], ..plain.clone() };
                let named = if v4 { "version-wrong-ipv4" } else { "version-wrong-ipv6" };
                assert_eq!(cause(version), refused(named));
                let fragments = PacketSpec { fragment: 24, sum: Sum::Wrong, ..plain.clone() };
                assert_eq!(cause(fragments), None);
            }
            let none = PacketSpec { sum: Sum::Zero, ..plain.clone() };
            assert_eq!(cause(family, Protocol::Udp, &none), None);
            assert_eq!(cause(family, Protocol::Tcp, &none), refused("transport-checksum-wrong"));
            for (flags, reverse, case) in [
                ("", false, Some("tcp-no-flags")),
                ("P", true, Some("tcp-no-flags")),
                ("FPU", false, Some("tcp-all-flags")),
                ("SF", false, Some("tcp-all-flags")),
                ("R", false, None),
                ("S", false, None),
                ("S", true, Some("syn-of-the-server")),
                ("SA", false, Some("syn-of-the-server")),
                ("SA", true, None),
                ("FAU", false, None),
                ("AEC", false, None),
            ] {
                let packet = PacketSpec { flags: Some(flags.to_owned()), reverse, ..plain.clone() };
                assert_eq!(cause(family, Protocol::Tcp, &packet), case.and_then(refused), "{flags} {reverse}");
            }
        }
        let header = PacketSpec { ip_sum: Sum::Wrong, ..plain };
        assert_eq!(cause(Family::Ipv4, Protocol::Tcp, &header), refused("ip-checksum-wrong"));
    }
}
