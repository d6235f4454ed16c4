//! The lane of hardware: who is believed, and what each lie of a NIC comes to.

use flowgauge_scenarios::{Datapath, Direction};
use proptest::prelude::*;

use super::super::*;
use super::*;
use crate::observation::DriverStatistics;
use crate::trial::Offered;

/// The sample's scenario on a NIC.
pub(super) const NIC: usize = 3;

/// The row of a trial on the NIC after `change`.
pub(super) fn changed(datapath: Datapath, change: impl FnOnce(&mut Trial)) -> (Verdict, Proof) {
    let (plan, mut trial) = one_of(NIC, datapath);
    let cell = trial.cell;
    change(&mut trial);
    let row = judged(&plan, trial).rows.swap_remove(cell);
    (row.verdict, row.proof)
}

pub(super) fn driver(o: &mut Observation) -> &mut DriverStatistics {
    seen(&mut o.driver)
}

pub(super) fn hardware_counters(o: &mut Observation, packets: u64) {
    driver(o).lan.counters.insert("hw_rx_packets".to_owned(), packets);
    driver(o).wan.counters.insert("hw_tx_packets".to_owned(), packets);
}

/// Moves packets out of the hardware into the software fast path, as every witness sees it.
pub(super) fn in_software(t: &mut Trial, packets: u64) {
    seen(&mut t.after.cpu_ports).lan.packets += packets;
    seen(&mut t.after.cpu_hit).lan.rx_packets += packets;
    let hardware = driver(&mut t.after).wan.counters["hw_tx_packets"];
    hardware_counters(&mut t.after, hardware - packets);
}

fn out(t: &mut Trial) -> u64 {
    ports(&mut t.after).wan.tx_packets - ports(&mut t.before).wan.tx_packets
}

pub(super) fn has(proof: &Proof, severity: Severity, word: &str) -> bool {
    proof.findings.iter().any(|f| f.severity == severity && f.text.contains(word))
}

#[test]
fn an_untouched_trial_takes_the_lane_of_its_datapath() {
    for datapath in Datapath::ALL {
        let (verdict, proof) = changed(datapath, |_| {});
        let path = Path::from(datapath.lane());
        assert_eq!((verdict, &proof.path, proof.agreeing), (Verdict::Good, &path, 5), "{}", datapath.name());
        assert_eq!(proof.findings, [], "{}", datapath.name());
        let shares = proof.shares().unwrap();
        assert!(shares.of(datapath.lane()) > 0.99 && (proof.bypass.unwrap() >= proof.hardware.unwrap() - 1e-9));
    }
}

#[test]
fn flows_that_the_nic_refused_are_seen_on_the_fast_path() {
    let (verdict, proof) = changed(Datapath::FlowtableHw, |t| {
        let all = driver(&mut t.after).wan.counters["hw_tx_packets"];
        in_software(t, all);
        for o in [&mut t.before, &mut t.after] {
            conntrack(o).hw_offload = 0;
        }
    });
    assert_eq!((proof.path.clone(), proof.hardware), (Path::Fast, Some(0.0)));
    assert!(proof.bypass.unwrap() > 0.99 && proof.findings.is_empty(), "{:?}", proof.findings);
    assert!(
        why(&verdict).contains("0\u{a0}% of the packets did (99.9") && why(&verdict).contains("fast"),
        "{verdict:?}"
    );
}

#[test]
fn one_refused_direction_is_half_and_named() {
    let (verdict, proof) = changed(Datapath::FlowtableHw, |t| {
        let packets = out(t);
        let Offered::Frames(reports) = &mut t.offered else { panic!("the sample sends frames") };
        let back = crate::offered::DirectionReport { direction: Direction::Downstream, ..reports[0].clone() };
        reports.push(back);
        let after = ports(&mut t.after);
        for port in [&mut after.server.tx_packets, &mut after.lan.tx_packets] {
            *port += packets;
        }
        for port in [&mut after.wan.rx_packets, &mut after.client.rx_packets] {
            *port += packets;
        }
        // Downstream goes by software.
        seen(&mut t.after.cpu_ports).wan.packets += packets;
        seen(&mut t.after.cpu_hit).wan.rx_packets += packets;
    });
    assert_eq!(proof.path, Path::Mixed);
    assert!((proof.hardware.unwrap() - 0.5).abs() < 0.001, "{:?}", proof.hardware);
    let text = why(&verdict).replace('\u{a0}', " ");
    assert!(text.contains("only 50.0 % did") && text.contains("downstream packets 100 % took the software"), "{text}");
    assert!(has(&proof, Severity::Note, "one direction is enough for the mark"), "{:?}", proof.findings);
}

#[test]
fn counters_that_stand_still_or_count_twice_are_contradicted_by_the_testers() {
    for (factor, word) in [(0, "counted 2 received"), (2, "contradict")] {
        let (verdict, proof) = changed(Datapath::FlowtableHw, |t| {
            let (all, packets) = (driver(&mut t.after).wan.counters["hw_tx_packets"], out(t));
            let counted = packets - all + factor * all;
            let (before, after) = (*ports(&mut t.before), ports(&mut t.after));
            after.lan.rx_packets = before.lan.rx_packets + counted;
            after.wan.tx_packets = before.wan.tx_packets + counted;
            hardware_counters(&mut t.after, factor * all);
        });
        assert!(matches!(proof.path, Path::Disagree { .. }), "{factor}: {proof:?}");
        assert!(matches!(verdict, Verdict::Bad { .. }) && why(&verdict).contains(word), "{factor}: {verdict:?}");
    }
}

/// A trial in hardware whose ports and driver count each packet of the hardware twice.
fn doubled(t: &mut Trial) {
    let (all, packets) = (driver(&mut t.after).wan.counters["hw_tx_packets"], out(t));
    let (before, after) = (*ports(&mut t.before), ports(&mut t.after));
    after.lan.rx_packets = before.lan.rx_packets + packets + all;
    after.wan.tx_packets = before.wan.tx_packets + packets + all;
    hardware_counters(&mut t.after, 2 * all);
}

#[test]
fn links_with_gro_or_gso_do_not_hide_that_raw_frames_were_counted_twice() {
    for (gro, gso) in [(true, false), (false, true), (true, true)] {
        let (mut plan, mut trial) = one_of(NIC, Datapath::FlowtableHw);
        plan.scenarios.iter_mut().for_each(|s| (s.links.gro, s.links.gso) = (gro, gso));
        let row = |trial: Trial| judged(&plan, trial.clone()).rows.swap_remove(trial.cell);
        assert_eq!(row(trial.clone()).verdict, Verdict::Good);
        doubled(&mut trial);
        let told = row(trial.clone());
        assert!(matches!(told.proof.path, Path::Disagree { .. }), "{:?}", told.proof);
        assert!(why(&told.verdict).contains("contradict the testers'"), "{:?}", told.verdict);
        // Bulk TCP has packets above the MTU, of which a port may count fewer than leave it.
        trial.offered = Offered::Bulk(crate::offered::BulkReport {
            version: "3.12".to_owned(),
            direction: Direction::Upstream,
            streams: 1,
            seconds: 1.0,
            sides: Vec::new(),
            client_cpu_percent: 0.0,
            server_cpu_percent: 0.0,
        });
        assert!(!why(&row(trial).verdict).contains("contradict the testers'"));
    }
}

/// What a witness counted.
fn counted(proof: &Proof, kind: WitnessKind) -> Option<u64> {
    proof.witnesses.iter().find(|w| w.kind == kind).and_then(|w| w.packets)
}

/// `packets` of the hardware's that reached no tester.
fn lose(t: &mut Trial, packets: u64) {
    ports(&mut t.after).wan.tx_packets -= packets;
    ports(&mut t.after).server.rx_packets -= packets;
    let Offered::Frames(reports) = &mut t.offered else { panic!("the sample sends frames") };
    (reports[0].received, reports[0].lost) = (reports[0].received - packets, packets);
}

#[test]
fn frames_that_vanished_are_not_those_of_the_hardware() {
    let (verdict, proof) = changed(Datapath::FlowtableHw, |t| {
        // The NIC swallows half, and the CPU forwards the rest.
        let half = driver(&mut t.after).wan.counters["hw_tx_packets"] / 2;
        let rest = out(t) - half;
        lose(t, half);
        let (before, after) = (*seen(&mut t.before.cpu_hit), seen(&mut t.after.cpu_hit));
        after.lan.rx_packets = before.lan.rx_packets + rest;
        after.wan.tx_packets = before.wan.tx_packets + rest;
        t.after.driver = Reading::Absent;
    });
    assert_eq!(counted(&proof, WitnessKind::CpuHit), Some(0));
    assert!(matches!(verdict, Verdict::Bad { .. }), "{verdict:?}");
}

#[test]
fn frames_dropped_for_want_of_room_are_among_the_hits_of_the_cpu() {
    let mut hardware = 0;
    let (verdict, proof) = changed(Datapath::FlowtableHw, |t| {
        let all = driver(&mut t.after).wan.counters["hw_tx_packets"];
        let dropped = all / 10;
        hardware = all - dropped;
        lose(t, dropped);
        hardware_counters(&mut t.after, hardware);
        seen(&mut t.after.cpu_hit).lan.rx_packets += dropped;
        ports(&mut t.after).lan.rx_dropped += dropped;
    });
    for kind in [WitnessKind::CpuPorts, WitnessKind::CpuHit, WitnessKind::Driver] {
        assert_eq!(counted(&proof, kind), Some(hardware), "{kind:?}");
    }
    assert_eq!(verdict, Verdict::Good);
}

#[test]
fn hardware_that_counts_more_than_left_its_port_is_bad() {
    let more = |by: u64| {
        changed(Datapath::FlowtableHw, |t| {
            let all = driver(&mut t.after).wan.counters["hw_tx_packets"];
            driver(&mut t.after).wan.counters.insert("hw_tx_packets".to_owned(), all + by);
        })
    };
    assert_eq!(more(4).0, Verdict::Good, "a stray");
    let (verdict, proof) = more(50_000);
    assert!(has(&proof, Severity::Bad, "only") && why(&verdict).contains("left port wan"), "{verdict:?}");
}

#[test]
fn hardware_witnesses_that_contradict_each_other_say_who_says_what() {
    let (verdict, proof) = changed(Datapath::NetdevHw, |t| hardware_counters(&mut t.after, 0));
    assert!(matches!(proof.path, Path::Disagree { .. }), "{proof:?}");
    let text = why(&verdict).replace('\u{a0}', " ");
    assert!(text.contains("hardware counters of the driver say that 0 % went through the hardware"), "{text}");
    assert_eq!(proof.agreeing, 4);
}

#[test]
fn packets_that_went_both_ways_at_once_are_a_contradiction() {
    let (verdict, proof) = changed(Datapath::FlowtableHw, |t| {
        let packets = out(t);
        forwarding(&mut t.after).ipv4 += packets;
        rules(&mut t.after).upstream.packets += packets;
    });
    assert!(matches!(proof.path, Path::Disagree { .. }) && why(&verdict).contains("yet"), "{verdict:?}");
}

#[test]
fn one_witness_of_the_hardware_is_no_proof_but_where_nothing_bypassed_the_stack() {
    let alone = |datapath| {
        changed(datapath, |t| {
            t.after.cpu_hit = Reading::Missing { why: "EOPNOTSUPP".to_owned() };
            t.after.driver = Reading::Absent;
        })
    };
    for datapath in [Datapath::FlowtableHw, Datapath::NetdevHw, Datapath::Flowtable, Datapath::Netdev] {
        let (verdict, _) = alone(datapath);
        assert!(matches!(verdict, Verdict::Unproven { .. }) && why(&verdict).contains("EOPNOTSUPP"), "{verdict:?}");
    }
    assert_eq!(alone(Datapath::Conntrack).0, Verdict::Good);
}

#[test]
fn a_software_flowtable_whose_packets_the_hardware_took_is_bad() {
    let (verdict, proof) = changed(Datapath::Flowtable, |t| {
        let packets = out(t);
        seen(&mut t.after.cpu_ports).lan.packets -= packets;
        let hit = seen(&mut t.after.cpu_hit);
        hit.lan.rx_packets -= packets;
        hit.wan.tx_packets -= packets;
        hardware_counters(&mut t.after, packets);
    });
    assert_eq!(proof.path, Path::Hardware);
    assert!(why(&verdict).contains("should take the software fast path"), "{verdict:?}");
}

proptest! {
    /// Hardware is good only where its witnesses agree that more than 99 % went by it.
    #[test]
    fn good_means_hardware_and_agreed(strays in prop::array::uniform3(0_u64..=1_500)) {
        let mut packets = 0;
        let (verdict, proof) = changed(Datapath::FlowtableHw, |t| {
            packets = out(t);
            seen(&mut t.after.cpu_ports).lan.packets += strays[0];
            seen(&mut t.after.cpu_hit).lan.rx_packets += strays[1];
            let all = driver(&mut t.after).wan.counters["hw_tx_packets"];
            hardware_counters(&mut t.after, all - strays[2]);
        });
        // Two packets of the sample are on the classic path.
        let shares = strays.map(|s| (packets - 2 - s) as f64 / packets as f64);
        let mean = shares.iter().sum::<f64>() / 3.0;
        prop_assume!((mean - 0.99).abs() > 1e-4);
        let agree = shares.iter().all(|s| (s - shares[0]).abs() <= agreement_tolerance(packets));
        prop_assert_eq!(matches!(proof.path, Path::Disagree { .. }), !agree);
        prop_assert_eq!(verdict == Verdict::Good, agree && mean > 0.99, "{:?} {:?}", verdict, proof);
        if let Some(s) = proof.shares() {
            prop_assert!((s.classic + s.fast + s.hardware - 1.0).abs() < 1e-9);
        }
    }
}
