//! The path that packets took.

use flowgauge_scenarios::Lane;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// More than its complement of all packets must have taken a lane for the path to be that lane.
const EDGE: f64 = 0.01;

/// Which path the packets took.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Path {
    /// More than 99 % took the IP stack's forward path.
    Classic,
    /// More than 99 % passed it by in software.
    Fast,
    /// More than 99 % passed the CPU by.
    Hardware,
    /// None of them, or one direction on another than the rest.
    Mixed,
    /// Too few independent witnesses, or nothing to see.
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

/// The shares of the three lanes, which sum to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Shares {
    /// Through the IP stack's forward path.
    pub classic: f64,
    /// Past it, in software.
    pub fast: f64,
    /// Past the CPU.
    pub hardware: f64,
}

impl Shares {
    /// From the shares of the two lanes that witnesses count; what neither accounts for is fast. Where both together
    /// are more than all, each gives way in proportion.
    pub fn new(classic: f64, hardware: f64) -> Shares {
        let total = f64::max(1.0, classic + hardware);
        let (classic, hardware) = (classic / total, hardware / total);
        Shares { classic, fast: (1.0 - classic - hardware).max(0.0), hardware }
    }

    /// The share of a lane.
    pub const fn of(&self, lane: Lane) -> f64 {
        match lane {
            Lane::Classic => self.classic,
            Lane::Fast => self.fast,
            Lane::Hardware => self.hardware,
        }
    }

    /// The lanes that carried something, greatest share first: `50.0 % hardware, 50.0 % fast`.
    pub(crate) fn describe(&self) -> String {
        let mut lanes: Vec<Lane> = Lane::ALL.into_iter().filter(|&lane| self.of(lane) > TRACE).collect();
        lanes.sort_by(|&a, &b| self.of(b).total_cmp(&self.of(a)));
        let parts: Vec<String> =
            lanes.into_iter().map(|lane| format!("{} {}", percent(self.of(lane)), lane.name())).collect();
        parts.join(", ")
    }
}

/// A share that is not worth a word: less than any counter's step, a rounding of floating point.
const TRACE: f64 = 1e-9;

impl Path {
    /// The path of packets that went by these shares.
    pub fn of(shares: &Shares) -> Path {
        match Lane::ALL.into_iter().find(|&lane| shares.of(lane) > 1.0 - EDGE) {
            Some(lane) => Path::from(lane),
            None => Path::Mixed,
        }
    }

    /// The lane, where it is one.
    pub const fn lane(&self) -> Option<Lane> {
        match self {
            Path::Classic => Some(Lane::Classic),
            Path::Fast => Some(Lane::Fast),
            Path::Hardware => Some(Lane::Hardware),
            Path::Mixed | Path::Unproven { .. } | Path::Disagree { .. } => None,
        }
    }

    /// The word in tables.
    pub const fn name(&self) -> &'static str {
        match self {
            Path::Classic => "classic",
            Path::Fast => "fast",
            Path::Hardware => "hardware",
            Path::Mixed => "mixed",
            Path::Unproven { .. } => "unproven",
            Path::Disagree { .. } => "disagree",
        }
    }
}

impl From<Lane> for Path {
    fn from(lane: Lane) -> Path {
        match lane {
            Lane::Classic => Path::Classic,
            Lane::Fast => Path::Fast,
            Lane::Hardware => Path::Hardware,
        }
    }
}

/// By how much two witnesses' shares may differ: half a percent, and three packets.
pub fn agreement_tolerance(out: u64) -> f64 {
    0.005 + 3.0 / out.max(1) as f64
}

/// Whether a share is so small that it may be a few packets of an opening: the complement of a path.
pub(super) fn negligible(share: f64) -> bool {
    share < EDGE
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
        let of = |classic, hardware| Path::of(&Shares::new(classic, hardware));
        let paths = [(1.0, 0.0), (0.9901, 0.0), (0.99, 0.0), (0.01, 0.0), (0.0099, 0.0), (0.0, 0.5), (0.0, 0.9901)];
        use Path::{Classic, Fast, Hardware, Mixed};
        assert_eq!(
            paths.map(|(classic, hardware)| of(classic, hardware)),
            [Classic, Classic, Mixed, Mixed, Fast, Mixed, Hardware]
        );
    }

    #[test]
    fn shares_sum_to_one_and_are_told_greatest_first() {
        for (classic, hardware) in [(0.0, 0.0), (0.3, 0.2), (1.0, 0.0), (0.0, 1.0), (0.8, 0.8)] {
            let s = Shares::new(classic, hardware);
            assert!((s.classic + s.fast + s.hardware - 1.0).abs() < 1e-12 && s.fast >= 0.0, "{s:?}");
        }
        let said = Shares::new(0.1, 0.6).describe().replace('\u{a0}', " ");
        assert_eq!(said, "60.0 % hardware, 30.0 % fast, 10.0 % classic");
    }

    #[test]
    fn all_is_said_only_of_all() {
        let said = [1.0, 0.999_999_9, 0.000_000_1, 0.0, 0.5].map(|share| percent(share).replace('\u{a0}', " "));
        assert_eq!(said, ["100 %", "99.999 %", "0.001 %", "0 %", "50.0 %"]);
    }
}
