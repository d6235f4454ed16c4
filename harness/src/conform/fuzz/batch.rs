//! Sequences that go out together: their frames, made once, and the rounds in which they are sent.

use flowgauge_reports::conform::Arrived;
use flowgauge_scenarios::conform::{Case, Flow, Instance, PacketSpec, Side, Station};
use flowgauge_scenarios::{Datapath, Direction, Protocol};

use super::attribute::Owners;
use super::explain::Trail;
use super::lab::{Lab, Outgoing};
use super::{Sequence, replay};
use crate::conform::craft::Crafter;
use crate::worker::protocol::Failure;

/// The most sequences of a batch: so many clients have addresses of their own.
pub(super) const WIDEST: usize = 1000;
/// Frames that are sent before it is waited for them: what any queue on the way has room for.
const AHEAD: usize = 128;

/// Sequences with their frames.
#[derive(Debug)]
pub struct Batch {
    first_flow: u32,
    flows: Vec<(Flow, Protocol)>,
    openings: Vec<Vec<Outgoing>>,
    packets: Vec<Vec<Outgoing>>,
    /// Which packet of its flow each frame is of.
    numbers: Vec<Vec<u32>>,
    dut: [[u8; 6]; 2],
    mtus: [usize; 2],
    owners: Owners,
}

/// What came out of a batch.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// Of each sequence, the packets' frames; those of the opening stand apart.
    pub(super) arrived: Vec<Vec<Arrived>>,
    /// How many frames of each opening arrived.
    pub(super) opened: Vec<usize>,
    /// Frames that are nobody's.
    pub(super) strays: u64,
}

impl Batch {
    /// Makes the frames of `sequences`, on flows from `first_flow` on. Packets that cannot be made or are too long for their sender's
    /// port, as what was made plainer may be, are left out.
    pub fn new(lab: &dyn Lab, station: &Station, sequences: &[Sequence], first_flow: u32) -> Batch {
        let (lan, wan) = lab.macs();
        let crafter = |protocol| {
            let (case, instance): (Case, Instance) = replay::blank(station, protocol, first_flow);
            Crafter::new(&instance, &case, lan, wan, station.bed.encapsulation)
        };
        let mtus = [station.bed.lan_mtu, station.bed.wan_mtu].map(|mtu| mtu as usize);
        let longest = mtus.map(|mtu| 14 + mtu);
        let (mut udp, mut tcp) = (crafter(Protocol::Udp), crafter(Protocol::Tcp));
        let (mut flows, mut openings, mut packets, mut numbers) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (index, sequence) in sequences.iter().enumerate() {
            let flow = index as u16;
            let crafter = if sequence.protocol == Protocol::Udp { &mut udp } else { &mut tcp };
            flows.push((crafter.flow(flow), sequence.protocol));
            openings.push(crafter.open(flow));
            let (mut frames, mut of) = (Vec::new(), Vec::new());
            let mut next = openings.last().map_or(0, Vec::len) as u32;
            for (number, packet) in sequence.packets.iter().enumerate() {
                let mut packet = packet.clone();
                packet.flow = flow;
                if (packet.fragment > 0 || packet.part.is_some()) && packet.ip_id == 0 {
                    // Fragments are told apart by it alone. Parts of one sequence belong to one packet.
                    let member = if packet.part.is_some() { 0 } else { 1 + number.min(6) };
                    packet.ip_id = Owners::id(index, member);
                }
                for n in 0..packet.count {
                    let one = PacketSpec { count: 1, ip_id: packet.ip_id.wrapping_add(n as u16), ..packet.clone() };
                    // What cannot be made has no number in its flow.
                    let Ok(made) = crafter.frames(&one, Direction::Upstream) else { continue };
                    frames.extend(made.into_iter().filter(|(side, frame)| frame.len() <= longest[*side as usize]));
                    of.resize(frames.len(), next);
                    next += 1;
                }
            }
            packets.push(frames);
            numbers.push(of);
        }
        let owners = Owners::new(&flows, first_flow, station);
        Batch { first_flow, flows, openings, packets, numbers, dut: [lan.gateway, wan.gateway], mtus, owners }
    }

    /// How many frames it has, openings included.
    pub fn frames(&self) -> u64 {
        self.openings.iter().chain(&self.packets).map(|frames| frames.len() as u64).sum()
    }

    /// The first flow behind those of the batch.
    pub fn next_flow(&self) -> u32 {
        self.first_flow + self.flows.len() as u32
    }

    /// Opens the flows and sends the packets on `datapath`.
    pub(super) fn pass(&self, lab: &mut dyn Lab, datapath: Datapath) -> Result<Outcome, Failure> {
        lab.become_datapath(datapath)?;
        let opening = lab.pass(&rounds(&self.openings))?;
        let mut opened = vec![0; self.flows.len()];
        for owner in opening.iter().filter_map(|arrived| self.owners.of(arrived)) {
            opened[owner] += 1;
        }
        lab.offloaded(&self.flows)?;
        let mut outcome = Outcome { arrived: vec![Vec::new(); self.flows.len()], opened, strays: 0 };
        for arrived in lab.pass(&rounds(&self.packets))? {
            match self.owners.of(&arrived) {
                Some(owner) => outcome.arrived[owner].push(arrived),
                None => outcome.strays += 1,
            }
        }
        Ok(outcome)
    }

    /// What a sequence sent.
    pub(super) fn trail(&self, index: usize) -> Trail<'_> {
        Trail {
            protocol: self.flows[index].1,
            opening: &self.openings[index],
            sent: &self.packets[index],
            numbers: &self.numbers[index],
            dut: self.dut,
            mtus: self.mtus,
        }
    }

    /// How many frames the opening of a sequence has; all must arrive for it to say anything.
    pub(super) fn opening(&self, index: usize) -> usize {
        self.openings[index].len()
    }
}

/// In which order the frames go: each flow's in its own order, in rounds of one sender each, so that the other side's wait
/// until those before them have been handled.
fn rounds(flows: &[Vec<Outgoing>]) -> Vec<Vec<&Outgoing>> {
    let mut next = vec![0; flows.len()];
    let mut rounds = Vec::new();
    let mut left: usize = flows.iter().map(Vec::len).sum();
    let mut side = Side::Client;
    while left > 0 {
        let mut round = Vec::new();
        for (frames, next) in flows.iter().zip(&mut next) {
            let run = frames[*next..].iter().take_while(|frame| frame.0 == side).count();
            round.extend(&frames[*next..*next + run]);
            *next += run;
        }
        left -= round.len();
        rounds.extend(round.chunks(AHEAD).map(<[&Outgoing]>::to_vec));
        side = if side == Side::Client { Side::Server } else { Side::Client };
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_keep_each_flow_in_order_and_have_one_sender() {
        let (c, s) = (Side::Client, Side::Server);
        let flow = |sides: &[Side], name: u8| -> Vec<Outgoing> {
            sides.iter().enumerate().map(|(n, side)| (*side, vec![name, n as u8])).collect()
        };
        let flows = [flow(&[c, s, c, c], 0), flow(&[s, s, c], 1), flow(&[], 2), flow(&[c; 300], 3)];
        let rounds = rounds(&flows);
        assert!(rounds.iter().all(|round| round.len() <= AHEAD && round.iter().all(|f| f.0 == round[0].0)));
        for (name, flow) in (0u8..).zip(&flows) {
            let sent: Vec<&Outgoing> = rounds.iter().flatten().copied().filter(|f| f.1[0] == name).collect();
            assert_eq!(sent, flow.iter().collect::<Vec<_>>());
        }
    }
}
