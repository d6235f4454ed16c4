//! Which lane packets took, by counters of our own: they stay when the ruleset goes.
//!
//! The ruleset's own counters of the classic path go with its table, and cases delete that. So a table of its own counts
//! what comes to the forward hook, and on a NIC what the CPU sees at the ingress of its ports, ahead of all else there.

use flowgauge_reports::observation::Reading;
use flowgauge_topologies::Dut;

use super::Refused;
use super::tables::{Hook, INET, Table};
use crate::witnesses::netlink::{Conversation, NETLINK_NETFILTER};
use crate::witnesses::rule_dump::{NETDEV, Rule, dump};

const TABLE: &str = "flowgauge_lanes";
const CLASSIC: &str = "classic";
const PORTS: [&str; 2] = ["lan", "wan"];
/// Before every chain of a ruleset, and before flowtables (0).
const PRIORITY: i32 = -500;

/// The counters of the lanes.
#[derive(Debug)]
pub(super) struct Lanes {
    dut: Conversation,
    at_ports: bool,
}

impl Lanes {
    /// Puts the counters into the DUT, those at the ports where it has ports of a NIC.
    pub(super) fn install(dut: &Dut, at_ports: bool) -> Result<Lanes, Refused> {
        install(dut, at_ports)?;
        Ok(Lanes { dut: Conversation::open(&dut.netns, NETLINK_NETFILTER)?, at_ports })
    }

    /// The same once more, from zero: for a port that was gone.
    pub(super) fn again(&self, dut: &Dut) -> Result<(), Refused> {
        install(dut, self.at_ports)
    }

    /// Packets that came to the forward hook.
    pub(super) fn classic(&mut self) -> Reading<u64> {
        self.sum(INET, &[CLASSIC])
    }

    /// Packets that the CPU saw at the ports.
    pub(super) fn cpu(&mut self) -> Reading<u64> {
        if self.at_ports { self.sum(NETDEV, &PORTS) } else { Reading::Absent }
    }

    /// The family is named, because the kernel dumps one table of a name only (nf_tables_dump_rules).
    fn sum(&mut self, family: u8, comments: &[&str]) -> Reading<u64> {
        match dump(&mut self.dut, family, TABLE) {
            Err(error) => Reading::Missing { why: error.to_string() },
            Ok(rules) => sum(&rules, comments),
        }
    }
}

fn sum(rules: &[Rule], comments: &[&str]) -> Reading<u64> {
    let mut packets = 0;
    for comment in comments {
        let mut found = rules.iter().filter(|rule| rule.comment.as_deref() == Some(comment)).filter_map(|r| r.counter);
        let Some(count) = found.next() else {
            return Reading::Missing { why: format!("the counter \"{comment}\" of table {TABLE} is gone") };
        };
        packets += count.packets;
    }
    Reading::Seen(packets)
}

fn install(dut: &Dut, at_ports: bool) -> Result<(), Refused> {
    Table::anew(INET, TABLE).counting(CLASSIC, Hook::Forward, PRIORITY).commit(&dut.netns)?;
    if !at_ports {
        return Ok(());
    }
    let [lan, wan] = PORTS;
    let table = Table::anew(NETDEV, TABLE).counting(lan, Hook::Ingress(&dut.lan.name), PRIORITY);
    table.counting(wan, Hook::Ingress(&dut.wan.name), PRIORITY).commit(&dut.netns)
}

#[cfg(test)]
mod tests {
    use flowgauge_reports::observation::Count;

    use super::*;

    #[test]
    fn a_counter_that_is_gone_is_said() {
        let rule = |comment: &str, packets| Rule {
            comment: Some(comment.to_owned()),
            counter: Some(Count { packets, bytes: 0 }),
            ..Rule::default()
        };
        let rules = [rule("lan", 3), rule("classic", 7), rule("wan", 4)];
        assert_eq!(sum(&rules, &[CLASSIC]), Reading::Seen(7));
        assert_eq!(sum(&rules, &PORTS), Reading::Seen(7));
        assert!(matches!(sum(&rules[..2], &PORTS), Reading::Missing { .. }));
    }
}
