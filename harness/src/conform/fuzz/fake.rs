//! A station that is a few lines: it takes one off the TTL, and on the datapath under test does something else besides.

use flowgauge_reports::conform::Arrived;
use flowgauge_scenarios::conform::{Flow, REFERENCE, Side};
use flowgauge_scenarios::{Datapath, Protocol};

use super::lab::{Lab, Outgoing, Step};
use crate::conform::craft::inner;
use crate::generators::raw::wire::Macs;
use crate::worker::protocol::Failure;

const LAN: Macs = Macs { own: [2, 0, 0, 0, 1, 2], gateway: [2, 0, 0, 0, 1, 1] };
const WAN: Macs = Macs { own: [2, 0, 0, 0, 2, 2], gateway: [2, 0, 0, 0, 2, 1] };

/// What the datapath under test does to a packet that it forwards, none where it drops it. The second is how many packets
/// it forwarded before.
pub(super) type Deviation = fn(Vec<u8>, u64) -> Option<Vec<u8>>;

pub(super) struct Fake {
    pub(super) deviation: Deviation,
    tested: bool,
    forwarded: u64,
    pub(super) changes: u32,
}

impl Fake {
    pub(super) fn new(deviation: Deviation) -> Fake {
        Fake { deviation, tested: false, forwarded: 0, changes: 0 }
    }

    fn forward(&mut self, side: Side, frame: &[u8]) -> Option<Arrived> {
        let packet = inner(frame)?;
        let at = frame.len() - packet.packet.len() + if packet.packet[0] >> 4 == 4 { 8 } else { 7 };
        let limit = frame[at].checked_sub(1).filter(|left| *left > 0)?;
        let (macs, side) = if side == Side::Client { (WAN, Side::Server) } else { (LAN, Side::Client) };
        let mut out = frame.to_vec();
        out[..6].copy_from_slice(&macs.own);
        out[6..12].copy_from_slice(&macs.gateway);
        out[at] = limit;
        self.forwarded += 1;
        let frame = if self.tested { (self.deviation)(out, self.forwarded)? } else { out };
        Some(Arrived { side, at_ns: self.forwarded, frame })
    }
}

impl Lab for Fake {
    fn become_datapath(&mut self, datapath: Datapath) -> Result<(), Failure> {
        self.tested = datapath != REFERENCE;
        self.changes += 1;
        Ok(())
    }

    fn macs(&self) -> (Macs, Macs) {
        (LAN, WAN)
    }

    fn pass(&mut self, rounds: &[Vec<&Outgoing>]) -> Result<Vec<Arrived>, Failure> {
        Ok(rounds.iter().flatten().filter_map(|(side, frame)| self.forward(*side, frame)).collect())
    }

    fn offloaded(&mut self, _: &[(Flow, Protocol)]) -> Result<(), Failure> {
        Ok(())
    }

    fn step(&mut self, frames: &[Outgoing], _: &Flow, _: Protocol) -> Result<Step, Failure> {
        let arrived = frames.iter().filter_map(|(side, frame)| self.forward(*side, frame)).collect();
        Ok(Step { arrived, ..Step::default() })
    }
}
