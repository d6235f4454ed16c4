//! What follows from a packet's place in its flow: its size and its TCP numbers.

use flowgauge_scenarios::traffic::{ETHERNET_HEADER_LEN, FCS_LEN, STAMP_LEN};
use flowgauge_scenarios::{Family, Traffic};

use super::endpoint::Side;
use super::template::Tail;

/// Where TCP data wraps back to the start of the stream, in bytes: half of the announced window, so that both
/// directions stay inside what conntrack accepts (nf_conntrack_proto_tcp.c, tcp_in_window) with constant
/// acknowledgements.
const WRAP: u64 = 1 << 29;

/// The frame sizes of one family in their order: each flow walks through the cycle, flow n starts at place n.
#[derive(Clone, Debug)]
pub struct Sizes {
    /// The pattern behind the stamp, per place in the cycle.
    tails: Vec<Tail>,
    /// Frame sizes with FCS in bytes, per place.
    frames: Vec<u16>,
    /// Payload bytes before place n, over two cycles.
    before: Vec<u64>,
    /// Payload bytes of one cycle.
    cycle: u64,
}

impl Sizes {
    /// The cycle of `traffic` for one family: sizes mixed as evenly as their weights allow, always the same way.
    pub fn new(traffic: &Traffic, family: Family) -> Sizes {
        let overhead = ETHERNET_HEADER_LEN + family.header_len() + traffic.protocol.header_len() + STAMP_LEN + FCS_LEN;
        let frames = spread(&traffic.sizes(family));
        let tails: Vec<Tail> = frames.iter().map(|&f| Tail::new(f.saturating_sub(overhead as u16))).collect();
        let payload = |place: usize| u64::from(tails[place % tails.len()].len) + STAMP_LEN as u64;
        let before: Vec<u64> = (0..=2 * tails.len()).map(|n| (0..n).map(payload).sum()).collect();
        let cycle = before[tails.len()];
        Sizes { tails, frames, before, cycle }
    }

    /// The pattern behind the stamp and the frame size with FCS of packet `sequence` of `flow`.
    #[inline]
    pub fn of(&self, flow: u32, sequence: u32) -> (Tail, u16) {
        let places = self.tails.len() as u64;
        let place = if places == 1 { 0 } else { ((u64::from(flow) + u64::from(sequence)) % places) as usize };
        (self.tails[place], self.frames[place])
    }

    /// Payload bytes of `flow` before packet `sequence`, wrapped: the TCP stream's offset.
    #[inline]
    pub fn offset(&self, flow: u32, sequence: u32) -> u32 {
        let places = self.tails.len() as u64;
        let (first, rest) = ((u64::from(flow) % places) as usize, (u64::from(sequence) % places) as usize);
        let bytes = u64::from(sequence) / places * self.cycle + self.before[first + rest] - self.before[first];
        (bytes % WRAP) as u32
    }
}

/// A cycle with every size as often as its weight, spread evenly (smooth weighted round robin).
fn spread(sizes: &[(u16, u32)]) -> Vec<u16> {
    let total: i64 = sizes.iter().map(|s| i64::from(s.1)).sum();
    let mut credit = vec![0i64; sizes.len()];
    let mut cycle = Vec::new();
    for _ in 0..total {
        for (credit, size) in credit.iter_mut().zip(sizes) {
            *credit += i64::from(size.1);
        }
        // The least index wins among equals: the order is the same on every machine.
        let best = (0..sizes.len()).rev().max_by_key(|&i| credit[i]).unwrap_or(0);
        credit[best] -= total;
        cycle.push(sizes[best].0);
    }
    cycle
}

/// The initial sequence number of a flow's side. It carries the flow, so that a SYN needs no payload to be known by.
pub const fn initial_sequence(side: Side, flow: u32) -> u32 {
    (flow << 12) | isn_check(side, flow)
}

/// The flow of an initial sequence number, or none if it is not one of ours.
pub const fn flow_of(side: Side, isn: u32) -> Option<u32> {
    let flow = isn >> 12;
    if isn & 0xfff == isn_check(side, flow) { Some(flow) } else { None }
}

const fn isn_check(side: Side, flow: u32) -> u32 {
    let salt = match side {
        Side::Client => 0x5a3,
        Side::Server => 0xc3c,
    };
    (flow.wrapping_mul(0x9e37_79b1) >> 20) ^ salt
}

#[cfg(test)]
mod tests {
    use super::*;
    use flowgauge_scenarios::{Direction, Families, Frame, Load, Opening, Protocol};

    fn traffic(frame: Frame) -> Traffic {
        Traffic {
            protocol: Protocol::Tcp,
            families: Families::Ipv4,
            frame,
            flows: 10,
            direction: Direction::Both,
            load: Load::Max,
            opening: Opening::Full,
        }
    }

    #[test]
    fn imix_keeps_its_weights_and_spreads_them() {
        let cycle = spread(&flowgauge_scenarios::traffic::SIMPLE_IMIX);
        let count = |size| cycle.iter().filter(|&&s| s == size).count();
        assert_eq!((count(64), count(594), count(1518)), (7, 4, 1));
        let two = [cycle.clone(), cycle].concat();
        assert!(two.windows(3).all(|w| w != [64, 64, 64]), "{two:?}");
    }

    #[test]
    fn tcp_data_is_contiguous_until_it_wraps() {
        let sizes = Sizes::new(&traffic(Frame::Imix), Family::Ipv4);
        for flow in 0..13 {
            for sequence in 0..1000 {
                let payload = u32::from(sizes.of(flow, sequence).0.len) + STAMP_LEN as u32;
                assert_eq!(sizes.offset(flow, sequence) + payload, sizes.offset(flow, sequence + 1));
            }
        }
        let sizes = Sizes::new(&traffic(Frame::Fixed(1518)), Family::Ipv4);
        assert!((0..4_000_000_000u32).step_by(999_983).all(|s| u64::from(sizes.offset(0, s)) < WRAP));
    }

    #[test]
    fn sizes_are_those_asked_for() {
        let sizes = Sizes::new(&traffic(Frame::Fixed(76)), Family::Ipv4);
        assert_eq!(sizes.of(3, 9), (Tail { len: 0, sum: 0 }, 76));
    }

    #[test]
    fn isns_name_their_flow_and_side() {
        for flow in (0..1_000_000).step_by(997) {
            let isn = initial_sequence(Side::Client, flow);
            assert_eq!(flow_of(Side::Client, isn), Some(flow));
            assert_eq!(flow_of(Side::Server, isn), None);
            assert_eq!(flow_of(Side::Client, isn + 1), None);
        }
    }
}
