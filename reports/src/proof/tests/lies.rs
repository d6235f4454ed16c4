//! What a NIC or the kernel says of offload that does not fit, one thing at a time.

use flowgauge_scenarios::Datapath;

use super::super::*;
use super::hardware::{changed, driver, has, in_software};
use super::*;
use crate::observation::OffloadFlags;

/// A change on a datapath, the severity of what must be said, and a word of it.
type Lie = (Datapath, Severity, &'static str, fn(&mut Trial));

const LIES: [Lie; 11] = [
    (Datapath::FlowtableHw, Severity::Bad, "lacks `flags offload`", |t| {
        seen(&mut t.after.flags).flowtable = Some(false);
    }),
    (Datapath::NetdevHw, Severity::Bad, "lacks `flags offload`", |t| {
        seen(&mut t.after.flags).chains.insert("wan".to_owned(), false);
    }),
    (Datapath::Flowtable, Severity::Bad, "although software should forward", |t| {
        t.after.flags = Reading::Seen(OffloadFlags { flowtable: Some(true), ..OffloadFlags::default() });
    }),
    (Datapath::FlowtableHw, Severity::Bad, "none of 64 flows is marked HW_OFFLOAD", |t| {
        for o in [&mut t.before, &mut t.after] {
            conntrack(o).hw_offload = 0;
        }
    }),
    (Datapath::NetdevHw, Severity::Bad, "the hardware counts L2 bytes", |t| {
        let rules = &mut seen(&mut t.after.netdev_rules).upstream;
        rules.bytes += 14 * rules.packets;
    }),
    (Datapath::FlowtableHw, Severity::Bad, "the hardware counts L2 bytes", |t| {
        let late = &mut conntrack(&mut t.after).original;
        (late.packets, late.bytes) = (late.packets + 9_000, late.bytes + 9_000 * (46 + 14));
    }),
    (Datapath::NetdevHw, Severity::Bad, "the testers sent only", |t| {
        seen(&mut t.after.netdev_rules).upstream.packets += 50_000;
    }),
    (Datapath::FlowtableHw, Severity::Note, "flows do not age, or deleted rules stay", |t| {
        driver(&mut t.after).lan.counters.insert("rules".to_owned(), 4_000);
    }),
    (Datapath::Conntrack, Severity::Note, "an earlier ruleset left them behind", |t| {
        driver(&mut t.after).lan.counters.insert("rules".to_owned(), 7);
    }),
    (Datapath::FlowtableHw, Severity::Note, "the NIC refused 9 rules", |t| {
        driver(&mut t.before).lan.counters.insert("rules_refused".to_owned(), 0);
        driver(&mut t.after).lan.counters.insert("rules_refused".to_owned(), 9);
    }),
    (Datapath::FlowtableHw, Severity::Note, "it lost 50", |t| {
        *driver(&mut t.after).lan.counters.get_mut("hw_rx_packets").unwrap() += 500;
        ports(&mut t.after).client.tx_packets += 500;
        ports(&mut t.after).lan.rx_packets += 500;
    }),
];

#[test]
fn each_lie_is_told() {
    for (datapath, severity, word, change) in LIES {
        let (verdict, proof) = changed(datapath, change);
        assert!(has(&proof, severity, word), "{word}: {:?}", proof.findings);
        assert!(severity == Severity::Note || matches!(verdict, Verdict::Bad { .. }), "{word}: {verdict:?}");
    }
}

#[test]
fn a_netdev_counter_that_also_counts_what_the_cpu_sees_is_known() {
    let (_, proof) = changed(Datapath::NetdevHw, |t| {
        let all = driver(&mut t.after).wan.counters["hw_tx_packets"];
        in_software(t, all);
        let rules = &mut seen(&mut t.after.netdev_rules).upstream;
        (rules.packets, rules.bytes) = (2 * rules.packets, 2 * rules.bytes);
    });
    assert!(has(&proof, Severity::Note, "it counts twice (known") && !has(&proof, Severity::Bad, "counted"));
}

#[test]
fn statistics_of_an_unknown_driver_are_named_and_no_witness() {
    let (verdict, proof) = changed(Datapath::FlowtableHw, |t| {
        for o in [&mut t.before, &mut t.after] {
            driver(o).lan.driver = "newnic".to_owned();
            driver(o).wan.driver = "newnic".to_owned();
        }
    });
    assert_eq!((verdict, proof.agreeing), (Verdict::Good, 4));
    assert!(has(&proof, Severity::Note, "hw_rx_packets of port lan by"), "{:?}", proof.findings);
}
