//! The TCP numbers of a flow, one set a side.

use flowgauge_scenarios::conform::Side;

/// The window scale of SYN and SYN-ACK: with a window of 65535 half a MiB may be in flight unanswered, so that a stream
/// in one direction stays inside of it. What is to be out of the window must be off by more than 524,280.
pub const WINDOW_SCALE: u8 = 3;

/// FIN of the flags byte (RFC 9293 section 3.1).
pub(super) const FIN: u8 = 0x01;
/// SYN.
pub(super) const SYN: u8 = 0x02;
/// RST.
pub(super) const RST: u8 = 0x04;
/// PSH.
pub(super) const PSH: u8 = 0x08;
/// ACK.
pub(super) const ACK: u8 = 0x10;

/// How far both sides of a connection are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Numbers {
    /// The next sequence number of client and server.
    next: [u32; 2],
    /// The last timestamp of client and server.
    stamped: [u32; 2],
}

/// The numbers of one segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) sequence: u32,
    pub(super) acknowledgement: u32,
    /// Timestamp value and echo (RFC 7323 section 3).
    pub(super) stamps: (u32, u32),
}

impl Numbers {
    /// Initial sequence numbers that differ from flow to flow and from side to side.
    pub(super) fn of(flow: u32) -> Numbers {
        let spread = |salt: u32| (flow ^ salt).wrapping_mul(0x9e37_79b1).rotate_left(11);
        Numbers { next: [spread(0x51de), spread(0xa7c3_0000)], stamped: [0, 0] }
    }

    /// The numbers of the next segment of `from`, with offsets to what would follow. A SYN begins anew where it stands; a
    /// reset, or anything else with an offset, is taken for a stray and moves nothing.
    pub(super) fn segment(&mut self, from: Side, flags: u8, payload: u32, offsets: (i64, i64), clock: u32) -> Segment {
        let (own, peer) = (from as usize, 1 - from as usize);
        let sequence = self.next[own].wrapping_add(offsets.0 as u32);
        let expected = if flags & ACK != 0 { self.next[peer] } else { 0 };
        if flags & SYN != 0 || (flags & RST == 0 && offsets.0 == 0) {
            let phantom = u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
            self.next[own] = sequence.wrapping_add(payload).wrapping_add(phantom);
        }
        self.stamped[own] = clock;
        Segment {
            sequence,
            acknowledgement: expected.wrapping_add(offsets.1 as u32),
            stamps: (clock, if flags & ACK != 0 { self.stamped[peer] } else { 0 }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_acknowledge_each_other() {
        let mut numbers = Numbers::of(5);
        let start = numbers.next;
        let syn = numbers.segment(Side::Client, SYN, 0, (0, 0), 1);
        assert_eq!((syn.sequence, syn.acknowledgement), (start[0], 0));
        let answer = numbers.segment(Side::Server, SYN | ACK, 0, (0, 0), 2);
        assert_eq!((answer.sequence, answer.acknowledgement), (start[1], start[0].wrapping_add(1)));
        assert_eq!(answer.stamps, (2, 1));
        let data = numbers.segment(Side::Client, ACK | PSH, 10, (0, 0), 3);
        assert_eq!((data.sequence, data.acknowledgement), (start[0].wrapping_add(1), start[1].wrapping_add(1)));
        let fin = numbers.segment(Side::Server, ACK | FIN, 0, (0, 0), 4);
        assert_eq!(fin.acknowledgement, start[0].wrapping_add(11));
        let last = numbers.segment(Side::Client, ACK, 0, (0, 0), 5);
        assert_eq!(last.acknowledgement, start[1].wrapping_add(2));
    }

    #[test]
    fn strays_move_nothing() {
        let mut numbers = Numbers::of(6);
        let next = numbers.next;
        for (flags, offset) in [(ACK, 5000), (ACK, -32), (RST, 0), (RST | ACK, 7), (FIN | ACK, -1)] {
            let segment = numbers.segment(Side::Client, flags, 32, (offset, -9), 1);
            assert_eq!(segment.sequence, next[0].wrapping_add(offset as u32));
            assert_eq!(numbers.next, next);
        }
        let anew = numbers.segment(Side::Client, SYN, 0, (1 << 20, 0), 2);
        assert_eq!(numbers.next[0], anew.sequence.wrapping_add(1));
    }
}
