//! The stream of events: what a run emits, and what every display, file and report is made from.
//!
//! One JSON object a line. The same stream crosses from a VM to the host, goes to disk as `events.jsonl`, and is
//! printed by `--json`.

use flowgauge_scenarios::Plan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::conform::{CaseRun, ConformStart, FuzzSummary, RulesetInForce};
use crate::environment::Environment;
use crate::trial::{Calibration, CellProfile, TimeToOffload, Trial};

/// Version of the events and of the result. It changes when an old reader would misread a new file. Version 2 tells the
/// hardware from the software fast path, and knows several topologies in one run.
pub const SCHEMA_VERSION: u32 = 2;

/// The versions that are read. What version 1 does not have is absent there by serde's defaults.
pub const READ_VERSIONS: std::ops::RangeInclusive<u32> = 1..=SCHEMA_VERSION;

/// How a run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Start {
    /// [`SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// The run's name, which is also its folder's.
    pub run: String,
    /// Seconds since 1970.
    pub unix_s: f64,
    /// The command line, for repeating the run.
    pub command: Vec<String>,
    /// The whole plan, every option in force.
    pub plan: Plan,
}

/// What a run is doing between trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Getting a kernel.
    Kernel,
    /// Booting it.
    Boot,
    /// Building the testbed.
    Build,
    /// Trials.
    Drive,
}

/// Why a run failed; decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The input is wrong (exit code 2).
    Input,
    /// This environment cannot run it (exit code 3).
    Environment,
    /// Interrupted by the user (exit code 130).
    Interrupted,
}

/// Something about the data that the reader should know, and what to try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Warning {
    /// What was noticed.
    pub text: String,
    /// What to try next.
    pub remedy: String,
}

/// One event of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// The first event of every run that measures.
    Started(Box<Start>),
    /// The plan goes on (`--until decided`): it is the one so far with further blocks at its end, and counts from here on.
    Grown {
        /// The whole plan, from its beginning.
        plan: Box<Plan>,
    },
    /// The first event of every conformance run.
    ConformStarted(Box<ConformStart>),
    /// What is being done now.
    Progress {
        /// The phase.
        phase: Phase,
        /// A short text for people.
        text: String,
    },
    /// The fingerprint; before the first trial.
    Environment(Box<Environment>),
    /// The generator's own limit, per scenario.
    Calibrated(Calibration),
    /// A trial begins.
    TrialStarted {
        /// Index into the plan's steps.
        step: usize,
    },
    /// A trial is done. It is on disk before the next begins.
    Trial(Box<Trial>),
    /// How long new flows of a cell took to get into the hardware.
    TimeToOffload(Box<TimeToOffload>),
    /// Where the packets of a cell spent what they cost (`--explain`).
    Profile(Box<CellProfile>),
    /// The ruleset that the cases that follow run on. It is told once for each station, datapath and mutant.
    RulesetInForce(Box<RulesetInForce>),
    /// What was seen of a conformance case on one datapath.
    CaseRun(Box<CaseRun>),
    /// What generated sequences found at a station.
    Fuzzed(Box<FuzzSummary>),
    /// Something to know about the data.
    Warning(Warning),
    /// What the console of the kernel under test holds and a sound kernel's would not: an oops, a WARN, a leak. No
    /// result that was had on such a kernel is good.
    Complaint {
        /// Its lines.
        text: String,
    },
    /// The last event of a run that failed.
    Failed {
        /// Why.
        kind: FailureKind,
        /// What was tried, what came back, what to do.
        message: String,
    },
    /// The last event of a run that went through its plan.
    Finished,
}
