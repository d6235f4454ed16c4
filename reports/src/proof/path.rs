//! The path that packets took.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Below this share of bypass the path is the classic one; above its complement it is the fast one.
const EDGE: f64 = 0.01;

/// Which path the packets took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Path {
    /// Less than 1 % bypassed the classic path.
    Classic,
    /// Between the two, or one direction on each.
    Mixed,
    /// More than 99 % bypassed the classic path.
    Fast,
    /// Fewer than two independent witnesses, or nothing to see.
    Unproven {
        /// What is missing.
        why: String,
    },
    /// Witnesses contradict each other.
    Disagree {
        /// Who said what.
        why: String,
    },
}

impl Path {
    /// The path of a share of bypassing packets, 0 to 1.
    pub fn of(bypass: f64) -> Path {
        if bypass < EDGE {
            Path::Classic
        } else if bypass > 1.0 - EDGE {
            Path::Fast
        } else {
            Path::Mixed
        }
    }

    /// The word in tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Path::Classic => "classic",
            Path::Mixed => "mixed",
            Path::Fast => "fast",
            Path::Unproven { .. } => "unproven",
            Path::Disagree { .. } => "disagree",
        }
    }
}

/// By how much two witnesses' shares may differ: half a percent, and three packets.
pub fn agreement_tolerance(out: u64) -> f64 {
    0.005 + 3.0 / out.max(1) as f64
}

/// A share in words, so that neither 0 % nor 100 % is said where it is not.
pub(crate) fn percent(share: f64) -> String {
    let exact = share * 100.0;
    match exact {
        e if e == 0.0 || e == 100.0 => format!("{e:.0}\u{a0}%"),
        e if e > 99.9 => format!("{:.3}\u{a0}%", (e * 1000.0).floor() / 1000.0),
        e if e < 0.1 => format!("{:.3}\u{a0}%", (e * 1000.0).ceil() / 1000.0),
        e => format!("{e:.1}\u{a0}%"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges() {
        let paths = [0.0, 0.0099, 0.01, 0.99, 0.9901, 1.0].map(Path::of);
        use Path::{Classic, Fast, Mixed};
        assert_eq!(paths, [Classic, Classic, Mixed, Mixed, Fast, Fast]);
    }

    #[test]
    fn all_is_said_only_of_all() {
        let said = [1.0, 0.999_999_9, 0.000_000_1, 0.0, 0.5].map(|share| percent(share).replace('\u{a0}', " "));
        assert_eq!(said, ["100 %", "99.999 %", "0.001 %", "0 %", "50.0 %"]);
    }
}
