//! `--until decided`: how many more blocks are sampled, and when enough is known.
//!
//! The number of looks is kept small, for each is a chance of a false alarm: a run grows by what the comparison says is
//! needed, and at most doubles. A regression is an alarm only when as many fresh blocks again, looked at alone, say the same.

use std::collections::BTreeSet;
use std::time::Duration;

use flowgauge_reports::compare::{Compared, Comparison, decided};
use flowgauge_scenarios::Plan;

/// More blocks than this are never sampled by themselves.
const MOST_BLOCKS: u32 = 1000;

/// Progress towards a decision.
#[derive(Debug)]
pub(super) struct Until {
    bound: Duration,
    /// The blocks that there were when an alarm was first seen.
    since: Option<u32>,
    confirmed: BTreeSet<String>,
}

/// What a look at the comparisons shows.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// Whether more samples would tell nothing new.
    decided: bool,
    /// How many more blocks would decide.
    needed: u32,
    /// Rows without a decision.
    open: usize,
    /// Rows that got worse.
    alarms: BTreeSet<String>,
}

/// What to do after a look.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// No more, and why.
    Enough(String),
    /// So many more blocks, and why.
    More(u32, String),
}

impl Seen {
    /// What `comparisons`, each with the name of what is compared, come to together.
    pub(super) fn of(comparisons: &[(String, Comparison)]) -> Seen {
        let mut seen = Seen { decided: true, ..Seen::default() };
        for (name, comparison) in comparisons {
            seen.decided &= decided(comparison);
            seen.needed = seen.needed.max(comparison.needed());
            seen.open += comparison.of(Compared::Inconclusive).count();
            let worse = comparison.of(Compared::Regressed).map(|row| format!("{name}{}", row.key.label()));
            seen.alarms.extend(worse);
        }
        seen
    }
}

impl Until {
    /// Samples for at most `bound`.
    pub(super) fn new(bound: Duration) -> Self {
        Until { bound, since: None, confirmed: BTreeSet::new() }
    }

    /// The most blocks that there can be of a plan that has `blocks`.
    pub(super) fn most(blocks: u32) -> u32 {
        blocks.max(MOST_BLOCKS)
    }

    /// What to do after `blocks` blocks that took `spent`. `fresh` is what the blocks from a number on show alone.
    pub(super) fn next(&mut self, seen: &Seen, blocks: u32, spent: Duration, fresh: impl FnOnce(u32) -> Seen) -> Next {
        if let Some(since) = self.since.filter(|&since| blocks >= 2 * since) {
            self.since = None;
            self.confirmed.extend(fresh(since).alarms.intersection(&seen.alarms).cloned());
        }
        let alarms: Vec<&str> = seen.alarms.difference(&self.confirmed).map(String::as_str).collect();
        let each = spent.as_secs_f64() / f64::from(blocks.max(1));
        let left = self.bound.saturating_sub(spent).as_secs_f64();
        let fits = (left / each.max(1e-3)).min(f64::from(Until::most(blocks).saturating_sub(blocks))) as u32;
        if !alarms.is_empty() {
            // Further blocks of a second look that is under way, or a new one.
            let since = *self.since.get_or_insert(blocks);
            let wanted = (2 * since).saturating_sub(blocks).max(1);
            let names = alarms.join(", ");
            return if wanted <= fits {
                Next::More(
                    wanted,
                    format!("{names}: seems to have got worse; a second look takes {wanted} blocks more"),
                )
            } else {
                Next::Enough(format!(
                    "{names}: seems to have got worse, which no second look confirms: there is no time left for one"
                ))
            };
        }
        let confirmed = match self.confirmed.intersection(&seen.alarms).map(String::as_str).collect::<Vec<_>>() {
            names if names.is_empty() => String::new(),
            names => format!("; a second look confirms that this got worse: {}", names.join(", ")),
        };
        match seen {
            Seen { open: 0, .. } => Next::Enough(format!("every row is decided after {blocks} blocks{confirmed}")),
            Seen { decided: true, open, .. } => Next::Enough(format!(
                "{open} rows are not decided after {blocks} blocks, and no sensible number of blocks would decide \
                 them{confirmed}"
            )),
            Seen { open, .. } if fits == 0 => {
                Next::Enough(format!("the time is spent: {open} rows are not decided after {blocks} blocks{confirmed}"))
            }
            Seen { open, needed, .. } => {
                let more = (*needed).clamp(1, blocks.max(1)).min(fits);
                Next::More(more, format!("{open} rows are not decided: {more} blocks more"))
            }
        }
    }
}

/// The same plan with so many blocks. It begins like the old one, for blocks follow each other in order from one random
/// stream; that holds where all scenarios have equally many, which a request with `--until` sees to.
pub(super) fn grown(plan: &Plan, blocks: u32) -> Plan {
    let mut scenarios = plan.scenarios.clone();
    scenarios.iter_mut().for_each(|scenario| scenario.method.blocks = blocks);
    Plan::new(scenarios, plan.seed)
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::Scenario;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn seen(open: usize, needed: u32, alarms: &[&str]) -> Seen {
        let alarms = alarms.iter().map(|&name| name.to_owned()).collect();
        Seen { decided: open == 0, needed, open, alarms }
    }

    fn never(_: u32) -> Seen {
        panic!("no fresh blocks are looked at")
    }

    #[test]
    fn a_plan_grows_at_its_end() {
        let names = ["udp-ipv4", "tcp-masquerade", "westphal-forwarding"];
        let scenarios: Vec<Scenario> = names.iter().map(|name| Scenario::load(name).unwrap()).collect();
        let small = grown(&Plan::new(scenarios, 9), 4);
        for blocks in [5, 40] {
            let large = grown(&small, blocks);
            assert_eq!(large.steps[..small.steps.len()], small.steps[..]);
            assert_eq!(large.steps.len(), small.steps.len() / 4 * blocks as usize);
            assert_eq!((large.cells, large.holes), (small.cells.clone(), small.holes.clone()));
        }
    }

    #[test]
    fn sampling_goes_on_as_long_as_it_is_needed_and_fits() {
        let mut until = Until::new(10 * MINUTE);
        let mut next = |seen: &Seen, blocks, spent| until.next(seen, blocks, spent, never);
        assert!(matches!(next(&seen(0, 0, &[]), 10, MINUTE), Next::Enough(_)));
        assert!(matches!(next(&seen(2, 7, &[]), 10, MINUTE), Next::More(7, _)));
        // At most twice as many, and no more than there is time for.
        assert!(matches!(next(&seen(2, 900, &[]), 10, MINUTE), Next::More(10, _)));
        assert!(matches!(next(&seen(2, 90, &[]), 80, 8 * MINUTE), Next::More(20, _)));
        let Next::Enough(why) = next(&seen(2, 90, &[]), 100, 10 * MINUTE) else { panic!("the time is spent") };
        assert!(why.contains("2 rows are not decided"), "{why}");
        let hopeless = Seen { decided: true, ..seen(1, 0, &[]) };
        assert!(matches!(next(&hopeless, 10, MINUTE), Next::Enough(why) if why.contains("no sensible number")));
    }

    #[test]
    fn an_alarm_is_raised_only_when_fresh_blocks_say_the_same() {
        let alarm = seen(0, 0, &["a", "b"]);
        let mut until = Until::new(10 * MINUTE);
        assert!(matches!(until.next(&alarm, 10, MINUTE, never), Next::More(10, _)));
        let fresh = |since| {
            assert_eq!(since, 10);
            seen(0, 0, &["a"])
        };
        // `b` was chance so far: it gets another look, twice as long.
        let Next::More(20, why) = until.next(&alarm, 20, 2 * MINUTE, fresh) else { panic!("b is open") };
        assert!(why.starts_with("b:"), "{why}");
        let Next::Enough(why) = until.next(&seen(0, 0, &["a"]), 40, 4 * MINUTE, |_| seen(0, 0, &[])) else {
            panic!("all is known")
        };
        assert!(why.contains("confirms that this got worse: a"), "{why}");
    }

    #[test]
    fn without_time_for_a_second_look_an_alarm_is_called_unconfirmed() {
        let mut until = Until::new(MINUTE);
        let Next::Enough(why) = until.next(&seen(0, 0, &["a"]), 10, MINUTE / 2 + MINUTE / 10, never) else {
            panic!("it does not fit")
        };
        assert!(why.contains("no second look confirms"), "{why}");
    }
}
