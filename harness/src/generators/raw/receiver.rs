//! One receiving thread: reads the ring, verifies every frame, and waits for the last ones.

use std::io;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use flowgauge_reports::offered::{Damage, time_histogram};
use hdrhistogram::Histogram;

use super::clock;
use super::inspect::{Inspector, Verdict};
use super::ring::{RxMeta, RxRing};
use super::tally::{Arrival, Tally};

/// How long a receiver may work off its ring beyond the residual time.
const BACKLOG: Duration = Duration::from_secs(20);

/// How thoroughly a receiver looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Depth {
    /// Every header, checksum, address and payload byte.
    #[default]
    Verify,
    /// A sink: sound stamps are counted, nothing else is looked at.
    Count,
}

/// How long to wait for frames after the last one was sent.
#[derive(Clone, Copy, Debug)]
pub struct Residual {
    /// The most. RFC 2544 section 23 asks for 2 s.
    pub most: Duration,
    /// Without any frame for this long, the rest is lost.
    pub quiet: Duration,
}

impl Default for Residual {
    fn default() -> Self {
        Residual { most: Duration::from_secs(2), quiet: Duration::from_millis(200) }
    }
}

/// What a receiver saw.
#[derive(Debug)]
pub struct Seen {
    /// Sequences of all flows.
    pub tally: Tally,
    /// Frames with something wrong.
    pub damage: Damage,
    /// Frames of others.
    pub foreign: u64,
    /// Intact frames whose L4 checksum an offload left open.
    pub unverified: u64,
    /// Frames that the ring had no room for.
    pub uncaptured: u64,
    /// CLOCK_REALTIME of the first and last intact frame, in nanoseconds.
    pub span_ns: Option<(u64, u64)>,
    /// One-way latency in nanoseconds.
    pub latency: Histogram<u64>,
}

impl Seen {
    /// Nothing yet, of `flows` flows.
    pub fn new(flows: u32) -> Seen {
        let (tally, latency) = (Tally::new(flows), time_histogram());
        Seen { tally, damage: Damage::default(), foreign: 0, unverified: 0, uncaptured: 0, span_ns: None, latency }
    }

    /// Accounts for one frame. `offset_ns` is CLOCK_REALTIME less CLOCK_MONOTONIC.
    #[inline]
    pub fn take(&mut self, inspector: &mut Inspector<'_>, depth: Depth, frame: &[u8], meta: RxMeta, offset_ns: i64) {
        let verdict = match depth {
            Depth::Verify => inspector.judge(frame, meta.checksum_pending),
            Depth::Count => inspector.glance(frame),
        };
        let stamp = match verdict {
            Verdict::Intact(stamp) => stamp,
            Verdict::Damaged(kind) => return kind.count(&mut self.damage),
            Verdict::Foreign => return self.foreign += 1,
        };
        if self.tally.record(stamp.flow, stamp.seq) == Arrival::Duplicate {
            return;
        }
        self.unverified += u64::from(meta.checksum_pending);
        let first = self.span_ns.map_or(meta.realtime_ns, |s| s.0);
        self.span_ns = Some((first, meta.realtime_ns));
        let arrived = meta.realtime_ns.saturating_add_signed(-offset_ns);
        self.latency.saturating_record(arrived.saturating_sub(stamp.sent_ns).max(1));
    }

    /// Frames of this trial, intact or not.
    fn ours(&self) -> u64 {
        self.tally.received + self.tally.duplicated + self.damage.total()
    }

    /// Whether `sent` frames are accounted for.
    fn has_all(&self, sent: u64) -> bool {
        self.tally.received >= sent
    }
}

/// A receiver of one trial.
#[derive(Debug)]
pub struct Receiver<'a> {
    /// The ring to read.
    pub ring: &'a mut RxRing,
    /// What the frames should be.
    pub inspector: Inspector<'a>,
    /// How thoroughly to look.
    pub depth: Depth,
    /// How long to wait for the last frames.
    pub residual: Residual,
    /// Flows of the trial.
    pub flows: u32,
    /// Set by the sender when it has finished: frames sent.
    pub sent: &'a OnceLock<u64>,
}

impl Receiver<'_> {
    /// Receives until everything that was sent has arrived, or until the residual time is over.
    ///
    /// While the sender runs the ring is left to fill to a quarter: verifying costs CPU, and what the sender and the
    /// DUT do not have to share, they do not wait for. Arrival times are the kernel's, so waiting does not blur them.
    pub fn run(mut self) -> io::Result<Seen> {
        let mut seen = Seen::new(self.flows);
        let mut finished: Option<Instant> = None;
        let mut last_frame = Instant::now();
        loop {
            if self.sent.get().is_none() && !self.ring.is_quarter_full() {
                // The engine unparks this thread when the sender has finished.
                std::thread::park_timeout(Duration::from_millis(5));
                continue;
            }
            // Silence is judged by the time before the look: a receiver that got no CPU must not take that for silence.
            let looked = Instant::now();
            let offset_ns = clock::realtime_offset_ns();
            let (inspector, depth) = (&mut self.inspector, self.depth);
            let before = seen.ours();
            let block = self.ring.read_block(|frame, meta| seen.take(inspector, depth, frame, meta, offset_ns));
            if seen.ours() > before {
                last_frame = Instant::now();
            }
            let Some(&sent) = self.sent.get() else { continue };
            let since = *finished.get_or_insert_with(Instant::now);
            // A full ring takes its time, a flood of foreign frames must not take forever.
            if block.is_some() && since.elapsed() < self.residual.most + BACKLOG {
                continue;
            }
            let quiet = looked.saturating_duration_since(since.max(last_frame)) > self.residual.quiet;
            if seen.has_all(sent) || quiet || looked.saturating_duration_since(since) > self.residual.most {
                break;
            }
            self.ring.wait(20)?;
        }
        seen.uncaptured = self.ring.take_drops()?;
        Ok(seen)
    }
}

/// Empties a ring of what arrived before a trial, its drops and errors included.
pub fn discard(ring: &mut RxRing) -> io::Result<()> {
    while ring.read_block(|_, _| ()).is_some() {}
    let _ = ring.take_error();
    ring.take_drops().map(|_| ())
}
