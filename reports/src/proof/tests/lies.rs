//! What a NIC or the kernel says of offload that does not fit, one thing at a time.

use flowgauge_scenarios::Datapath;

use super::super::*;
use super::hardware::{changed, driver, has, in_software};
use super::*;
use crate::observation::OffloadFlags;

/// A change on a datapath, the severity of what must be said, and a word of it.
type Lie = (Datapath, Severity, &'static str, fn(&mut Trial));

const LIES: [Lie; 13] = [
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
    (Datapath::Conntrack, Severity::Bad, "holds 7 rules of nobody", |t| {
        driver(&mut t.before).wan.counters.insert("rules".to_owned(), 7);
    }),
    // 64 connections explain 128, and some may have ended a moment ago.
    (Datapath::FlowtableHw, Severity::Bad, "holds 12 rules of nobody", |t| {
        driver(&mut t.before).lan.counters.insert("rules".to_owned(), 70);
        driver(&mut t.before).wan.counters.insert("rules".to_owned(), 70);
    }),
    (Datapath::Conntrack, Severity::Note, "puts none there", |t| {
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

/// Both ports' rules together before a trial.
fn in_the_table(rules: u64) -> impl FnOnce(&mut Trial) {
    move |t| {
        driver(&mut t.before).lan.counters.insert("rules".to_owned(), rules);
        driver(&mut t.before).wan.counters.insert("rules".to_owned(), 0);
    }
}

#[test]
fn rules_are_of_somebody_where_their_connections_are() {
    let nobodys = |datapath, rules| {
        let (verdict, proof) = changed(datapath, in_the_table(rules));
        let told = has(&proof, Severity::Bad, "rules of nobody");
        assert_eq!(told, matches!(verdict, Verdict::Bad { .. }), "{verdict:?}");
        told
    };
    for datapath in [Datapath::Forward, Datapath::Conntrack, Datapath::Flowtable, Datapath::Netdev] {
        assert!(!nobodys(datapath, 0) && nobodys(datapath, 1), "{}", datapath.name());
    }
    // 64 connections.
    assert!(!nobodys(Datapath::FlowtableHw, 128) && nobodys(Datapath::FlowtableHw, 150));
    let (_, trial) = super::one_of(super::hardware::NIC, Datapath::NetdevHw);
    let chains = trial.ruleset.matches("fwd to").count() as u64;
    assert!(chains >= 2 && !nobodys(Datapath::NetdevHw, chains), "rules of the chains");
    assert!(nobodys(Datapath::NetdevHw, chains + 1));
    // Without a count of connections, or of rules, nothing is said.
    let (_, proof) = changed(Datapath::FlowtableHw, |t| {
        in_the_table(150)(t);
        t.before.conntrack = Reading::Missing { why: "EPERM".to_owned() };
    });
    assert!(!has(&proof, Severity::Bad, "rules of nobody"));
    let (verdict, _) = changed(Datapath::Conntrack, |t| {
        for o in [&mut t.before, &mut t.after] {
            driver(o).lan.counters.remove("rules");
            driver(o).wan.counters.remove("rules");
        }
    });
    assert_eq!(verdict, Verdict::Good);
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
