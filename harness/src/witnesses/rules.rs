//! The nft rule counters at the top of the forward chain.

use flowgauge_reports::observation::RuleCounters;
use flowgauge_scenarios::ruleset::{DOWNSTREAM_COUNTER, FORWARD_CHAIN, TABLE, UPSTREAM_COUNTER};
use flowgauge_topologies::Netns;

use super::netlink::{Conversation, NETLINK_NETFILTER, NetlinkError};
use super::rule_dump::{ANY_FAMILY, NETDEV, Rule, dump, only};
use super::witness::{Witness, WitnessError};

/// Reads the counters of the classic path.
#[derive(Debug)]
pub struct RuleWitness {
    dut: Conversation,
}

impl RuleWitness {
    /// Opens netfilter's netlink inside `dut`.
    pub fn open(dut: &Netns) -> Result<Self, NetlinkError> {
        Ok(RuleWitness { dut: Conversation::open(dut, NETLINK_NETFILTER)? })
    }
}

impl Witness<RuleCounters> for RuleWitness {
    fn read(&mut self) -> Result<RuleCounters, WitnessError> {
        // The table's family is ip, ip6 or inet, by the scenario.
        directions(dump(&mut self.dut, ANY_FAMILY, TABLE)?)
    }
}

/// Without a forward chain there is nothing to watch. The netdev table of the same name is another witness's.
fn directions(mut rules: Vec<Rule>) -> Result<RuleCounters, WitnessError> {
    rules.retain(|rule| rule.family != NETDEV);
    if !rules.iter().any(|rule| rule.chain == FORWARD_CHAIN) {
        return Err(WitnessError::Absent);
    }
    let only = |comment| only(&rules, TABLE, FORWARD_CHAIN, comment);
    Ok(RuleCounters { upstream: only(UPSTREAM_COUNTER)?, downstream: only(DOWNSTREAM_COUNTER)? })
}

#[cfg(test)]
mod tests {
    use flowgauge_reports::observation::Count;

    use super::*;

    fn rule(chain: &str, comment: &str, packets: u64) -> Rule {
        let counter = Some(Count { packets, bytes: 10 * packets });
        Rule { family: 2, chain: chain.to_owned(), comment: Some(comment.to_owned()), counter, ..Rule::default() }
    }

    #[test]
    fn each_direction_needs_exactly_one_counter() {
        let (up, down) = (rule(FORWARD_CHAIN, UPSTREAM_COUNTER, 3), rule(FORWARD_CHAIN, DOWNSTREAM_COUNTER, 4));
        let elsewhere = rule("postrouting", UPSTREAM_COUNTER, 9);
        let at_ingress = Rule { family: NETDEV, ..up.clone() };
        let read = directions(vec![up.clone(), elsewhere.clone(), down.clone(), at_ingress.clone()]).unwrap();
        assert_eq!((read.upstream.packets, read.downstream.packets), (3, 4));
        for nothing in [vec![], vec![elsewhere], vec![at_ingress]] {
            assert!(matches!(directions(nothing), Err(WitnessError::Absent)));
        }
        assert!(matches!(directions(vec![up.clone()]), Err(WitnessError::Rules { found: 0, .. })));
        assert!(matches!(directions(vec![up.clone(), up, down]), Err(WitnessError::Rules { found: 2, .. })));
    }
}
