//! Shards: a plan run in parts, on several machines or one after the other, and joined again.
//!
//! A shard keeps the whole plan and says which part of it is its own. What is compared stays together: the datapaths of a
//! scenario are never torn apart within a block, for their gain is paired by block.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::method::{Method, MethodKind};
use crate::plan::{Plan, Step};

/// One of the parts that a plan is run in. As text `3/8`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Which, from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
}

/// Why there is no such shard.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ShardError {
    /// The text is none.
    #[error("`{text}` is no shard: give its number and how many there are, as in 3/8")]
    Malformed {
        /// What was given.
        text: String,
    },
    /// The number is not one of 1 to the number of shards.
    #[error("there is no shard {index} of {of}: shards are numbered from 1")]
    OutOfRange {
        /// Which was asked for.
        index: u32,
        /// Of how many.
        of: u32,
    },
    /// Some shards would have nothing to do.
    #[error(
        "the plan has {parts} parts that can be run apart (a scenario's block each), too few for {of} shards: take {parts} or fewer"
    )]
    TooMany {
        /// Shards asked for.
        of: u32,
        /// Parts that the plan has.
        parts: usize,
    },
}

impl Shard {
    /// The shard, if there can be one.
    pub fn new(index: u32, of: u32) -> Result<Shard, ShardError> {
        if (1..=of).contains(&index) { Ok(Shard { index, of }) } else { Err(ShardError::OutOfRange { index, of }) }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl FromStr for Shard {
    type Err = ShardError;

    fn from_str(text: &str) -> Result<Shard, ShardError> {
        let malformed =
            || ShardError::Malformed { text: text.chars().take(40).collect::<String>().escape_debug().to_string() };
        let (index, of) = text.split_once('/').ok_or_else(malformed)?;
        let number = |text: &str| text.trim().parse().map_err(|_| malformed());
        Shard::new(number(index)?, number(of)?)
    }
}

/// What is never torn apart: a scenario, or one block of it.
type Part = (usize, Option<u32>);

impl Plan {
    /// The same plan, of which only shard `index` of `of` is to be run. `index` is from 1.
    ///
    /// # Errors
    /// When there is no such shard, or the plan has fewer parts than shards.
    pub fn shard(&self, index: u32, of: u32) -> Result<Plan, ShardError> {
        let shard = Shard::new(index, of)?;
        let parts = self.parts(of).len();
        if parts < of as usize {
            return Err(ShardError::TooMany { of, parts });
        }
        Ok(Plan { shard: Some(shard), ..self.clone() })
    }

    /// The steps that are to be run here, each with its index into [`Plan::steps`]: all of them, or those of the shard.
    pub fn own_steps(&self) -> Vec<(usize, Step)> {
        let all = self.steps.iter().copied().enumerate();
        match self.shard {
            None => all.collect(),
            Some(shard) => {
                let owners = self.owners(shard.of);
                // 0 is nobody's, also where a damaged file says that it is shard 0.
                all.filter(|(index, _)| shard.index > 0 && owners[*index] == shard.index).collect()
            }
        }
    }

    /// The shard that each step belongs to, of `of`. Each step has exactly one; 0 where there are fewer parts than shards.
    ///
    /// Heavy parts are dealt first, each to the shard with least to do (Graham 1969, "longest processing time"), so that
    /// shards end at about the same time.
    pub fn owners(&self, of: u32) -> Vec<u32> {
        let mut parts: Vec<(Part, u64)> = self.parts(of).into_iter().collect();
        if parts.len() < of as usize {
            return vec![0; self.steps.len()];
        }
        parts.sort_by_key(|&(part, weight)| (std::cmp::Reverse(weight), part));
        let mut open: BTreeSet<(u64, u32)> = (1..=of).map(|shard| (0, shard)).collect();
        let mut owner: BTreeMap<Part, u32> = BTreeMap::new();
        for (part, weight) in parts {
            let Some((load, shard)) = open.pop_first() else { break };
            owner.insert(part, shard);
            open.insert((load.saturating_add(weight), shard));
        }
        self.steps.iter().map(|step| owner.get(&self.part(*step, of)).copied().unwrap_or(0)).collect()
    }

    /// The parts of the plan with about how long each takes.
    fn parts(&self, of: u32) -> BTreeMap<Part, u64> {
        let mut parts = BTreeMap::new();
        for step in &self.steps {
            *parts.entry(self.part(*step, of)).or_default() += weight(&self.scenario(step.cell).method);
        }
        parts
    }

    /// Whole scenarios where there are enough of them, for then all samples of a row are of one machine and one boot.
    fn part(&self, step: Step, of: u32) -> Part {
        let whole = self.scenarios.len() >= of as usize;
        (self.cells[step.cell].scenario, (!whole).then_some(step.block))
    }
}

/// About how long a trial takes, in milliseconds. Nothing but the balance between shards depends on it.
fn weight(method: &Method) -> u64 {
    match method.kind {
        MethodKind::Rate => method.trial.ms + method.warmup.ms + 1,
        MethodKind::Cost => u64::from(method.packets) / 50 + 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;

    fn plan(names: &[&str]) -> Plan {
        Plan::new(names.iter().map(|n| Scenario::load(n).unwrap()).collect(), 7)
    }

    /// Which shards hold each step.
    fn holders(plan: &Plan, of: u32) -> Vec<Vec<u32>> {
        let mut holders = vec![Vec::new(); plan.steps.len()];
        for index in 1..=of {
            for (step, what) in plan.shard(index, of).unwrap().own_steps() {
                assert_eq!(what, plan.steps[step]);
                holders[step].push(index);
            }
        }
        holders
    }

    #[test]
    fn every_step_is_run_exactly_once_and_every_shard_has_some() {
        let plan = plan(&["udp-ipv4", "tcp-masquerade", "many-flows"]);
        for of in 1..=25 {
            let holders = holders(&plan, of);
            assert!(holders.iter().all(|h| h.len() == 1), "{of} shards");
            assert_eq!(holders.iter().flatten().collect::<BTreeSet<_>>().len(), of as usize);
        }
    }

    #[test]
    fn what_is_compared_stays_together() {
        let plan = plan(&["udp-ipv4", "tcp-masquerade", "many-flows"]);
        for of in 1..=25 {
            let owners = plan.owners(of);
            let mut seen: BTreeMap<(usize, u32), u32> = BTreeMap::new();
            for (step, owner) in plan.steps.iter().zip(owners) {
                let block = if of <= 3 { 0 } else { step.block };
                assert_eq!(*seen.entry((plan.cells[step.cell].scenario, block)).or_insert(owner), owner, "{of} shards");
            }
        }
    }

    #[test]
    fn shards_have_about_the_same_to_do() {
        let plan = plan(&["udp-ipv4"]);
        let mut counts = [0; 4];
        plan.owners(4).iter().for_each(|&owner| counts[owner as usize - 1] += 1);
        let (least, most) = (counts.iter().min().unwrap(), counts.iter().max().unwrap());
        assert!(most - least <= plan.cells.len(), "{counts:?}");
    }

    #[test]
    fn the_whole_plan_stays_in_each_shard() {
        let plan = plan(&["udp-ipv4", "tcp-masquerade"]);
        let part = plan.shard(2, 2).unwrap();
        assert_eq!(Plan { shard: None, ..part.clone() }, plan);
        assert!(part.own_steps().len() < plan.steps.len());
        assert_eq!(plan.own_steps().len(), plan.steps.len());
        let text = serde_json::to_string(&part).unwrap();
        assert_eq!(serde_json::from_str::<Plan>(&text).unwrap(), part);
        let whole = serde_json::to_string(&plan).unwrap();
        assert!(!whole.contains("shard"), "results of old stay readable, and whole plans look as they did");
    }

    #[test]
    fn shards_that_cannot_be_are_told() {
        let plan = plan(&["many-flows"]);
        let said = |text: &str| text.parse::<Shard>().unwrap_err().to_string();
        assert_eq!("3/8".parse(), Ok(Shard { index: 3, of: 8 }));
        assert!(said("0/8").contains("numbered from 1") && said("9/8").contains("shard 9 of 8"));
        for text in ["", "3", "3/", "/8", "a/b", "3/8/9", "-1/8", "99999999999/8"] {
            assert!(said(text).contains("as in 3/8"), "{text}");
        }
        assert!(plan.shard(1, 999).unwrap_err().to_string().contains("too few for 999 shards"));
        let none = Plan { steps: Vec::new(), ..plan.clone() };
        assert!(matches!(none.shard(1, 1), Err(ShardError::TooMany { parts: 0, .. })));
        // What a damaged file may say must not bring anybody down.
        for (index, of) in [(0, 0), (5, 0), (1, u32::MAX), (9, 3)] {
            assert!(Plan { shard: Some(Shard { index, of }), ..plan.clone() }.own_steps().is_empty());
        }
    }
}
