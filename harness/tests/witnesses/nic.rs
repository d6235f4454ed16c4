//! The witnesses that are opened for a NIC, where no NIC is.

use flowgauge::witnesses::offload_flags_of_text;
use flowgauge_reports::observation::{OffloadFlags, RuleCounters};

use super::*;

/// The witnesses that are opened for a NIC.
fn nic_witnesses(testbed: &Testbed) -> Witnesses {
    Witnesses::of_nic(&testbed.client.netns, &testbed.dut.netns, &testbed.server.netns, &names(testbed))
}

#[test]
fn the_watching_chains_count_what_the_cpu_sees_and_veth_has_no_witness_of_hardware() {
    let testbed = testbed();
    let dut = &testbed.dut.netns;
    let mut witnesses = nic_witnesses(&testbed);
    let nothing = witnesses.observe();
    assert_eq!((nothing.cpu_ports, nothing.netdev_rules), (Reading::Absent, Reading::Absent));
    assert_eq!((nothing.cpu_hit, nothing.driver), (Reading::Absent, Reading::Absent));
    assert_eq!(nothing.standard, Reading::Absent);
    assert_eq!(nothing.flags, Reading::Seen(OffloadFlags::default()));

    nft::apply(dut, &text_on(Topology::NicRouter, Policy::Route, Datapath::Conntrack, Families::Both)).unwrap();
    let before = witnesses.observe();
    converse(&testbed, false, 5, 3);
    converse(&testbed, true, 2, 0);
    let after = witnesses.observe();
    let (ports, was) = (seen(&after.cpu_ports), seen(&before.cpu_ports));
    assert_eq!(since(ports.lan, was.lan), (7, 5 * 128 + 2 * 148));
    assert_eq!(since(ports.wan, was.wan), (3, 3 * 128));
    let (rules, rules_before) = (seen(&after.rules), seen(&before.rules));
    assert_eq!(since(rules.upstream, rules_before.upstream), (7, 5 * 128 + 2 * 148));
    assert_eq!(after.netdev_rules, Reading::Absent);
    // A testbed of veth is not asked.
    assert_eq!(self::witnesses(&testbed).observe().cpu_ports, Reading::Absent);
}

#[test]
fn netdev_chains_are_counted_apart_from_the_classic_path() {
    let testbed = testbed();
    let dut = &testbed.dut.netns;
    let text = text_on(Topology::NicRouter, Policy::Route, Datapath::Netdev, Families::Both);
    let mut witnesses = nic_witnesses(&testbed);
    // What `fwd` hands on keeps its MAC addresses, so that nothing would arrive: here the packets are let through.
    let passing = text.replace("fwd to \"wan0\"", "accept").replace("fwd to \"lan0\"", "accept");
    assert_eq!(passing.matches(" counter accept ").count(), 8, "{text}");
    nft::apply(dut, &passing).unwrap();
    converse(&testbed, false, 4, 1);
    converse(&testbed, true, 2, 0);
    let after = witnesses.observe();
    let (netdev, classic, cpu) = (seen(&after.netdev_rules), seen(&after.rules), seen(&after.cpu_ports));
    assert_eq!(netdev.upstream, Count { packets: 6, bytes: 4 * 128 + 2 * 148 });
    assert_eq!(netdev.downstream, Count { packets: 1, bytes: 128 });
    assert_eq!((classic.upstream, classic.downstream), (netdev.upstream, netdev.downstream));
    assert!(cpu.lan.packets >= 6 && cpu.wan.packets >= 1);

    let flags = seen(&after.flags).clone();
    let chains = [("lan".to_owned(), false), ("wan".to_owned(), false)].into();
    assert_eq!(flags, OffloadFlags { chains, ..OffloadFlags::default() });
    assert_eq!(flags, offload_flags_of_text(&nft::list_everything(dut).unwrap().text), "nft's own words");

    // Chains without rules pass nothing on, and that is a count.
    let empty: Vec<&str> = passing.lines().filter(|line| !line.contains("comment \"netdev")).collect();
    nft::apply(dut, &empty.join("\n")).unwrap();
    assert_eq!(witnesses.observe().netdev_rules, Reading::Seen(RuleCounters::default()));
}
