//! When each frame is due.

use super::clock;

/// How long before a frame is due the sleeping ends and the waiting begins, in nanoseconds.
const WAKE_EARLY_NS: u64 = 60_000;

/// How long after its end a schedule may still work off frames that are due, in nanoseconds: one hiccup of the machine
/// at the very end should not look like a rate that was not reached.
const GRACE_NS: u64 = 20_000_000;

/// The times at which frames are due.
#[derive(Clone, Copy, Debug)]
pub enum Schedule {
    /// As many as possible until the end.
    FlatOut {
        /// CLOCK_MONOTONIC in nanoseconds.
        end_ns: u64,
    },
    /// At a fixed rate: frame n is due at `start_ns + n * interval_ns`.
    Paced {
        /// CLOCK_MONOTONIC in nanoseconds.
        start_ns: u64,
        /// Nanoseconds between frames.
        interval_ns: f64,
        /// Frames in all.
        frames: u64,
        /// When to stop even if frames are left: those count as not offered.
        end_ns: u64,
    },
}

impl Schedule {
    /// The schedule of `pps` frames per second (none: flat out) from `start_ns` on for `duration_ns`.
    pub fn new(pps: Option<f64>, start_ns: u64, duration_ns: u64) -> Schedule {
        let end_ns = start_ns + duration_ns;
        match pps {
            None => Schedule::FlatOut { end_ns },
            Some(pps) => {
                let frames = (pps * duration_ns as f64 / 1e9).round().max(1.0) as u64;
                Schedule::Paced { start_ns, interval_ns: 1e9 / pps, frames, end_ns: end_ns + GRACE_NS }
            }
        }
    }

    /// How many frames are due at `now_ns` after `sent` of them, or none when it is over.
    #[inline]
    pub fn due(&self, now_ns: u64, sent: u64) -> Option<u64> {
        match *self {
            Schedule::FlatOut { end_ns } => (now_ns < end_ns).then_some(u64::MAX),
            Schedule::Paced { start_ns, interval_ns, frames, end_ns } => {
                if sent >= frames || now_ns >= end_ns {
                    return None;
                }
                let elapsed = now_ns.saturating_sub(start_ns) as f64;
                let due = (elapsed / interval_ns) as u64 + u64::from(now_ns >= start_ns);
                Some(due.min(frames).saturating_sub(sent))
            }
        }
    }

    /// When frame `n` is due, CLOCK_MONOTONIC in nanoseconds; none when flat out.
    #[inline]
    pub fn due_ns(&self, n: u64) -> Option<u64> {
        match *self {
            Schedule::FlatOut { .. } => None,
            Schedule::Paced { start_ns, interval_ns, .. } => Some(start_ns + (n as f64 * interval_ns) as u64),
        }
    }

    /// Waits until frame `n` is due, or nearly so: sleeps while it is far off, then gives the CPU to others.
    pub fn wait(&self, now_ns: u64, n: u64) {
        if let Some(due) = self.due_ns(n) {
            // In pieces of 50 ms, so that a cancellation is heard at any rate.
            match due.saturating_sub(now_ns) {
                left if left > 2 * WAKE_EARLY_NS => clock::sleep_until((due - WAKE_EARLY_NS).min(now_ns + 50_000_000)),
                _ => std::thread::yield_now(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_is_due_once_and_in_time() {
        let schedule = Schedule::new(Some(30_000.0), 1_000, 100_000_000);
        let (mut sent, mut now) = (0, 0);
        while let Some(due) = schedule.due(now, sent) {
            for n in sent..sent + due {
                let due_ns = schedule.due_ns(n).unwrap();
                assert!(due_ns <= now + 1 && now <= due_ns + 7_000, "{n} at {now}");
            }
            sent += due;
            now += 7_000;
        }
        assert_eq!(sent, 3_000);
    }

    #[test]
    fn a_schedule_ends_even_when_frames_are_left() {
        let schedule = Schedule::new(Some(1e6), 0, 1_000_000);
        assert_eq!(schedule.due(500_000, 0), Some(501));
        assert_eq!(schedule.due(1_500_000, 0), Some(1_000), "late frames are worked off");
        assert_eq!(schedule.due(1_000_000 + GRACE_NS, 0), None);
        assert_eq!(Schedule::new(None, 5, 10).due(14, 1 << 40), Some(u64::MAX));
        assert_eq!(Schedule::new(None, 5, 10).due(15, 0), None);
    }
}
