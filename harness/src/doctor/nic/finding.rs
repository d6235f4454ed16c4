//! What was found out about the kernel by doing it.

use serde::{Deserialize, Serialize};

/// Something that a kernel is known to do wrong, tried on this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Its name, such as `entries-leak`.
    pub name: String,
    /// What it says, in a sentence.
    pub claim: String,
    /// What was done, step by step.
    pub done: Vec<String>,
    /// What was seen.
    pub readings: Vec<Reading>,
    /// What it means for those who rely on it.
    pub means: String,
    /// Where in the kernel it comes from: file and functions.
    pub source: Vec<String>,
    /// What the readings come to.
    pub verdict: Verdict,
}

/// One number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reading {
    /// What was counted.
    pub what: String,
    /// What came out.
    pub seen: u64,
    /// What a kernel without the fault shows.
    pub healthy: u64,
    /// What a kernel with it shows. The same as `healthy`: a control, which must hold either way.
    pub faulty: u64,
}

/// What the readings come to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "kebab-case")]
pub enum Verdict {
    /// Every reading is as the fault makes it, every control holds.
    Shown,
    /// Every reading is as without the fault, every control holds.
    NotShown,
    /// Neither.
    Undecided {
        /// Why.
        why: String,
    },
}

impl Reading {
    /// A number that tells a faulty kernel from a healthy one.
    pub(super) fn telling(what: impl Into<String>, seen: u64, healthy: u64, faulty: u64) -> Self {
        Reading { what: what.into(), seen, healthy, faulty }
    }

    /// A number that must be as `expected` on every kernel, or the rest means nothing.
    pub(super) fn control(what: impl Into<String>, seen: u64, expected: u64) -> Self {
        Reading { what: what.into(), seen, healthy: expected, faulty: expected }
    }

    /// Whether it must hold on every kernel.
    pub fn is_control(&self) -> bool {
        self.healthy == self.faulty
    }
}

impl Verdict {
    /// Judges readings.
    pub(super) fn of(readings: &[Reading]) -> Self {
        if let Some(broken) = readings.iter().find(|r| r.is_control() && r.seen != r.healthy) {
            let why = format!("a control failed: {} is {}, not {}", broken.what, broken.seen, broken.healthy);
            return Verdict::Undecided { why };
        }
        let telling = || readings.iter().filter(|reading| !reading.is_control());
        if telling().count() == 0 {
            Verdict::Undecided { why: "nothing was read that could tell".to_owned() }
        } else if telling().all(|reading| reading.seen == reading.faulty) {
            Verdict::Shown
        } else if telling().all(|reading| reading.seen == reading.healthy) {
            Verdict::NotShown
        } else {
            let odd = telling().map(|r| format!("{} is {} ({} or {})", r.what, r.seen, r.healthy, r.faulty));
            Verdict::Undecided { why: format!("the readings disagree: {}", odd.collect::<Vec<_>>().join("; ")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_shows_only_where_every_reading_says_so_and_controls_hold() {
        let accept = |seen| Reading::telling("accept", seen, 10, 20);
        let drop = |seen| Reading::control("drop", seen, 10);
        assert_eq!(Verdict::of(&[accept(20), drop(10)]), Verdict::Shown);
        assert_eq!(Verdict::of(&[accept(10), drop(10)]), Verdict::NotShown);
        for readings in [
            vec![accept(20), drop(20)],
            vec![accept(15), drop(10)],
            vec![accept(20), accept(10), drop(10)],
            vec![drop(10)],
            vec![],
        ] {
            assert!(matches!(Verdict::of(&readings), Verdict::Undecided { .. }), "{readings:?}");
        }
    }
}
