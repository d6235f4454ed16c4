//! The lanes of software: classic and fast.

use flowgauge_scenarios::{Datapath, Direction};
use proptest::prelude::*;

use super::super::*;
use super::*;
use crate::trial::Offered;

#[test]
fn an_untouched_trial_is_good_on_every_datapath() {
    for (datapath, path) in
        [(Datapath::Forward, Path::Classic), (Datapath::Conntrack, Path::Classic), (Datapath::Flowtable, Path::Fast)]
    {
        let (verdict, proof) = changed(datapath, |_| {});
        assert_eq!((verdict, &proof.path, proof.agreeing), (Verdict::Good, &path, 2), "{}", datapath.name());
        assert_eq!(proof.findings, []);
    }
}

#[test]
fn marked_flows_whose_packets_took_the_classic_path_are_bad() {
    let (verdict, proof) = changed(Datapath::Flowtable, |t| {
        let out = ports(&mut t.after).wan.tx_packets - ports(&mut t.before).wan.tx_packets;
        forwarding(&mut t.after).ipv4 = forwarding(&mut t.before).ipv4 + out;
        rules(&mut t.after).upstream.packets = rules(&mut t.before).upstream.packets + out;
    });
    assert_eq!(proof.path, Path::Classic);
    assert!(matches!(verdict, Verdict::Bad { .. }));
    let text = "64 of 64 flows are marked OFFLOAD, yet 100\u{a0}% of the packets took the classic path";
    assert!(proof.findings.iter().any(|f| f.text == text), "{:?}", proof.findings);
}

#[test]
fn witnesses_that_contradict_each_other_are_a_finding() {
    let (verdict, proof) = changed(Datapath::Flowtable, |t| forwarding(&mut t.after).ipv4 += 50_000);
    assert!(matches!(proof.path, Path::Disagree { .. }), "{:?}", proof.path);
    assert!(matches!(&verdict, Verdict::Bad { .. }) && why(&verdict).contains("disagree"), "{verdict:?}");
    assert_eq!(proof.agreeing, 1);
}

#[test]
fn one_witness_is_no_proof() {
    let silent = || "permission denied".to_owned();
    let (verdict, _) = changed(Datapath::Flowtable, |t| t.after.ip_forwarding = Reading::Missing { why: silent() });
    assert!(matches!(&verdict, Verdict::Unproven { .. }) && why(&verdict).contains("permission denied"), "{verdict:?}");
    let (verdict, _) = changed(Datapath::Conntrack, |t| t.before.rules = Reading::Absent);
    assert!(matches!(verdict, Verdict::Unproven { .. }), "{verdict:?}");
    let (verdict, _) = changed(Datapath::Forward, |t| t.after.conntrack = Reading::Missing { why: silent() });
    assert!(matches!(verdict, Verdict::Unproven { .. }), "{verdict:?}");
    let (verdict, _) = changed(Datapath::Conntrack, |t| t.after.ports = Reading::Missing { why: silent() });
    assert!(matches!(verdict, Verdict::Unproven { .. }), "{verdict:?}");
}

#[test]
fn an_offload_entry_on_plain_forwarding_is_a_contradiction() {
    let (verdict, proof) = changed(Datapath::Forward, |t| {
        *conntrack(&mut t.after) = Conntrack { entries: 4, offload: 4, ..Conntrack::default() };
    });
    assert!(matches!(proof.path, Path::Disagree { .. }), "{:?}", proof.path);
    assert!(matches!(verdict, Verdict::Bad { .. }));
}

#[test]
fn a_fast_path_without_marks_is_bad() {
    let (verdict, _) = changed(Datapath::Flowtable, |t| {
        conntrack(&mut t.before).offload = 0;
        conntrack(&mut t.after).offload = 0;
    });
    assert!(matches!(&verdict, Verdict::Bad { .. }) && why(&verdict).contains("none of 64 flows"), "{verdict:?}");
}

#[test]
fn half_of_the_packets_on_the_classic_path_are_not_offloaded() {
    let (verdict, proof) = changed(Datapath::Flowtable, |t| {
        let out = ports(&mut t.after).wan.tx_packets - ports(&mut t.before).wan.tx_packets;
        forwarding(&mut t.after).ipv4 += out / 2;
        rules(&mut t.after).upstream.packets += out / 2;
    });
    assert_eq!(proof.path, Path::Mixed);
    assert!(matches!(&verdict, Verdict::Bad { .. }) && why(&verdict).contains("fast path"), "{verdict:?}");
}

#[test]
fn one_direction_on_the_classic_path_is_a_mix() {
    // The answer is one packet in 150: the whole is above 99 %, the direction is not.
    let (verdict, proof) = changed(Datapath::Flowtable, |t| {
        let sent = 700;
        let Offered::Frames(reports) = &mut t.offered else { panic!("the sample sends frames") };
        let (upstream, classic) = (reports[0].clone(), sent);
        reports.push(crate::offered::DirectionReport {
            direction: Direction::Downstream,
            sent,
            received: sent,
            latency: None,
            ..upstream
        });
        let after = ports(&mut t.after);
        after.server.tx_packets += sent;
        after.wan.rx_packets += sent;
        after.lan.tx_packets += sent;
        after.client.rx_packets += sent;
        rules(&mut t.after).downstream.packets += classic;
        forwarding(&mut t.after).ipv4 += classic;
        conntrack(&mut t.after).reply.packets += sent;
    });
    assert_eq!(proof.path, Path::Mixed);
    assert!(matches!(verdict, Verdict::Bad { .. }), "{verdict:?}");
    assert!(why(&verdict).contains("of the 700 downstream packets 100\u{a0}% took the classic path"), "{verdict:?}");
}

#[test]
fn one_direction_of_one_trial_is_told_with_its_block() {
    let result = sample::result();
    let (plan, mut trials) = (result.plan, result.trials);
    let cell = trials.iter().find(|t| t.datapath == Datapath::Flowtable).unwrap().cell;
    trials.retain(|t| t.cell == cell);
    let strayed = trials.iter_mut().find(|t| t.block == 4).unwrap();
    rules(&mut strayed.after).upstream.packets += 5_000;
    forwarding(&mut strayed.after).ipv4 += 5_000;
    let row = judge(&plan, &trials, &[], &[], Some(&sample::environment())).rows.swap_remove(cell);
    // The whole of all ten trials is above 99 %: only the trial itself can say why.
    assert!(row.proof.bypass.unwrap() > 0.99 && row.proof.path == Path::Mixed);
    assert!(why(&row.verdict).contains("in block 4 95."), "{:?}", row.verdict);
}

/// An iperf3 trial on the flowtable that sends back 3,000 packets, `classic` of them on the classic path.
fn bulk(classic: u64) -> (Verdict, Proof) {
    let (mut plan, mut trial) = one(Datapath::Flowtable);
    plan.scenarios[0].engine = flowgauge_scenarios::Engine::Iperf3;
    trial.opening = None;
    trial.offered = Offered::Bulk(crate::offered::BulkReport {
        version: "iperf 3.12".to_owned(),
        direction: Direction::Upstream,
        streams: 4,
        seconds: 1.0,
        sides: Vec::new(),
        client_cpu_percent: 1.0,
        server_cpu_percent: 1.0,
    });
    let after = ports(&mut trial.after);
    after.server.tx_packets += 3_000;
    after.wan.rx_packets += 3_000;
    after.lan.tx_packets += 3_000;
    after.client.rx_packets += 3_000;
    rules(&mut trial.after).downstream.packets += classic;
    forwarding(&mut trial.after).ipv4 += classic;
    conntrack(&mut trial.after).reply.packets += 3_000;
    let cell = trial.cell;
    let row = judged(&plan, trial).rows.swap_remove(cell);
    (row.verdict, row.proof)
}

#[test]
fn connections_that_open_within_an_iperf3_trial_are_allowed_for() {
    assert_eq!(bulk(64 + 60).0, Verdict::Good);
    let (verdict, proof) = bulk(64 + 61);
    assert_eq!(proof.path, Path::Mixed);
    assert!(why(&verdict).contains("of the 3000 downstream packets"), "{verdict:?}");
}

#[test]
fn a_few_packets_are_no_proof() {
    let forwarded = |packets: u64| {
        changed(Datapath::Flowtable, |t| {
            let Offered::Frames(reports) = &mut t.offered else { panic!("the sample sends frames") };
            (reports[0].sent, reports[0].received) = (packets, packets);
            t.after.clone_from(&t.before);
            let after = ports(&mut t.after);
            after.client.tx_packets += packets;
            after.lan.rx_packets += packets;
            after.wan.tx_packets += packets;
            after.server.rx_packets += packets;
            conntrack(&mut t.after).original.packets += packets;
        })
    };
    let (verdict, _) = forwarded(99);
    assert!(matches!(verdict, Verdict::Unproven { .. }), "{verdict:?}");
    assert!(why(&verdict).contains("only 99 packets were forwarded, a proof needs 100"), "{verdict:?}");
    assert_eq!(forwarded(100).0, Verdict::Good);
}

#[test]
fn nothing_forwarded_proves_nothing() {
    let (verdict, proof) = changed(Datapath::Flowtable, |t| t.after.ports = t.before.ports.clone());
    assert_eq!(proof.path, Path::Unproven { why: "nothing was forwarded (block 0)".to_owned() });
    assert!(matches!(verdict, Verdict::Bad { .. }), "{verdict:?}");
}

proptest! {
    /// The path follows from the packets alone, whatever conntrack claims; only agreeing packets on the fast path
    /// with marks are good.
    #[test]
    fn good_means_fast_marked_and_agreed(a in 0_u64..=100_000, b in 0_u64..=100_000, marked in 0_u64..=64) {
        let (verdict, proof) = changed(Datapath::Flowtable, |t| {
            forwarding(&mut t.after).ipv4 = forwarding(&mut t.before).ipv4 + a;
            rules(&mut t.after).upstream.packets = rules(&mut t.before).upstream.packets + b;
            conntrack(&mut t.before).offload = marked;
            conntrack(&mut t.after).offload = marked;
        });
        let out = proof.out;
        let share = |classic: u64| (out - classic.min(out)) as f64 / out as f64;
        let agree = (share(a) - share(b)).abs() <= agreement_tolerance(out);
        prop_assert_eq!(matches!(proof.path, Path::Disagree { .. }), !agree);
        let fast = agree && (share(a) + share(b)) / 2.0 > 0.99 && share(b) > 0.99;
        prop_assert_eq!(verdict == Verdict::Good, fast && marked > 0, "{:?} {:?}", verdict, proof);
    }
}

#[test]
fn what_was_handed_over_must_leave_the_dut() {
    let counted = |more: u64| {
        changed(Datapath::Forward, |t| {
            let Offered::Frames(reports) = &t.offered else { panic!("the sample sends frames") };
            let sent = reports[0].sent;
            let report = crate::offered::CountedReport {
                direction: reports[0].direction,
                sent: sent + more,
                sent_bytes_l2: reports[0].sent_bytes_l2,
                errors: 0,
                elapsed_ns: 1_000_000,
                others_ns: 0,
                slices: Vec::new(),
            };
            t.offered = Offered::Counted(vec![report]);
        })
    };
    assert_eq!(counted(0).0, Verdict::Good);
    let (verdict, _) = counted(100_000);
    assert!(verdict.why().is_some_and(|why| why.contains("were handed to the DUT")), "{verdict:?}");
}
