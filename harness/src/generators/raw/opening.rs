//! Opening flows: packets in both directions, each seen to arrive before the next step begins.
//!
//! UDP goes there and back twice: the first answer makes conntrack's entry established, which is when a ruleset
//! offloads it, and the second round takes the path that measured packets will take. TCP does a full handshake and
//! then one data packet each way, after which conntrack knows both scaled windows.

use std::io;
use std::time::{Duration, Instant};

use flowgauge_scenarios::{Family, Protocol, Traffic};

use super::super::{GeneratorError, Opened};
use super::batch::Batch;
use super::clock;
use super::endpoint::{Endpoint, Side, Translations, index_in_family};
use super::packet::{Packet, parse};
use super::socket::Port;
use super::stamp::{OPENING, Stamp};
use super::stream::{flow_of, initial_sequence};
use super::template::{ACK, PSH, SYN, Segment, Tail, Template};
use super::wire::Macs;

/// Flows that take their steps together. Their frames fill a small part of the ring.
const CHUNK: u32 = 16_384;
/// How often a step is offered to the flows that have not taken it.
const ATTEMPTS: u32 = 6;
/// Silence after which the first attempt is over; it doubles with each attempt.
const QUIET: Duration = Duration::from_millis(60);

/// One step, the same for every flow.
#[derive(Debug)]
struct Step {
    name: &'static str,
    from: Side,
    flags: u8,
    stamped: bool,
}

const fn step(name: &'static str, from: Side, flags: u8, stamped: bool) -> Step {
    Step { name, from, flags, stamped }
}

const UDP: [Step; 4] = [
    step("first client packet", Side::Client, 0, true),
    step("first server packet", Side::Server, 0, true),
    step("second client packet", Side::Client, 0, true),
    step("second server packet", Side::Server, 0, true),
];

const TCP: [Step; 5] = [
    step("SYN", Side::Client, SYN, false),
    step("SYN-ACK", Side::Server, SYN | ACK, false),
    step("ACK", Side::Client, ACK, false),
    step("client data", Side::Client, ACK | PSH, true),
    step("server data", Side::Server, ACK | PSH, true),
];

/// Opens the flows of one traffic.
pub(super) struct Opener<'a> {
    pub(super) traffic: &'a Traffic,
    pub(super) ports: &'a mut [Port; 2],
    pub(super) macs: [Macs; 2],
    pub(super) ifnames: [&'a str; 2],
    /// The largest segment that SYNs announce, in bytes.
    pub(super) mss: u16,
}

/// What one opening counts.
#[derive(Default)]
struct Counts {
    packets: u64,
    retries: u64,
    translated: u64,
}

impl Opener<'_> {
    /// Opens every flow. Returns what was done and where the server sees each flow come from.
    pub(super) fn open(mut self) -> Result<(Opened, Translations), GeneratorError> {
        let started = Instant::now();
        let since_ns = clock::monotonic_ns();
        let flows = self.traffic.flows;
        let steps: &[Step] = if self.traffic.protocol == Protocol::Tcp { &TCP } else { &UDP };
        let mut learned = Translations::new(self.traffic.families, flows);
        let mut counts = Counts::default();
        for first in (0..flows).step_by(CHUNK as usize) {
            let end = flows.min(first + CHUNK);
            for (number, step) in steps.iter().enumerate() {
                let taken = self.take_step(number as u32, step, first..end, since_ns, &mut learned, &mut counts)?;
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
        let opened = Opened {
            flows: flows.into(),
            translated: counts.translated,
            packets: counts.packets,
            retries: counts.retries,
            duration_ns: started.elapsed().as_nanos() as u64,
        };
        Ok((opened, learned))
    }

    /// Offers one step to a chunk of flows until all have taken it or the attempts are used up. Returns who has.
    fn take_step(
        &mut self,
        number: u32,
        step: &Step,
        chunk: std::ops::Range<u32>,
        since_ns: u64,
        learned: &mut Translations,
        counts: &mut Counts,
    ) -> Result<Vec<bool>, GeneratorError> {
        let mut taken = vec![false; chunk.len()];
        let mut missing = chunk.len();
        let to = step.from.peer();
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
                let (traffic, macs) = (self.traffic, self.macs[to as usize]);
                let before = missing;
                let ring = &mut self.ports[to as usize].rx;
                let block = ring.read_block(|frame, meta| {
                    let Some(packet) = parse(frame, macs, traffic.protocol, meta.checksum_pending) else { return };
                    let Some(flow) = flow_at(&packet, number, step, since_ns) else { return };
                    let slot = flow.wrapping_sub(chunk.start) as usize;
                    if taken.get(slot) == Some(&false)
                        && ends_are_right(traffic, &packet, flow, number == 0, to, learned, counts)
                    {
                        taken[slot] = true;
                        missing -= 1;
                    }
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
        let mut sent = 0;
        for flow in chunk.clone().zip(taken).filter(|(_, taken)| !**taken).map(|(flow, _)| flow) {
            let family = traffic.families.of_flow(flow);
            let index = index_in_family(traffic.families, flow);
            let source = Endpoint::of(step.from, family, index);
            let there = Endpoint::of(step.from.peer(), family, index);
            let destination =
                if step.from == Side::Server { learned.get(family, index).unwrap_or(there) } else { there };
            let stamp = Stamp { flow, sequence: OPENING + number, time_ns: clock::monotonic_ns() };
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

/// The TCP numbers of a step's packet.
fn segment(step: &Step, flow: u32) -> Segment {
    let (own, other) = (initial_sequence(step.from, flow), initial_sequence(step.from.peer(), flow));
    match (step.flags, step.stamped, step.from) {
        (SYN, ..) => Segment { sequence: own, acknowledgement: 0 },
        (_, false, Side::Server) => Segment { sequence: own, acknowledgement: other.wrapping_add(1) },
        // The server's data acknowledges the client's stamp.
        (_, _, Side::Server) => Segment {
            sequence: own.wrapping_add(1),
            acknowledgement: other.wrapping_add(1 + flowgauge_scenarios::traffic::STAMP_LEN as u32),
        },
        _ => Segment { sequence: own.wrapping_add(1), acknowledgement: other.wrapping_add(1) },
    }
}

/// The flow of a sound packet if it is this step's.
fn flow_at(packet: &Packet<'_>, number: u32, step: &Step, since_ns: u64) -> Option<u32> {
    if step.stamped {
        let stamp = Stamp::read(packet.payload)?;
        return (stamp.sequence == OPENING + number && stamp.time_ns >= since_ns).then_some(stamp.flow);
    }
    let number_at =
        |at: usize| u32::from_be_bytes([packet.l4[at], packet.l4[at + 1], packet.l4[at + 2], packet.l4[at + 3]]);
    let sequence = number_at(4);
    let first = if step.flags & SYN != 0 { sequence } else { sequence.wrapping_sub(1) };
    let flow = flow_of(step.from, first)?;
    let expected = segment(step, flow);
    (packet.l4[13] == step.flags && number_at(8) == expected.acknowledgement && packet.payload.is_empty())
        .then_some(flow)
}

/// Whether a packet of `flow` comes from and goes to where it should; at the first step the server learns from where.
fn ends_are_right(
    traffic: &Traffic,
    packet: &Packet<'_>,
    flow: u32,
    first: bool,
    at: Side,
    learned: &mut Translations,
    counts: &mut Counts,
) -> bool {
    let (family, index) = (packet.family, index_in_family(traffic.families, flow));
    if traffic.families.of_flow(flow) != family || packet.destination != Endpoint::of(at, family, index) {
        return false;
    }
    match at {
        Side::Client => packet.source == Endpoint::of(Side::Server, family, index),
        Side::Server if first => {
            learned.learn(family, index, &packet.source);
            counts.translated += u64::from(packet.source != Endpoint::of(Side::Client, family, index));
            true
        }
        Side::Server => learned.get(family, index) == Some(packet.source),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handshake_acknowledges_what_it_should() {
        let [syn, syn_ack, ack, client, server] = TCP.each_ref().map(|step| segment(step, 4711));
        assert_eq!(syn_ack.acknowledgement, syn.sequence + 1);
        assert_eq!((ack.sequence, ack.acknowledgement), (syn.sequence + 1, syn_ack.sequence + 1));
        assert_eq!(client, ack, "the ACK carries no data");
        assert_eq!((server.sequence, server.acknowledgement), (syn_ack.sequence + 1, client.sequence + 18));
    }
}
