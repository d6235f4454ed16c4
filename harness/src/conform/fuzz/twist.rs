//! What can set a packet apart, each a field of its specification: boundaries first, random values after.

use flowgauge_scenarios::conform::{Ecn, Ipv4Option, Ipv6Extension, PacketSpec, Sum};
use flowgauge_scenarios::plan::SplitMix64;
use flowgauge_scenarios::{Family, Protocol};

/// One of a list.
pub(super) fn pick<T: Clone>(random: &mut SplitMix64, list: &[T]) -> T {
    list[random.below(list.len() as u64) as usize].clone()
}

/// Changes one thing of a packet. `room`: how many bytes of IP packet the sender's link takes.
pub(super) fn twist(random: &mut SplitMix64, packet: &mut PacketSpec, kind: (Family, Protocol), room: u16) {
    let (family, protocol) = kind;
    // TCP's own are half of what TCP gets.
    if protocol == Protocol::Tcp && random.below(2) == 0 {
        return segment(random, packet);
    }
    match random.below(15) {
        0 => packet.payload = pick(random, &[0, 1, 2, 3, 31, 33, 511, 1200, room, room]),
        1 => packet.hop_limit = pick(random, &[0, 1, 2, 3, 63, 65, 128, 255]),
        2 => packet.dscp = pick(random, &[1, 8, 10, 46, 48, 63]),
        3 => packet.ecn = pick(random, &[Ecn::Ect0, Ecn::Ect1, Ecn::Ce]),
        4 => packet.count = 2 + random.below(3) as u32,
        5 => packet.sum = pick(random, &[Sum::Wrong, Sum::Zero]),
        6 => packet.padding = pick(random, &[1, 2, 6, 18, 46]),
        7 => packet.cut = 1 + pick(random, &[0, 1, 3, 7, 8, 11, 19, 20, 27, 31, 39, 44]),
        8 => packet.length = pick(random, &[-60, -40, -28, -20, -8, -1, 1, 4, 8, 100, 1400, 60_000]),
        9 => packet.protocol = Some(pick(random, &[0, 1, 2, 4, 6, 17, 41, 47, 50, 58, 59, 132, 136, 255])),
        10 => fragment(random, packet, room),
        11 => packet.foreign_mac = true,
        12 => patch(random, packet, kind),
        13 => match family {
            Family::Ipv4 => packet.ip_sum = pick(random, &[Sum::Wrong, Sum::Zero]),
            Family::Ipv6 => packet.flow_label = pick(random, &[1, 0x8_0000, 0xf_ffff]),
        },
        _ => match family {
            Family::Ipv4 if random.below(4) == 0 => packet.dont_fragment = false,
            Family::Ipv4 => {
                // Not the timestamp: every router writes the time of day into it, which differs from path to path.
                let all = [Ipv4Option::Nop, Ipv4Option::RouterAlert, Ipv4Option::RecordRoute];
                packet.options = (0..1 + random.below(2)).map(|_| pick(random, &all)).collect();
            }
            Family::Ipv6 => {
                let all = [Ipv6Extension::HopByHop, Ipv6Extension::Destination, Ipv6Extension::AtomicFragment];
                packet.extensions = (0..1 + random.below(2)).map(|_| pick(random, &all)).collect();
            }
        },
    }
}

/// What a hostile end of a connection sends.
fn segment(random: &mut SplitMix64, packet: &mut PacketSpec) {
    match random.below(8) {
        0..3 => {
            let all =
                ["S", "SA", "A", "F", "FA", "R", "RA", "", "P", "PA", "SF", "SR", "FR", "FPU", "FSRPAUEC", "AEC", "U"];
            packet.flags = Some(pick(random, &all).to_owned());
            if random.below(2) == 0 {
                packet.payload = 0;
            }
        }
        3 | 4 => packet.sequence = pick(random, &OFFSETS),
        5 => packet.acknowledgement = pick(random, &OFFSETS),
        6 => packet.window = pick(random, &[0, 1, 1460, 32_768]),
        _ => packet.timestamps = true,
    }
}

/// Back, overlapping, ahead, out of the window, and half the numbers away.
const OFFSETS: [i64; 14] =
    [-1, 1, -32, 16, -16, 1460, -1460, 65_535, -65_535, 600_000, -600_000, 1 << 30, 1 << 31, -(1 << 30)];

fn fragment(random: &mut SplitMix64, packet: &mut PacketSpec, room: u16) {
    if random.below(3) == 0 {
        // A part on its own: the first, one in the middle, the last; never all of it.
        packet.payload = 120;
        packet.part = Some(pick(random, &[(0, 8), (0, 24), (0, 64), (8, 64), (24, 64), (64, 128), (64, 120)]));
    } else {
        packet.fragment = pick(random, &[8, 16, 24, 64, 512, 1024]);
        packet.payload = pick(random, &[33, 64, 100, 600, 1300, room]);
    }
}

/// Random bytes over the headers, but not over addresses and ports: a packet of another sequence's flow would let that
/// one differ.
fn patch(random: &mut SplitMix64, packet: &mut PacketSpec, (family, protocol): (Family, Protocol)) {
    let (ip, transport) = match family {
        // Version and header length, or flags and offset; identification and length have fields of their own.
        Family::Ipv4 => (pick(random, &[0u16, 1, 6, 7]), 20),
        Family::Ipv6 => (pick(random, &[0, 1, 4, 5]), 40),
    };
    let behind_ports = match protocol {
        Protocol::Udp => 4 + random.below(4) as u16,
        Protocol::Tcp => 4 + random.below(16) as u16,
    };
    let offset = if random.below(2) == 0 { ip } else { transport + behind_ports };
    packet.patch.push((offset, format!("{:02x}", random.below(256))));
}
