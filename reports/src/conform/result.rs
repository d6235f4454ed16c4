//! The result of a conformance run.

use flowgauge_scenarios::Datapath;
use flowgauge_scenarios::conform::{ConformPlan, Known, Mutation, Outcome};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{CaseRun, FuzzSummary, RulesetInForce};
use crate::environment::Environment;
use crate::event::{FailureKind, Warning};

/// How a conformance run began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConformStart {
    /// [`crate::event::SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// The run's name, which is also its folder's.
    pub run: String,
    /// Seconds since 1970.
    pub unix_s: f64,
    /// The command line, for repeating the run.
    pub command: Vec<String>,
    /// What is done.
    pub plan: ConformPlan,
    /// Failures that are known.
    pub known: Vec<Known>,
}

/// Something that differs from the reference, or from what the case says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// In which step.
    pub step: usize,
    /// Which frame of the step's `arrived`, of the datapath under test; none where a frame is missing or it is not about one.
    pub frame: Option<usize>,
    /// Which frame of the reference's `arrived` it is compared with.
    pub reference_frame: Option<usize>,
    /// What it is about: `ipv4.ttl`, `tcp.checksum`, `lost`, `extra`, `conntrack.status`, `counted`, `blocked`.
    pub field: String,
    /// What it must be.
    pub expected: String,
    /// What it is.
    pub got: String,
    /// Offsets of differing bytes in the frame.
    pub bytes: Vec<u16>,
}

/// What an instance came to on one datapath.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CaseResult {
    /// Index of the instance in the plan.
    pub instance: usize,
    /// The datapath under test.
    pub datapath: Datapath,
    /// What was broken on purpose.
    pub mutation: Option<Mutation>,
    /// What came of it.
    pub outcome: Outcome,
    /// Why, in a sentence; empty where it passed.
    pub why: String,
    /// What differs.
    pub findings: Vec<Finding>,
    /// Index into the known failures of the one that explains it.
    pub known: Option<usize>,
    /// It is known to fail, always, and did not.
    pub unexpected_pass: bool,
}

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MutantResult {
    /// What was broken.
    pub mutation: Mutation,
    /// On which datapath.
    pub datapath: Datapath,
    /// The instances that noticed, by their ids, the clearest first: they are good without it (pass, or are known and always
    /// the same), and with it show a difference that it explains ([`Mutation::signs`]).
    pub killed_by: Vec<String>,
    /// How many instances had the chance.
    pub instances: usize,
    /// What the first of them saw, as a sentence.
    #[serde(default)]
    pub sign: String,
    /// The instances that changed in a way that it does not explain: they count for nothing.
    #[serde(default)]
    pub elsewhere: Vec<String>,
    /// Why it could not be made here at all, by the kernel's or the NIC's word for it.
    #[serde(default)]
    pub refused: Option<String>,
}

impl MutantResult {
    /// Whether nobody noticed it: a hole in the cases. What could not be made is none.
    pub fn survived(&self) -> bool {
        self.killed_by.is_empty() && self.refused.is_none()
    }
}

/// A conformance run: what was seen, and what it comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ConformResult {
    /// How it began.
    pub start: ConformStart,
    /// The kernel and the machine.
    pub environment: Option<Environment>,
    /// The rulesets that cases ran on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rulesets: Vec<RulesetInForce>,
    /// What was seen, the references included.
    pub runs: Vec<CaseRun>,
    /// What it comes to; the reference against itself included.
    pub results: Vec<CaseResult>,
    /// Mutants, where there were any.
    pub mutants: Vec<MutantResult>,
    /// What generated sequences found, a station each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fuzz: Vec<FuzzSummary>,
    /// Complaints of the kernel on its console.
    pub complaints: Vec<String>,
    /// Things to know.
    pub warnings: Vec<Warning>,
    /// Why it ended early.
    pub failed: Option<(FailureKind, String)>,
    /// Whether it went through its plan.
    pub finished: bool,
}
