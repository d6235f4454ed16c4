//! What doctor found, as data.

use serde::Serialize;

/// All findings of one machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// The findings, by subject.
    pub sections: Vec<Section>,
    /// What `bench` would use.
    pub bench: Bench,
}

/// The findings on one subject.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// The subject.
    pub name: &'static str,
    /// The findings.
    pub checks: Vec<Check>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was looked at.
    pub name: String,
    /// How it stands.
    pub state: State,
    /// What was seen.
    pub detail: String,
}

/// How a thing stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum State {
    /// It is there.
    Ok,
    /// It is missing.
    Gap {
        /// How to close the gap.
        remedy: String,
    },
    /// Neither good nor bad.
    Info,
}

/// What `bench` would use here, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "uses", rename_all = "kebab-case")]
pub enum Bench {
    /// The running kernel.
    Host,
    /// A kernel in a VM.
    Vm {
        /// The `--kernel` value.
        kernel: String,
        /// Why not the host's.
        why: String,
    },
    /// Nothing: it cannot run.
    Nothing {
        /// Why not.
        why: String,
    },
}

impl Report {
    /// Whether `bench` can run in some way.
    pub fn can_bench(&self) -> bool {
        !matches!(self.bench, Bench::Nothing { .. })
    }
}

impl Check {
    /// It is there.
    pub(super) fn ok(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Check { name: name.into(), state: State::Ok, detail: detail.into() }
    }

    /// Neither good nor bad.
    pub(super) fn info(name: impl Into<String>, detail: impl Into<String>) -> Self {
        Check { name: name.into(), state: State::Info, detail: detail.into() }
    }

    /// It is missing.
    pub(super) fn gap(name: impl Into<String>, detail: impl Into<String>, remedy: impl Into<String>) -> Self {
        Check { name: name.into(), state: State::Gap { remedy: remedy.into() }, detail: detail.into() }
    }
}
