//! The nft rule counters at the ingress of the DUT's ports: what the CPU saw there, and what netdev chains passed on.

use flowgauge_reports::observation::{Count, CpuPorts, RuleCounters};
use flowgauge_scenarios::ruleset::{LAN_WATCH, NETDEV_DOWNSTREAM, NETDEV_UPSTREAM, TABLE, WAN_WATCH, WATCH_TABLE};
use flowgauge_topologies::Netns;
use netlink_packet_core::DecodeError;

use super::netlink::{Conversation, NETLINK_NETFILTER, NFGENMSG, NetlinkError, Question, attributes, nfgenmsg, text};
use super::rule_dump::{HINT, NETDEV, Rule, SUBSYSTEM, dump, only};
use super::witness::{Witness, WitnessError};

const NEW_TABLE: u16 = SUBSYSTEM;
const GET_TABLE: u16 = SUBSYSTEM | 1;
const TABLE_NAME: u16 = 1;

/// Reads the chains that count every packet which the CPU takes from a port, before anything else looks at it.
#[derive(Debug)]
pub struct CpuPortWitness {
    dut: Conversation,
}

impl CpuPortWitness {
    /// Opens netfilter's netlink inside `dut`.
    pub fn open(dut: &Netns) -> Result<Self, NetlinkError> {
        Ok(CpuPortWitness { dut: Conversation::open(dut, NETLINK_NETFILTER)? })
    }
}

impl Witness<CpuPorts> for CpuPortWitness {
    fn read(&mut self) -> Result<CpuPorts, WitnessError> {
        let rules = dump(&mut self.dut, NETDEV, WATCH_TABLE)?;
        if rules.is_empty() {
            return Err(WitnessError::Absent);
        }
        let lan = only(&rules, WATCH_TABLE, "lan", LAN_WATCH)?;
        Ok(CpuPorts { lan, wan: only(&rules, WATCH_TABLE, "wan", WAN_WATCH)? })
    }
}

/// Reads the counters of the netdev chains that forward, summed by direction.
///
/// Where the hardware executes a chain its counts are in them; packets that missed the hardware are counted by the
/// software chain, into the same counters.
#[derive(Debug)]
pub struct NetdevRuleWitness {
    dut: Conversation,
}

impl NetdevRuleWitness {
    /// Opens netfilter's netlink inside `dut`.
    pub fn open(dut: &Netns) -> Result<Self, NetlinkError> {
        Ok(NetdevRuleWitness { dut: Conversation::open(dut, NETLINK_NETFILTER)? })
    }

    /// Whether the table exists: with nothing in it, nothing is passed on.
    fn has_table(&mut self) -> Result<bool, WitnessError> {
        let payload = nfgenmsg(NETDEV);
        let question =
            Question { doing: "reading the nft tables", message_type: GET_TABLE, dump: true, payload: &payload };
        let look = |found: &mut bool, kind: u16, payload: &[u8]| {
            *found |= kind == NEW_TABLE && is_named(payload, TABLE)?;
            Ok(())
        };
        self.dut.ask(question, || false, look).map_err(|source| WitnessError::Netlink { source, hint: HINT })
    }
}

impl Witness<RuleCounters> for NetdevRuleWitness {
    fn read(&mut self) -> Result<RuleCounters, WitnessError> {
        let rules = dump(&mut self.dut, NETDEV, TABLE)?;
        if rules.is_empty() && !self.has_table()? {
            return Err(WitnessError::Absent);
        }
        Ok(RuleCounters { upstream: sum(&rules, NETDEV_UPSTREAM), downstream: sum(&rules, NETDEV_DOWNSTREAM) })
    }
}

fn sum(rules: &[Rule], prefix: &str) -> Count {
    let counters = rules.iter().filter(|rule| rule.comment.as_ref().is_some_and(|c| c.starts_with(prefix)));
    counters.filter_map(|rule| rule.counter).fold(Count::default(), |sum, count| Count {
        packets: sum.packets + count.packets,
        bytes: sum.bytes + count.bytes,
    })
}

fn is_named(message: &[u8], name: &str) -> Result<bool, DecodeError> {
    for attribute in attributes(message.get(NFGENMSG..).unwrap_or_default()) {
        let attribute = attribute?;
        if attribute.kind() == TABLE_NAME {
            return Ok(text(attribute.value()) == name);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::super::netlink::push_string;
    use super::*;

    #[test]
    fn families_and_protocols_of_a_direction_are_summed() {
        let rule = |comment: &str, packets| Rule {
            family: NETDEV,
            chain: "lan".to_owned(),
            comment: Some(comment.to_owned()),
            counter: Some(Count { packets, bytes: 100 * packets }),
            ..Rule::default()
        };
        let rules = [rule("netdev upstream ipv4 udp", 2), rule("netdev upstream ipv6 tcp", 3), rule("else", 7)];
        assert_eq!(sum(&rules, NETDEV_UPSTREAM), Count { packets: 5, bytes: 500 });
        assert_eq!(sum(&rules, NETDEV_DOWNSTREAM), Count::default());
    }

    #[test]
    fn a_table_is_known_by_its_whole_name() {
        let mut message = nfgenmsg(NETDEV).to_vec();
        push_string(&mut message, TABLE_NAME, WATCH_TABLE);
        assert!(is_named(&message, WATCH_TABLE).unwrap() && !is_named(&message, TABLE).unwrap());
        assert!(!is_named(&[], TABLE).unwrap() && is_named(&message[..9], TABLE).is_err());
    }
}
