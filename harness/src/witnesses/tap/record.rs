//! What a tap saw, flow by flow.

use flowgauge_scenarios::Direction;

use crate::generators::raw::stamp::{OPENING, Stamp};

/// Which frames a tap records.
#[derive(Clone, Copy, Debug)]
pub struct Watched {
    /// The number of the engine that sends them ([`crate::generators::RawEngine::run`]).
    pub run: u16,
    /// The direction whose packets enter at the tapped port. Never `both`.
    pub direction: Direction,
    /// How many flows there are.
    pub flows: u32,
    /// Frames stamped earlier (CLOCK_MONOTONIC, nanoseconds) belong to earlier trials.
    pub since_ns: u64,
}

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
    /// By flow number. A flow that the CPU never saw has no packets.
    pub flows: Vec<Seen>,
    /// Frames of others, of earlier trials and of the opening.
    pub foreign: u64,
    /// Frames that the ring had no room for: they may have been any flow's, and are not "not seen by the CPU".
    pub missed: u64,
}

impl TapRecord {
    /// A record of so many flows, 40 bytes each.
    pub(super) fn new(flows: u32) -> Self {
        TapRecord { flows: vec![Seen::default(); flows as usize], ..TapRecord::default() }
    }

    /// Frames seen of all flows.
    pub fn packets(&self) -> u64 {
        self.flows.iter().map(|seen| u64::from(seen.packets)).sum()
    }

    /// Takes in one frame.
    #[inline]
    pub(super) fn take(&mut self, watched: &Watched, frame: &[u8]) {
        let stamp = Stamp::read(frame).filter(|stamp| {
            (stamp.run, stamp.direction) == (watched.run, watched.direction)
                && stamp.seq < OPENING
                && stamp.sent_ns >= watched.since_ns
        });
        let Some((stamp, seen)) = stamp.and_then(|stamp| Some((stamp, self.flows.get_mut(stamp.flow as usize)?)))
        else {
            self.foreign += 1;
            return;
        };
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
    use super::*;

    const WATCHED: Watched = Watched { run: 7, direction: Direction::Upstream, flows: 3, since_ns: 1_000 };

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
        let mut record = TapRecord::new(3);
        for seq in [0, 1, 2, 5, 6] {
            record.take(&WATCHED, &frame(stamp(1, seq)));
        }
        record.take(&WATCHED, &frame(stamp(2, 4)));
        let flow = record.flows[1];
        assert_eq!((flow.packets, flow.first_seq, flow.last_seq, flow.unbroken), (5, 0, 6, 3));
        assert_eq!((flow.first_sent_ns, flow.unbroken_sent_ns, flow.last_sent_ns), (1_000, 1_020, 1_060));
        assert_eq!((record.flows[0], record.flows[2].unbroken, record.flows[2].first_seq), (Seen::default(), 0, 4));
        assert_eq!((record.packets(), record.foreign), (6, 0));
    }

    #[test]
    fn only_measured_frames_of_this_run_and_direction_count() {
        let mut record = TapRecord::new(3);
        let right = stamp(0, 0);
        let wrong = [
            Stamp { run: 8, ..right },
            Stamp { direction: Direction::Downstream, ..right },
            Stamp { seq: OPENING, ..right },
            Stamp { flow: 3, ..right },
            Stamp { sent_ns: 999, ..right },
        ];
        for stamp in wrong {
            record.take(&WATCHED, &frame(stamp));
        }
        record.take(&WATCHED, &[0; 60]);
        record.take(&WATCHED, &[]);
        assert_eq!((record.packets(), record.foreign), (0, 7));
        record.take(&WATCHED, &frame(right));
        assert_eq!((record.packets(), record.foreign), (1, 7));
    }
}
