//! What fuzzing found.

use flowgauge_scenarios::Datapath;
use flowgauge_scenarios::conform::{Case, Instance, Station};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CaseRun, Finding};

/// Generated sequences on one station: how many, how fast, and what differed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FuzzSummary {
    /// The station.
    pub station: Station,
    /// The datapath under test.
    pub datapath: Datapath,
    /// The seed.
    pub seed: u64,
    /// Sequences, each a flow of its own.
    pub sequences: u64,
    /// Frames through each of both paths, openings included.
    pub packets: u64,
    /// How long they took on the reference, in nanoseconds; with the ruleset's change.
    pub reference_ns: u64,
    /// The same on the datapath under test.
    pub tested_ns: u64,
    /// How long it took with all that was tried again to shrink divergences, in nanoseconds.
    pub duration_ns: u64,
    /// Sequences whose flow did not open on either path, so that they say nothing.
    pub unopened: u64,
    /// Frames that no sequence could be found for, on the reference and on the datapath under test.
    pub strays: (u64, u64),
    /// Sequences that differed.
    pub differed: u64,
    /// Of them, those that did not when tried again.
    pub unstable: u64,
    /// Of them, those that were not looked into, for there were too many or time was over.
    pub unsorted: u64,
    /// What the others come to, the most frequent first.
    pub divergences: Vec<Divergence>,
}

impl FuzzSummary {
    /// Frames per second through both paths: each went through one and then through the other.
    pub fn packets_per_second(&self) -> f64 {
        self.packets as f64 * 1e9 / (self.reference_ns + self.tested_ns).max(1) as f64
    }
}

/// A way in which the datapath under test differs from the reference.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Divergence {
    /// How many sequences came to it.
    pub count: u64,
    /// Number of the first sequence of the seed that did.
    pub sequence: u64,
    /// The fewest and plainest packets that show it.
    pub case: Case,
    /// The case's only instance; its index is 0.
    pub instance: Instance,
    /// It on the reference.
    pub reference: CaseRun,
    /// It on the datapath under test.
    pub tested: CaseRun,
    /// What differs.
    pub findings: Vec<Finding>,
}
