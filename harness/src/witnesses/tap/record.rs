//! What a tap saw, flow by flow.

use crate::generators::raw::stamp::{OPENING, Stamp};

/// What the CPU saw of one flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Frames in all.
    pub packets: u32,
    /// The number in its flow of the first frame seen.
    pub first_seq: u32,
    /// The number of the last frame seen.
    pub last_seq: u32,
    /// Frames seen in order from number 0 on, up to the first that was not seen.
    pub unbroken: u32,
    /// When the first frame seen was sent: CLOCK_MONOTONIC in nanoseconds, when its batch was handed to the kernel.
    pub first_sent_ns: u64,
    /// When the last of the unbroken frames was sent.
    pub unbroken_sent_ns: u64,
    /// When the last frame seen was sent.
    pub last_sent_ns: u64,
}

/// What a tap saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TapRecord {
    pub(super) run: u16,
    pub(super) since_ns: u64,
    /// By flow number, up to the highest that was seen: at most 2^20 flows of 40 bytes.
    pub flows: Vec<Seen>,
    /// Frames of others, of earlier trials and of the opening.
    pub foreign: u64,
    /// Frames that the ring had no room for: they may have been any flow's, and are not "not seen by the CPU".
    pub missed: u64,
}

impl TapRecord {
    /// A record of frames of the engine with the number `run` that were sent from `since_ns` (CLOCK_MONOTONIC) on.
    pub(super) fn since(run: u16, since_ns: u64) -> Self {
        TapRecord { run, since_ns, ..TapRecord::default() }
    }

    /// What was seen of `flow`; nothing where nothing was.
    pub fn flow(&self, flow: u32) -> Seen {
        self.flows.get(flow as usize).copied().unwrap_or_default()
    }

    /// Frames seen of all flows.
    pub fn packets(&self) -> u64 {
        self.flows.iter().map(|seen| u64::from(seen.packets)).sum()
    }

    /// Takes in one frame.
    #[inline]
    pub(super) fn take(&mut self, frame: &[u8]) {
        let ours = |stamp: &Stamp| stamp.run == self.run && stamp.seq < OPENING && stamp.sent_ns >= self.since_ns;
        let Some(stamp) = Stamp::read(frame).filter(ours) else {
            self.foreign += 1;
            return;
        };
        let flow = stamp.flow as usize;
        if flow >= self.flows.len() {
            self.flows.resize(flow + 1, Seen::default());
        }
        let seen = &mut self.flows[flow];
        if seen.packets == 0 {
            (seen.first_seq, seen.first_sent_ns) = (stamp.seq, stamp.sent_ns);
        }
        // A port's frames keep their order on the way to the stack.
        if stamp.seq == seen.unbroken {
            (seen.unbroken, seen.unbroken_sent_ns) = (seen.unbroken + 1, stamp.sent_ns);
        }
        seen.packets += 1;
        (seen.last_seq, seen.last_sent_ns) = (stamp.seq, stamp.sent_ns);
    }
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::Direction;

    use super::*;

    /// An IPv4 UDP frame with nothing in it but its stamp.
    fn frame(stamp: Stamp) -> Vec<u8> {
        let mut frame = vec![0; 42];
        (frame[12], frame[14], frame[23]) = (8, 0x45, 17);
        frame.extend_from_slice(&stamp.to_bytes());
        frame
    }

    fn stamp(flow: u32, seq: u32) -> Stamp {
        Stamp { run: 7, direction: Direction::Upstream, flow, seq, sent_ns: 1_000 + u64::from(seq) * 10 }
    }

    #[test]
    fn the_first_gap_of_a_flow_is_kept() {
        let mut record = TapRecord::since(7, 1_000);
        for seq in [0, 1, 2, 5, 6] {
            record.take(&frame(stamp(1, seq)));
        }
        record.take(&frame(stamp(2, 4)));
        let flow = record.flow(1);
        assert_eq!((flow.packets, flow.first_seq, flow.last_seq, flow.unbroken), (5, 0, 6, 3));
        assert_eq!((flow.first_sent_ns, flow.unbroken_sent_ns, flow.last_sent_ns), (1_000, 1_020, 1_060));
        assert_eq!((record.flow(0), record.flow(2).unbroken, record.flow(2).first_seq), (Seen::default(), 0, 4));
        assert_eq!((record.packets(), record.foreign, record.flow(3)), (6, 0, Seen::default()));
    }

    #[test]
    fn only_measured_frames_of_this_run_count() {
        let mut record = TapRecord::since(7, 1_000);
        let right = stamp(0, 0);
        for wrong in [Stamp { run: 8, ..right }, Stamp { seq: OPENING, ..right }, Stamp { sent_ns: 999, ..right }] {
            record.take(&frame(wrong));
        }
        record.take(&[0; 60]);
        record.take(&[]);
        assert_eq!((record.packets(), record.foreign), (0, 5));
        record.take(&frame(right));
        assert_eq!((record.packets(), record.foreign), (1, 5));
    }
}
