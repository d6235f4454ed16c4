//! One sending thread: flows round robin, batch after batch, on schedule.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

use flowgauge_reports::offered::{Pacing, time_histogram};
use flowgauge_scenarios::Family;

use super::batch::{BATCH, Batch};
use super::clock;
use super::course::Course;
use super::pace::Schedule;
use super::stamp::Stamp;
use super::stream::Sizes;
use super::template::{ACK, PSH, Template};
use super::wire::Macs;

/// What a sender did.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// Frames that the kernel took.
    pub frames: u64,
    /// Their bytes with FCS.
    pub bytes_l2: u64,
    /// Time of sending in nanoseconds.
    pub duration_ns: u64,
    /// Refusals for want of buffers.
    pub refused: u64,
    /// How well the schedule was kept.
    pub pacing: Option<Pacing>,
}

/// Writes the measured frames of one direction.
#[derive(Debug)]
pub struct Stream<'a> {
    course: Course<'a>,
    templates: [Template; 2],
    sizes: [Sizes; 2],
    flow: u32,
    seq: u32,
}

impl<'a> Stream<'a> {
    /// The frames of `course`, from flow 0 and sequence 0 on. `macs` are the sender's.
    pub fn new(course: Course<'a>, macs: Macs) -> Self {
        let traffic = course.traffic;
        let template = |family| Template::new(family, traffic.protocol, macs.own, macs.gateway, ACK | PSH, 0);
        Stream {
            course,
            templates: [template(Family::Ipv4), template(Family::Ipv6)],
            sizes: [Sizes::new(traffic, Family::Ipv4), Sizes::new(traffic, Family::Ipv6)],
            flow: 0,
            seq: 0,
        }
    }

    /// An empty batch for these frames.
    pub fn batch(&self) -> Batch {
        Batch::new(&[&self.templates[0], &self.templates[1]], self.course.traffic.max_size().into())
    }

    /// Adds the next frame, stamped with `sent_ns`, and returns its bytes with FCS.
    #[inline]
    pub fn push(&mut self, batch: &mut Batch, sent_ns: u64) -> u16 {
        let (course, flow, seq) = (&self.course, self.flow, self.seq);
        let (family, index) = course.place(flow);
        let sizes = &self.sizes[family as usize];
        let (tail, frame) = sizes.of(flow, seq);
        let (source, destination) = course.sent(family, index);
        let segment = course.segment(sizes, flow, seq);
        let stamp = Stamp { run: course.run, direction: course.direction(), flow, seq, sent_ns };
        let template = &self.templates[family as usize];
        batch.push(family, tail, |buffer| template.write(buffer, &source, &destination, segment, Some(&stamp), tail));
        self.flow += 1;
        if self.flow == self.course.traffic.flows {
            self.flow = 0;
            self.seq += 1;
        }
        frame
    }
}

/// Sends on schedule until it is over or cancelled. The error comes with the number of frames sent before it.
pub fn send(
    stream: &mut Stream<'_>,
    fd: &OwnedFd,
    schedule: Schedule,
    start_ns: u64,
    cancel: &AtomicBool,
) -> Result<Sent, (u64, io::Error)> {
    let mut batch = stream.batch();
    let mut lateness = time_histogram();
    let (mut frames, mut bytes_l2) = (0u64, 0u64);
    // Short sleeps must end in time: the default slack of 50 us is as long as they are.
    let _ = nix::sys::prctl::set_timerslack(1_000);
    while !cancel.load(Ordering::Relaxed) {
        // One reading serves the whole batch: it is when the batch is handed over.
        let now = clock::monotonic_ns();
        let due = match schedule.due(now, frames) {
            None => break,
            Some(0) => {
                schedule.wait(now, frames);
                continue;
            }
            Some(due) => due.min(BATCH as u64),
        };
        for n in frames..frames + due {
            if let Some(due_ns) = schedule.due_ns(n) {
                lateness.saturating_record(now.saturating_sub(due_ns).max(1));
            }
            bytes_l2 += u64::from(stream.push(&mut batch, now));
        }
        batch.flush(fd).map_err(|error| (frames, error))?;
        frames += due;
    }
    let mut duration_ns = clock::monotonic_ns().saturating_sub(start_ns);
    if let Schedule::Paced { interval_ns, .. } = schedule {
        duration_ns = duration_ns.max((frames as f64 * interval_ns) as u64);
    }
    Ok(Sent { frames, bytes_l2, duration_ns, refused: batch.refused, pacing: Pacing::of(&lateness) })
}
