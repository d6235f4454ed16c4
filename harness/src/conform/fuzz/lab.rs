//! What sequences are tried on: a station that is one datapath after the other.

use flowgauge_reports::conform::{Arrived, Sent, State};
use flowgauge_reports::observation::Reading;
use flowgauge_scenarios::conform::{Flow, Side};
use flowgauge_scenarios::{Datapath, Protocol};

use crate::generators::raw::wire::Macs;
use crate::worker::protocol::Failure;

/// A frame and the tester that sends it.
pub type Outgoing = (Side, Vec<u8>);

/// A station.
pub trait Lab {
    /// Lets it be `datapath`, with nothing of what was before.
    fn become_datapath(&mut self, datapath: Datapath) -> Result<(), Failure>;
    /// MAC addresses at the LAN and at the WAN.
    fn macs(&self) -> (Macs, Macs);
    /// Sends round after round, each when the DUT has handled the one before, and returns all that came out.
    fn pass(&mut self, rounds: &[Vec<&Outgoing>]) -> Result<Vec<Arrived>, Failure>;
    /// Waits until flows that are open have been offloaded, as far as that takes time.
    fn offloaded(&mut self, flows: &[(Flow, Protocol)]) -> Result<(), Failure>;
    /// One step on its own: what was sent, what came out, what took the classic path, and the state of `flow` after it.
    fn step(&mut self, frames: &[Outgoing], flow: &Flow, protocol: Protocol) -> Result<Step, Failure>;
}

/// A step of its own.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// What was sent.
    pub sent: Vec<Sent>,
    /// What came out.
    pub arrived: Vec<Arrived>,
    /// Packets on the classic path, and those that the CPU saw.
    pub lanes: [Reading<u64>; 2],
    /// The state of the flow.
    pub state: State,
}
