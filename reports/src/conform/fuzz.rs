//! What fuzzing found.

use flowgauge_scenarios::conform::{Case, Instance, Station};
use flowgauge_scenarios::{Datapath, Protocol};
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
    /// Frames of what was tried to shrink divergences, through each of both paths.
    #[serde(default)]
    pub tried: u64,
    /// Sequences whose flow did not open on either path, so that they say nothing.
    pub unopened: u64,
    /// Frames that no sequence could be found for, on the reference and on the datapath under test.
    pub strays: (u64, u64),
    /// Sequences that differed.
    pub differed: u64,
    /// Of them, those that differed in something that no known failure explains.
    #[serde(default)]
    pub unexplained: u64,
    /// Of the unexplained, those that did not differ so when tried again.
    pub unstable: u64,
    /// Of the unexplained, those that were not looked into, for there were too many or time was over.
    pub unsorted: u64,
    /// The known failures of cases that explain packets of sequences, the most frequent first. A sequence may differ in several.
    #[serde(default)]
    pub known: Vec<KnownDivergence>,
    /// What the others come to, the most frequent first.
    pub divergences: Vec<Divergence>,
}

impl FuzzSummary {
    /// Frames per second through both paths: each went through one and then through the other.
    pub fn packets_per_second(&self) -> f64 {
        self.packets as f64 * 1e9 / (self.reference_ns + self.tested_ns).max(1) as f64
    }
}

/// A known failure that fuzzing came across.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct KnownDivergence {
    /// The case that is known to fail.
    pub case: String,
    /// The protocol of the sequences.
    pub protocol: Protocol,
    /// How many sequences had a packet that differed for this reason.
    pub count: u64,
    /// Number of the first of them.
    pub sequence: u64,
    /// Why, with the place in the kernel.
    pub reason: String,
    /// Where it is told.
    pub link: String,
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
