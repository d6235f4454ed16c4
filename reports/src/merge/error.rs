//! Why shards cannot be joined.

use flowgauge_scenarios::{Plan, Shard};

use super::Piece;
use super::difference::{self, Difference};
use crate::ResultError;
use crate::result::Ending;
use crate::wording::printable;

/// Why shards cannot be joined. Names of files and runs in it are harmless on a terminal.
#[derive(Debug, thiserror::Error)]
pub enum MergeError {
    /// Nothing was given.
    #[error("there is nothing to join: give the results of a plan's shards")]
    Nothing,
    /// A whole run.
    #[error("{} is a whole run and no shard: only runs with `bench --shard` can be joined", printable(label))]
    NotAShard {
        /// The result.
        label: String,
    },
    /// A number that cannot be.
    #[error("{} says that it is shard {index} of {of}, and there is none: it is damaged", printable(label))]
    NoSuchShard {
        /// The result.
        label: String,
        /// What it says.
        index: u32,
        /// Of how many.
        of: u32,
    },
    /// Shards of different cuts.
    #[error(
        "{} is one of {of} shards, {} one of {other}: join the shards of one run",
        printable(first),
        printable(label)
    )]
    OtherNumber {
        /// A result.
        first: String,
        /// Its number of shards.
        of: u32,
        /// Another.
        label: String,
        /// Its number of shards.
        other: u32,
    },
    /// Shards of different plans.
    #[error(
        "{} and {} are not of one plan: {}; run all shards with the same options",
        printable(first),
        printable(label),
        difference::some(differences)
    )]
    OtherPlan {
        /// A result.
        first: String,
        /// Another.
        label: String,
        /// In what their plans differ.
        differences: Vec<Difference>,
    },
    /// Some are not there.
    #[error("{}: give their results too, or join what there is with --allow missing", missing_text(missing, *of))]
    Missing {
        /// The numbers.
        missing: Vec<u32>,
        /// Of how many.
        of: u32,
    },
    /// One is there twice.
    #[error("shard {shard} is there twice: {} and {}; give one of them", printable(first), printable(second))]
    Twice {
        /// Which.
        shard: Shard,
        /// A result.
        first: String,
        /// The other.
        second: String,
    },
    /// One did not end.
    #[error(
        "{} (shard {shard}) {}; run it again, or join what there is with --allow missing",
        printable(label),
        printable(why)
    )]
    Unfinished {
        /// The result.
        label: String,
        /// Which.
        shard: Shard,
        /// What happened.
        why: String,
    },
    /// A trial of another shard's.
    #[error(
        "{} (shard {shard}) holds a trial of step {step}, which is shard {owner}'s: it is damaged, or of another version of flowgauge",
        printable(label)
    )]
    Stray {
        /// The result.
        label: String,
        /// Which.
        shard: Shard,
        /// The trial's step.
        step: usize,
        /// Whose it is.
        owner: u32,
    },
    /// A trial that should be there.
    #[error(
        "{} (shard {shard}) went through its part but lacks the trial of step {step}: it is damaged",
        printable(label)
    )]
    Lacking {
        /// The result.
        label: String,
        /// Which.
        shard: Shard,
        /// The step.
        step: usize,
    },
    /// Shards that ran on other CPUs.
    #[error(
        "{} and {} ran on other CPUs: {}; run all shards on machines of one kind, or join them with --allow cpu",
        printable(first),
        printable(label),
        difference::some(differences)
    )]
    OtherCpu {
        /// A result.
        first: String,
        /// Another.
        label: String,
        /// In what they differ.
        differences: Vec<Difference>,
    },
    /// Shards that ran with another kernel, clock or setting.
    #[error(
        "{} and {} ran in environments that cannot be compared: {}; run all shards in the same way",
        printable(first),
        printable(label),
        difference::some(differences)
    )]
    OtherEnvironment {
        /// A result.
        first: String,
        /// Another.
        label: String,
        /// In what they differ.
        differences: Vec<Difference>,
    },
    /// The samples contradict each other.
    #[error(transparent)]
    Result(#[from] ResultError),
}

impl MergeError {
    pub(super) fn other_plan(first: &str, plan: &Plan, label: &str, theirs: &Plan) -> MergeError {
        let mut differences = Vec::new();
        if plan.seed != theirs.seed {
            differences.push(Difference {
                what: "seed".into(),
                one: plan.seed.to_string(),
                other: theirs.seed.to_string(),
            });
        }
        let names = |plan: &Plan| plan.scenarios.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
        if names(plan) != names(theirs) {
            differences.push(Difference { what: "scenarios".into(), one: names(plan), other: names(theirs) });
        } else {
            for (one, other) in plan.scenarios.iter().zip(&theirs.scenarios) {
                let found = difference::between(one, other).into_iter();
                differences.extend(found.map(|d| Difference { what: format!("{}: {}", one.name, d.what), ..d }));
            }
        }
        if differences.is_empty() {
            let order = |plan: &Plan| format!("{} cells in {} steps", plan.cells.len(), plan.steps.len());
            let (one, other) = (order(plan), format!("{} in another order", order(theirs)));
            differences.push(Difference { what: "steps".to_owned(), one, other });
        }
        MergeError::OtherPlan { first: first.to_owned(), label: label.to_owned(), differences }
    }

    pub(super) fn unfinished(shard: Shard, piece: Piece) -> MergeError {
        let why = match piece.result.ending {
            Ending::Failed { message, .. } => format!("failed: {}", message.lines().next().unwrap_or_default()),
            Ending::Complete | Ending::Truncated => "was cut off".to_owned(),
        };
        MergeError::Unfinished { label: piece.label, shard, why }
    }
}

fn missing_text(missing: &[u32], of: u32) -> String {
    const SHOWN: usize = 12;
    let mut shown: Vec<String> = missing.iter().take(SHOWN).map(ToString::to_string).collect();
    if missing.len() > SHOWN {
        shown.push(format!("and {} more", missing.len() - SHOWN));
    }
    match missing.len() {
        1 => format!("shard {} of {of} is missing", shown[0]),
        _ => format!("shards {} of {of} are missing", shown.join(", ")),
    }
}
