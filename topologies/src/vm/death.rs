//! How a VM can end, and what became of a guest that no longer answers.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// How a VM ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// The worker exited with this code.
    Code(i32),
    /// The worker was killed by this signal.
    Signal(i32),
    /// The guest died under the worker.
    Died(GuestDeath),
    /// The time is up and it still runs.
    StillRunning,
}

/// What became of a guest that no longer answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestDeath {
    /// What happened.
    pub kind: DeathKind,
    /// The lines of the console that tell it best.
    pub console_excerpt: String,
    /// The whole console; kept.
    pub console_path: PathBuf,
}

/// What happened to a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeathKind {
    /// Its kernel panicked.
    Panic,
    /// Its kernel oopsed.
    Oops,
    /// It powered off, or QEMU ended by itself.
    Exited,
    /// It still runs, without a word.
    Silent,
    /// QEMU was killed.
    Killed,
}

impl fmt::Display for GuestDeath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            DeathKind::Panic => "its kernel panicked",
            DeathKind::Oops => "its kernel oopsed",
            DeathKind::Exited => "it powered off",
            DeathKind::Silent => "it still runs but is silent",
            DeathKind::Killed => "it was killed",
        };
        write!(f, "{what}; console {}:\n{}", self.console_path.display(), self.console_excerpt)
    }
}
