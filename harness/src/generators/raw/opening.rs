//! Opening flows: packets in both directions, each seen to arrive before the next step begins.
//!
//! UDP goes there and back twice: the first answer makes conntrack's entry established, which is when a ruleset
//! offloads it, and the second round takes the path that measured packets will take. TCP does a full handshake and
//! then one data packet each way, after which conntrack knows both scaled windows.
//!
//! New flows are prepared and not opened: TCP gets its SYN and SYN-ACK, UDP nothing, and the first measured frame of a
//! flow is what makes its connection established (a handshake's ACK may carry data, RFC 9293 section 3.5).
//!
//! A packet that arrives damaged takes its step all the same, and is counted: what is wrong is for the measured frames
//! to say.

use std::io;
use std::time::{Duration, Instant};

use flowgauge_scenarios::{Family, Protocol, Traffic};

use super::super::{GeneratorError, Opened};
use super::batch::Batch;
use super::clock;
use super::course::Course;
use super::endpoint::{Endpoint, Side, Translations};
use super::packet::{Packet, parse};
use super::path::Path;
use super::socket::Port;
use super::stamp::{OPENING, Stamp};
use super::steps::{Step, TCP, TCP_PREPARED, UDP, flow_of_segment, segment};
use super::template::{Tail, Template};
use super::wire::Macs;

/// Flows that take their steps together. Their frames fill a small part of the ring.
const CHUNK: u32 = 16_384;
/// How often a step is offered to the flows that have not taken it.
const ATTEMPTS: u32 = 6;
/// Silence after which the first attempt is over; it doubles with each attempt.
const QUIET: Duration = Duration::from_millis(60);

/// Opens the flows of one traffic.
pub(super) struct Opener<'a> {
    pub(super) traffic: &'a Traffic,
    pub(super) path: Path,
    pub(super) run: u16,
    pub(super) ports: &'a mut [Port; 2],
    pub(super) macs: [Macs; 2],
    pub(super) ifnames: [&'a str; 2],
    /// The largest segment that SYNs announce, in bytes.
    pub(super) mss: u16,
    /// Packets stamped before this belong to earlier openings.
    pub(super) since_ns: u64,
}

/// How far flows are brought before they are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Established, with data in both directions.
    Opened,
    /// One packet short of established.
    Prepared,
}

impl Stage {
    fn steps(self, protocol: Protocol) -> &'static [Step] {
        match (self, protocol) {
            (Stage::Opened, Protocol::Udp) => &UDP,
            (Stage::Opened, Protocol::Tcp) => &TCP,
            (Stage::Prepared, Protocol::Udp) => &[],
            (Stage::Prepared, Protocol::Tcp) => &TCP_PREPARED,
        }
    }
}

impl Opener<'_> {
    /// Brings every flow to `stage`. Returns what was done and where the server sees each flow come from.
    pub(super) fn open(mut self, stage: Stage) -> Result<(Opened, Translations), GeneratorError> {
        let started = Instant::now();
        let flows = self.traffic.flows;
        let steps = stage.steps(self.traffic.protocol);
        let mut learned = Translations::new(self.traffic.families, flows);
        let mut counts = Opened::default();
        for first in (0..flows).step_by(CHUNK as usize) {
            let end = flows.min(first + CHUNK);
            for (number, step) in steps.iter().enumerate() {
                let taken = self.take_step(number as u32, step, first..end, &mut learned, &mut counts)?;
                if let Some(missing) = taken.iter().position(|taken| !taken) {
                    let done = if number + 1 == steps.len() { taken.iter().filter(|t| **t).count() as u32 } else { 0 };
                    return Err(GeneratorError::FlowsNotOpened {
                        wanted: flows,
                        opened: first + done,
                        first_missing: first + missing as u32,
                        last_step: number.checked_sub(1).map_or("nothing", |n| steps[n].name),
                    });
                }
            }
        }
        let opened = if steps.is_empty() { 0 } else { flows };
        Ok((Opened { flows: opened.into(), duration_ns: started.elapsed().as_nanos() as u64, ..counts }, learned))
    }

    /// Offers one step to a chunk of flows until all have taken it or the attempts are used up. Returns who has.
    fn take_step(
        &mut self,
        number: u32,
        step: &Step,
        chunk: std::ops::Range<u32>,
        learned: &mut Translations,
        counts: &mut Opened,
    ) -> Result<Vec<bool>, GeneratorError> {
        let mut taken = vec![false; chunk.len()];
        let mut missing = chunk.len();
        let to = step.from.peer();
        let macs = self.path.macs(self.macs[to as usize], self.macs[step.from as usize]);
        for attempt in 0..ATTEMPTS {
            let sent =
                self.send_step(number, step, &chunk, &taken, learned).map_err(|source| GeneratorError::Send {
                    ifname: self.ifnames[step.from as usize].to_owned(),
                    sent: counts.packets,
                    source,
                })?;
            counts.packets += sent;
            counts.retries += if attempt > 0 { sent } else { 0 };
            let mut last = Instant::now();
            while missing > 0 {
                let looked = Instant::now();
                let (traffic, path, run, since_ns) = (self.traffic, self.path, self.run, self.since_ns);
                let before = missing;
                let ring = &mut self.ports[to as usize].rx;
                let block = ring.read_block(|frame, meta| {
                    let packet = parse(frame, macs, traffic.protocol, meta.checksum_pending);
                    let flow = match &packet {
                        Some(packet) if !step.stamped => flow_of_segment(packet, step),
                        _ => Stamp::read(frame)
                            .filter(|s| (s.run, s.direction) == (run, step.from.direction()))
                            .filter(|s| s.seq == OPENING + number && s.sent_ns >= since_ns)
                            .map(|s| s.flow),
                    };
                    let slot = flow.and_then(|f| f.checked_sub(chunk.start)).unwrap_or(u32::MAX) as usize;
                    let (Some(flow), Some(false)) = (flow, taken.get(slot)) else { return };
                    let course = Course { side: step.from, traffic, path, learned: Some(&*learned), run };
                    let sound = packet.as_ref().is_some_and(|packet| ends_are_right(&course, packet, flow));
                    // The first packet teaches where its flow comes from: without that nobody could answer.
                    if number == 0 {
                        let Some(packet) = &packet else { return };
                        let (family, index) = course.place(flow);
                        let translated = (packet.source, packet.destination) != course.sent(family, index);
                        learned.learn(family, index, &packet.source);
                        counts.translated += u64::from(translated);
                    }
                    counts.damaged += u64::from(!sound);
                    taken[slot] = true;
                    missing -= 1;
                });
                if missing < before {
                    last = Instant::now();
                }
                if block.is_none() && missing > 0 {
                    if looked.saturating_duration_since(last) > QUIET * (1 << attempt) {
                        break;
                    }
                    ring.wait(10).map_err(|source| GeneratorError::Receive {
                        ifname: self.ifnames[to as usize].to_owned(),
                        source,
                    })?;
                }
            }
            if missing == 0 {
                break;
            }
        }
        Ok(taken)
    }

    /// Sends one step's packet of every flow that has not taken it.
    fn send_step(
        &self,
        number: u32,
        step: &Step,
        chunk: &std::ops::Range<u32>,
        taken: &[bool],
        learned: &Translations,
    ) -> io::Result<u64> {
        let (traffic, macs) = (self.traffic, self.macs[step.from as usize]);
        let template = |family: Family| {
            let mss = self.mss.saturating_sub((family.header_len() + 20) as u16);
            Template::new(family, traffic.protocol, macs.own, macs.gateway, step.flags, mss)
        };
        let templates = [template(Family::Ipv4), template(Family::Ipv6)];
        let mut batch = Batch::new(&[&templates[0], &templates[1]], 0);
        let course = Course { side: step.from, traffic, path: self.path, learned: Some(learned), run: self.run };
        let mut sent = 0;
        for flow in chunk.clone().zip(taken).filter(|(_, taken)| !**taken).map(|(flow, _)| flow) {
            let (family, index) = course.place(flow);
            let (source, destination) = course.sent(family, index);
            let (direction, sent_ns) = (course.direction(), clock::monotonic_ns());
            let stamp = Stamp { run: self.run, direction, flow, seq: OPENING + number, sent_ns };
            let stamp = step.stamped.then_some(&stamp);
            let segment = segment(step, flow);
            let template = &templates[family as usize];
            batch.push(family, Tail::default(), |buffer| {
                template.write(buffer, &source, &destination, segment, stamp, Tail::default())
            });
            sent += 1;
            if batch.is_full() {
                batch.flush(&self.ports[step.from as usize].tx)?;
            }
        }
        batch.flush(&self.ports[step.from as usize].tx)?;
        Ok(sent)
    }
}

/// Whether a packet of `flow` comes from and goes to where the path says; any port where that says 0.
fn ends_are_right(course: &Course<'_>, packet: &Packet<'_>, flow: u32) -> bool {
    let (family, index) = course.place(flow);
    let (mut source, destination) = course.arrives(family, index);
    if source.port == 0 {
        source.port = packet.source.port;
    }
    let known = course.learned.filter(|_| course.side == Side::Client).and_then(|l| l.get(family, index));
    let kept = known.is_none_or(|known: Endpoint| known == packet.source);
    packet.family == family && (packet.source, packet.destination) == (source, destination) && kept
}
