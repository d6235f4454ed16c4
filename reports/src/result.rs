//! The result of a run: the raw samples with everything needed to judge them again, and the judgement.

use flowgauge_scenarios::Plan;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::environment::Environment;
use crate::event::{FailureKind, Warning};
use crate::judge::Judgement;
use crate::trial::{Calibration, CellProfile, TimeToOffload, Trial};

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ending {
    /// It went through its plan.
    Complete,
    /// It failed; the trials up to then are kept.
    Failed {
        /// Why.
        kind: FailureKind,
        /// The message.
        message: String,
    },
    /// Its stream stopped without a last event (it was killed, or the disk was full).
    Truncated,
}

/// `result.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunResult {
    /// [`crate::event::SCHEMA_VERSION`] of the writer.
    pub schema_version: u32,
    /// The run's name.
    pub run: String,
    /// When it began, in seconds since 1970.
    pub unix_s: f64,
    /// The command line.
    pub command: Vec<String>,
    /// How it ended.
    pub ending: Ending,
    /// Where it took place; none where the run failed before it knew.
    pub environment: Option<Environment>,
    /// What was planned.
    pub plan: Plan,
    /// The generator's own limits.
    pub calibrations: Vec<Calibration>,
    /// The raw samples.
    pub trials: Vec<Trial>,
    /// How long new flows took to get into the hardware, a measurement per offloading cell.
    #[serde(default)]
    pub onsets: Vec<TimeToOffload>,
    /// Where the packets of each cell spent what they cost; empty without `--explain`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<CellProfile>,
    /// What the kernel under test complained of.
    #[serde(default)]
    pub complaints: Vec<String>,
    /// What the run itself noticed.
    pub warnings: Vec<Warning>,
    /// What follows from the samples. Recomputed whenever a result is read, so that it never goes stale.
    pub judgement: Judgement,
}
