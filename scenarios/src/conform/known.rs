//! Outcomes, and failures that are known.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Datapath;

/// What came of an instance on a datapath.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// What must hold holds, and the packets took the lane that the case is about.
    Pass,
    /// It does not hold.
    Fail,
    /// The packets did not take the lane that the case is about, or no witness can tell.
    Unproven,
    /// This kernel, or this NIC, cannot do what the case is about, with its word for it.
    Unsupported,
    /// The case could not be run, or its reference is not as the case says.
    Error,
}

impl Outcome {
    /// Every outcome, best first.
    pub const ALL: [Outcome; 5] =
        [Outcome::Pass, Outcome::Unsupported, Outcome::Unproven, Outcome::Fail, Outcome::Error];

    /// The word in tables and files.
    pub const fn name(self) -> &'static str {
        match self {
            Outcome::Pass => "pass",
            Outcome::Fail => "fail",
            Outcome::Unproven => "unproven",
            Outcome::Unsupported => "unsupported",
            Outcome::Error => "error",
        }
    }
}

/// A failure that is known, with its reason. Where it does not fail any more, that is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Known {
    /// Instances: `CASE` or `CASE/ipv4-udp-*`; `*` stands for anything.
    pub instances: String,
    /// Datapaths on which it fails.
    pub datapaths: Vec<Datapath>,
    /// The first kernel version that it fails on, `6.1`; the oldest where left out.
    #[serde(default)]
    pub since: Option<String>,
    /// The first kernel version that it does not fail on any more.
    #[serde(default)]
    pub until: Option<String>,
    /// What came of it: `fail`, `unproven` or `unsupported`.
    pub outcome: Outcome,
    /// Why, as far as it is understood, with the place in the kernel.
    pub reason: String,
    /// Where it is told: a thread, a commit, a document.
    pub link: String,
    /// Whether it does not happen every time.
    #[serde(default)]
    pub flaky: bool,
}
