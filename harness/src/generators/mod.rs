//! Generators: what offers traffic to the DUT and says what came back.
//!
//! [`raw`] is flowgauge's own engine: it sends and verifies every frame. [`iperf3`] drives bulk TCP by the testers' own
//! stacks. [`fake`] answers without any network, for tests of what stands above.

pub mod error;
pub mod fake;
pub mod iperf3;
pub mod pktgen;
pub mod raw;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use flowgauge_reports::offered::DirectionReport;
use flowgauge_scenarios::Traffic;

pub use self::error::GeneratorError;
pub use self::fake::FakeGenerator;
pub use self::iperf3::{BulkRequest, Iperf3};
pub use self::raw::{CpuPlan, Depth, Nat, Path, RawEngine, RawOptions, Residual, Stamp, StampView, Wire};

/// What opening the flows took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Flows that both testers saw open; 0 where the traffic asks for no opening.
    pub flows: u64,
    /// Flows whose source address or port the DUT translated.
    pub translated: u64,
    /// Packets sent.
    pub packets: u64,
    /// Packets sent again because they had not arrived.
    pub retries: u64,
    /// Packets that arrived with something wrong: addresses, checksums. They opened their flows all the same, and the
    /// measured frames say what it is.
    pub damaged: u64,
    /// How long it took, in nanoseconds.
    pub duration_ns: u64,
}

/// A moment of a trial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Right before the first frame.
    Begin,
    /// Right after the last frame, before the residual time.
    End,
}

/// An engine that offers frames and accounts for every one.
pub trait Generator {
    /// The name in scenario files and reports.
    fn name(&self) -> &'static str;

    /// Opens every flow in both directions (TCP: SYN, SYN-ACK, ACK and a data packet each way), verifies that both
    /// testers saw each step, and learns where the DUT's translation puts each flow.
    fn open(&mut self, traffic: &Traffic) -> Result<Opened, GeneratorError>;

    /// Offers `traffic` for `duration`, waits for the residual and reports each sending direction, upstream first.
    /// `mark` is called on the caller's thread when sending begins and when it has ended, to read counters that belong
    /// to the time of sending.
    fn drive_marked(
        &mut self,
        traffic: &Traffic,
        duration: Duration,
        cancel: &AtomicBool,
        mark: &mut dyn FnMut(Mark),
    ) -> Result<Vec<DirectionReport>, GeneratorError>;

    /// [`Generator::drive_marked`] without marks.
    fn drive(
        &mut self,
        traffic: &Traffic,
        duration: Duration,
        cancel: &AtomicBool,
    ) -> Result<Vec<DirectionReport>, GeneratorError> {
        self.drive_marked(traffic, duration, cancel, &mut |_| ())
    }
}
