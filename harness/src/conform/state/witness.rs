//! What a case looks at beside its conntrack entries.

use std::collections::BTreeMap;

use flowgauge_reports::conform::{Entry, Hardware, State};
use flowgauge_reports::observation::{Count, Reading};
use flowgauge_scenarios::conform::Flow;
use flowgauge_scenarios::ruleset::{DOWNSTREAM_COUNTER, TABLE, UPSTREAM_COUNTER};
use flowgauge_topologies::Testbed;

use super::hardware;
use crate::reference_nic::ReferenceNic;
use crate::witnesses::netlink::{Conversation, NETLINK_NETFILTER, NetlinkError};
use crate::witnesses::rule_dump::{ANY_FAMILY, NETDEV, Rule, dump};
use crate::witnesses::{PortNames, PortWitness, Witness, WitnessError};

/// Reads rules, ports and the NIC.
#[derive(Debug)]
pub struct StateWitness {
    rules: Conversation,
    ports: PortWitness,
    card: Option<ReferenceNic>,
    /// Whether a case has given the ports a table of the ruleset's name, whose rules count too.
    pub(in crate::conform) ports_have_rules: bool,
}

impl StateWitness {
    /// Opens what it needs in the namespaces of a testbed.
    pub fn open(bed: &Testbed, names: &PortNames, card: Option<ReferenceNic>) -> Result<Self, NetlinkError> {
        Ok(StateWitness {
            rules: Conversation::open(&bed.dut.netns, NETLINK_NETFILTER)?,
            ports: PortWitness::open(&bed.client.netns, &bed.dut.netns, &bed.server.netns, names)?,
            card,
            ports_have_rules: false,
        })
    }

    /// The state, with the entries that were read already.
    pub fn read(&mut self, entries: Reading<Vec<Entry>>, flows: &[Flow]) -> State {
        State {
            entries,
            rules: reading(self.rules().map(|rules| by_comment(&rules))),
            ports: reading(self.ports.read()),
            hardware: self.hardware(flows),
        }
    }

    /// The kernel dumps one table of a name only (nf_tables_dump_rules), the one that was there first: that at the ports is
    /// asked for apart.
    fn rules(&mut self) -> Result<Vec<Rule>, WitnessError> {
        let mut rules = dump(&mut self.rules, ANY_FAMILY, TABLE)?;
        if self.ports_have_rules {
            rules.retain(|rule| rule.family != NETDEV);
            rules.extend(dump(&mut self.rules, NETDEV, TABLE)?);
        }
        Ok(rules)
    }

    fn hardware(&self, flows: &[Flow]) -> Reading<Hardware> {
        match self.card.as_ref().map(ReferenceNic::rules) {
            None => Reading::Absent,
            Some(Ok(rules)) => Reading::Seen(hardware::of(&rules, flows)),
            Some(Err(error)) => Reading::Missing { why: error.to_string() },
        }
    }
}

/// The counters of the case's own rules. Rules with the same comment count together: a rule for each direction, say.
fn by_comment(rules: &[Rule]) -> BTreeMap<String, Count> {
    let mut counts: BTreeMap<String, Count> = BTreeMap::new();
    for rule in rules {
        let Some((comment, count)) = rule.comment.as_ref().zip(rule.counter) else { continue };
        if [UPSTREAM_COUNTER, DOWNSTREAM_COUNTER].contains(&comment.as_str()) {
            continue;
        }
        let sum = counts.entry(comment.clone()).or_default();
        sum.packets += count.packets;
        sum.bytes += count.bytes;
    }
    counts
}

fn reading<T>(outcome: Result<T, WitnessError>) -> Reading<T> {
    match outcome {
        Ok(value) => Reading::Seen(value),
        Err(error) => Reading::Missing { why: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_of_one_comment_count_together_and_ours_do_not() {
        let rule = |comment: Option<&str>, packets| Rule {
            comment: comment.map(str::to_owned),
            counter: Some(Count { packets, bytes: 10 * packets }),
            ..Rule::default()
        };
        let rules =
            [rule(Some("counted"), 3), rule(None, 9), rule(Some(UPSTREAM_COUNTER), 7), rule(Some("counted"), 4)];
        let counts = by_comment(&rules);
        assert_eq!(counts, BTreeMap::from([("counted".to_owned(), Count { packets: 7, bytes: 70 })]));
    }
}
