//! The rig: all that a run does to a system, behind one trait.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use flowgauge_reports::environment::Environment;
use flowgauge_reports::event::Warning;
use flowgauge_reports::observation::{CpuObservation, Observation};
use flowgauge_reports::trial::{CellProfile, Offered, Opening, TimeToOffload};
use flowgauge_scenarios::{Datapath, Scenario};

use crate::worker::protocol::Failure;

/// What came of offering load once.
#[derive(Clone, Debug)]
pub struct Driven {
    /// What the generator saw.
    pub offered: Offered,
    /// The CPU witnesses when sending began.
    pub cpu_before: CpuObservation,
    /// The CPU witnesses when sending ended.
    pub cpu_after: CpuObservation,
}

/// A testbed with its generators and witnesses.
///
/// The order of calls is `prepare`, then per trial `apply`, `open`, `drive` and `observe`. Dropping the rig takes
/// the testbed down.
pub trait Rig {
    /// Makes the testbed fit for a scenario: its links as asked, the testers' stacks silent or not.
    fn prepare(&mut self, scenario: &Scenario) -> Result<(), Failure>;
    /// The fingerprint, once something is prepared.
    fn environment(&mut self) -> Environment;
    /// Warnings gathered since the last call.
    fn warnings(&mut self) -> Vec<Warning>;
    /// Replaces the DUT's ruleset and forgets all connections. Returns the native text.
    fn apply(&mut self, scenario: &Scenario, datapath: Datapath) -> Result<String, Failure>;
    /// Lets the DUT drop every packet as it enters.
    fn block(&mut self, scenario: &Scenario) -> Result<(), Failure>;
    /// Takes [`Rig::block`] back.
    fn unblock(&mut self) -> Result<(), Failure>;
    /// Opens every flow and verifies that the state is there. None where there is nothing to open.
    fn open(&mut self, scenario: &Scenario, datapath: Datapath) -> Result<Option<Opening>, Failure>;
    /// Offers the scenario's load for so long and waits until the last packet came to rest.
    fn drive(&mut self, scenario: &Scenario, duration: Duration, stop: &AtomicBool) -> Result<Driven, Failure>;
    /// Offers new flows, none of them opened before, and captures what the CPU sees of each until the hardware has it.
    /// Call it on a ruleset just applied. None where it cannot be told; the cell is the caller's to fill in.
    fn time_to_offload(&mut self, scenario: &Scenario, stop: &AtomicBool) -> Result<Option<TimeToOffload>, Failure>;
    /// What a packet of the scenario takes that the DUT's stack does nothing with, in nanoseconds of the kernel's clock:
    /// for the method `cost`. It replaces the DUT's ruleset.
    fn generator_cost(&mut self, scenario: &Scenario) -> Result<f64, Failure>;
    /// Hands over the packets of a trial once more and samples the kernel meanwhile. Call it after [`Rig::drive`], on the
    /// same ruleset. None where nobody asked for it, and where it is not the method `cost`; the cell is the caller's to fill in.
    fn explain(&mut self, scenario: &Scenario) -> Result<Option<CellProfile>, Failure>;
    /// Reads every path witness. Call it while the traffic stands still.
    fn observe(&mut self) -> Observation;
}
