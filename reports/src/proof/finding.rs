//! Findings: what does not fit together, in plain words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether a finding turns a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing; the verdict stands.
    Note,
    /// The verdict is bad.
    Bad,
}

/// One thing that does not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// Whether it turns the verdict.
    pub severity: Severity,
    /// What was seen, as a sentence without a full stop.
    pub text: String,
}

impl Finding {
    /// A finding that turns the verdict.
    pub fn bad(text: impl Into<String>) -> Self {
        Finding { severity: Severity::Bad, text: text.into() }
    }

    /// A finding that leaves the verdict.
    pub fn note(text: impl Into<String>) -> Self {
        Finding { severity: Severity::Note, text: text.into() }
    }
}

/// Packets by which two counters of the same packets may differ without a word: a stray packet of a stack.
pub(super) const fn stray(packets: u64) -> u64 {
    3 + packets / 1000
}
