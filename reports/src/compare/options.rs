//! What a comparison is told.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::decide::NOISE_FLOOR;
use super::difference::Aspect;
use super::incomparable::Incomparable;
use super::pooled::Pooled;
use super::side::Matches;
use crate::environment::Clock;

/// The smallest change that matters, by clock, as a share: 0.03 is 3 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Effect {
    /// Under the wall clock.
    pub wall: f64,
    /// Under the instruction clock.
    pub instructions: f64,
}

impl Default for Effect {
    fn default() -> Self {
        Effect { wall: 0.03, instructions: 0.005 }
    }
}

impl Effect {
    /// The one of `clock`, as a share.
    pub fn of(&self, clock: Clock) -> f64 {
        match clock {
            Clock::Wall => self.wall,
            Clock::Instructions => self.instructions,
        }
    }
}

/// Which metrics of a row are compared. All that are compared decide.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Metrics {
    /// The one that stands for the row.
    #[default]
    First,
    /// Those of these names.
    Named(Vec<String>),
    /// Every one that either side has.
    All,
}

impl Metrics {
    /// The names of what is compared in a row, in the order of base, then of new.
    pub(super) fn of(&self, base: &Pooled<'_>, new: &Pooled<'_>) -> Vec<String> {
        let mut names: Vec<&str> = Vec::new();
        for name in base.metrics.iter().chain(&new.metrics).map(|m| m.name) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        match self {
            // A row that was never measured has no metric, and yet must not vanish.
            Metrics::First | Metrics::All if names.is_empty() => vec!["none".to_owned()],
            Metrics::First => names.into_iter().take(1).map(str::to_owned).collect(),
            Metrics::All => names.into_iter().map(str::to_owned).collect(),
            Metrics::Named(wanted) => wanted.iter().filter(|w| names.contains(&w.as_str())).cloned().collect(),
        }
    }

    /// What to say when no row has any of them.
    pub(super) fn unknown(&self, both: &Matches<'_>) -> Incomparable {
        let names: BTreeSet<&str> =
            both.iter().flat_map(|(_, base, new)| base.metrics.iter().chain(&new.metrics)).map(|m| m.name).collect();
        let wanted = if let Metrics::Named(wanted) = self { wanted.join(", ") } else { String::new() };
        Incomparable::NoMetric { wanted, has: names.into_iter().collect::<Vec<_>>().join(", ") }
    }
}

/// What a comparison is told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Options {
    /// The smallest change that matters.
    pub effect: Effect,
    /// In what the sides may differ although it changes figures.
    pub allow: BTreeSet<Aspect>,
    /// What is compared of a row.
    pub metrics: Metrics,
    /// Only rows of base of this kernel: the beginning of its release, or its origin (`debian:6.12`).
    pub base_kernel: Option<String>,
    /// Only rows of new of this kernel.
    pub new_kernel: Option<String>,
}

impl Options {
    /// Whether the smallest effects can be told from the noise of the clocks that there are.
    pub(super) fn check(&self, clocks: &[Clock]) -> Result<(), Incomparable> {
        let least = |clock| if clock == Clock::Instructions { NOISE_FLOOR } else { 0.0 };
        let sound = |clock| {
            let share = self.effect.of(clock);
            share.is_finite() && share > least(clock) && share < 1.0
        };
        match clocks.iter().find(|&&clock| !sound(clock)) {
            None => Ok(()),
            Some(&clock) => {
                Err(Incomparable::Effect { percent: self.effect.of(clock) * 100.0, least: least(clock) * 100.0 })
            }
        }
    }
}
