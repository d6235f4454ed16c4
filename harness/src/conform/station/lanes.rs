//! Which lane packets took, by counters of our own: they stay when the ruleset goes.
//!
//! The ruleset's own counters of the classic path go with its table, and cases delete that. So a table of its own counts
//! what comes to the forward hook, and on a NIC what the CPU sees at the ingress of its ports, ahead of all else there.

use flowgauge_reports::observation::Reading;
use flowgauge_topologies::Dut;

use super::Refused;
use crate::nft;
use crate::witnesses::netlink::{Conversation, NETLINK_NETFILTER};
use crate::witnesses::rule_dump::{ANY_FAMILY, Rule, dump};

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
        self.sum(&[CLASSIC])
    }

    /// Packets that the CPU saw at the ports.
    pub(super) fn cpu(&mut self) -> Reading<u64> {
        if self.at_ports { self.sum(&PORTS) } else { Reading::Absent }
    }

    fn sum(&mut self, comments: &[&str]) -> Reading<u64> {
        match dump(&mut self.dut, ANY_FAMILY, TABLE) {
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
    nft::execute(&dut.netns, "the counters of the lanes", &text(&dut.lan.name, &dut.wan.name, at_ports))?;
    Ok(())
}

/// Adding a table first lets it be deleted whether or not it was there.
fn text(lan: &str, wan: &str, at_ports: bool) -> String {
    let chain = |name: &str, hook: &str| {
        format!(
            "\tchain {name} {{\n\t\ttype filter hook {hook} priority {PRIORITY}; policy accept;\n\t\tcounter comment \
             \"{name}\"\n\t}}\n"
        )
    };
    // The chain has the comment's name; `classic` is at the forward hook.
    let mut text = format!(
        "table inet {TABLE} {{}}\ndelete table inet {TABLE}\ntable inet {TABLE} {{\n{}}}\n",
        chain(CLASSIC, "forward")
    );
    if at_ports {
        let chains: String = PORTS
            .iter()
            .zip([lan, wan])
            .map(|(name, port)| chain(name, &format!("ingress device \"{port}\"")))
            .collect();
        text +=
            &format!("table netdev {TABLE} {{}}\ndelete table netdev {TABLE}\ntable netdev {TABLE} {{\n{chains}}}\n");
    }
    text
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

    #[test]
    fn ports_are_counted_on_a_nic_only() {
        assert!(!text("lan0", "wan0", false).contains("netdev"));
        let on_nic = text("nic0", "nic1", true);
        assert!(on_nic.contains("ingress device \"nic0\"") && on_nic.contains("ingress device \"nic1\""), "{on_nic}");
    }
}
