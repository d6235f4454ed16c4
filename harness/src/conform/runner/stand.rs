//! What an instance is run on, behind traits: the testers' ports and the DUT. The live ones are in [`super::live`]; a fake
//! lets the order of things be tested with no privilege.

use flowgauge_reports::conform::{ActRun, Arrived, Sent, State};
use flowgauge_reports::environment::Environment;
use flowgauge_reports::observation::Reading;
use flowgauge_scenarios::conform::{Act, Flow, Mutation, Side, Station};
use flowgauge_scenarios::{Datapath, Family, Protocol};

use crate::conform::cable::Sentinels;
use crate::conform::station::Refused;
use crate::generators::raw::wire::Macs;

/// Why an instance could not go on: what was tried and what came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Broken(pub(super) String);

impl Broken {
    /// From an error, after what was tried.
    pub(super) fn of(tried: &str, error: impl std::fmt::Display) -> Broken {
        Broken(format!("{tried}: {error}"))
    }
}

/// What came of a step on the wires.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Traffic {
    /// What the testers sent.
    pub(super) sent: Vec<Sent>,
    /// What they received.
    pub(super) arrived: Vec<Arrived>,
}

/// The ports of both testers.
pub(super) trait Testers: Send {
    /// A step begins: nothing has been sent, and its clock starts. What is sent is kept, or not where it is `quiet`.
    fn begin(&mut self, quiet: bool) -> Result<(), Broken>;
    /// Sends a frame.
    fn send(&mut self, side: Side, frame: &[u8]) -> Result<(), Broken>;
    /// Sends a frame with TCP that is still to be cut into segments with so many bytes of payload.
    fn send_uncut(&mut self, side: Side, frame: &[u8], segment: u16) -> Result<(), Broken>;
    /// Sends frames in order. Whoever answers waits until what it answers to has come through.
    fn exchange(&mut self, frames: &[(Side, Vec<u8>)]) -> Result<(), Broken>;
    /// Waits until nothing is on the way, and hands over what came since the last call or the beginning.
    fn settle(&mut self) -> Result<Traffic, Broken>;
    /// Frames of their own since the ports were opened, by which they know that nothing is on the way.
    fn sentinels(&self) -> Sentinels;
    /// MAC addresses of the client's and of the server's wire.
    fn macs(&self) -> (Macs, Macs);
}

/// The DUT.
pub(super) trait Dut {
    /// Gives it the ruleset of a datapath, and nothing of what was before: connections, rules in a NIC.
    fn apply(&mut self, datapath: Datapath, mutation: Option<Mutation>) -> Result<(), Refused>;
    /// The text of the ruleset that it was given last.
    fn ruleset(&self) -> String;
    /// Does something to it.
    fn act(&mut self, act: &Act, flow: &Flow, family: Family, protocol: Protocol) -> ActRun;
    /// Takes back what acts did.
    fn restore(&mut self) -> Result<(), Refused>;
    /// Reads the state of flows.
    fn state(&mut self, flows: &[Flow], protocol: Protocol) -> State;
    /// Packets on the classic path so far, sentinels included.
    fn classic(&mut self) -> Reading<u64>;
    /// Packets that the CPU saw at the ports so far, sentinels included.
    fn cpu(&mut self) -> Reading<u64>;
    /// Whether conntrack says that a flow is offloaded, and to hardware.
    fn offloaded(&mut self, flow: &Flow, protocol: Protocol) -> Reading<(bool, bool)>;
    /// The fingerprint of kernel, ports and settings.
    fn environment(&self) -> Environment;
}

/// Both, set up for one station.
pub(super) trait Stand {
    /// The two, apart from each other, so that one can act while the other sends.
    fn parts(&mut self) -> (&mut dyn Testers, &mut dyn Dut);
    /// Opens the testers' ports anew: acts may have deleted those that were.
    fn reopen(&mut self) -> Result<(), Broken>;
    /// Serves another station from now on, where that one needs the same links. False, or an error: one must be made for it.
    fn turn_to(&mut self, station: &Station) -> Result<bool, Refused>;
}

/// Where stands are made.
pub(super) trait Stands {
    /// Makes a station's, of the one before where that saves time.
    fn stand(&mut self, station: &Station, before: Option<Box<dyn Stand>>) -> Result<Box<dyn Stand>, Refused>;
}
