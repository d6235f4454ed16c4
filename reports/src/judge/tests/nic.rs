//! Rows on a NIC.

use flowgauge_scenarios::{Datapath, Lane, Load, Topology};

use super::super::*;
use super::*;
use crate::event::Event;

fn on_a_nic(judgement: &Judgement, datapath: Datapath) -> &Row {
    judgement.rows.iter().find(|r| r.topology == Topology::NicRouter && r.datapath == datapath).unwrap()
}

#[test]
fn rows_on_the_reference_nic_are_marked_and_others_are_not() {
    let judgement = sample::result().judgement;
    for row in &judgement.rows {
        assert_eq!(row.simulated, row.topology.has_nic(), "{} on {}", row.name, row.datapath.name());
        assert_eq!(row.lookup.is_some(), row.datapath.lane() == Lane::Hardware);
    }
    let row = on_a_nic(&judgement, Datapath::FlowtableHw);
    assert_eq!(row.lookup.unwrap().median, 230.0);
    assert!(on_a_nic(&judgement, Datapath::Netdev).shortfall.as_ref().unwrap().contains("TTL"));
    assert!(warned(&judgement, "is simulated"));
    let mut result = sample::result();
    result.environment.as_mut().unwrap().nics.iter_mut().for_each(|nic| nic.simulated = false);
    assert!(again(&result).rows.iter().all(|r| !r.simulated) && !warned(&again(&result), "is simulated"));
}

#[test]
fn on_a_nic_the_cost_is_all_soft_interrupt_time_and_nothing_has_its_bound() {
    let judgement = sample::result().judgement;
    // 16,900 ns per frame, and no calibration of 2,900 ns is taken off.
    let conntrack = on_a_nic(&judgement, Datapath::Conntrack);
    assert!((conntrack.cost.unwrap().median / 16_900.0 - 1.0).abs() < 0.05, "{:?}", conntrack.cost);
    let hardware = on_a_nic(&judgement, Datapath::FlowtableHw);
    let (bound, frames) = (hardware.cost_bound.unwrap(), hardware.totals.as_ref().unwrap().received);
    assert!(hardware.cost.is_none() && bound.zero);
    assert_eq!(bound.below_ns, 5.0 * 10e6 / frames as f64, "five trials, 10 ms each");
    let mut result = sample::result();
    for trial in result.trials.iter_mut().filter(|t| t.datapath == Datapath::FlowtableHw) {
        trial.cpu_after.cpus[0].softirq_ns = 30_000_000;
    }
    let judgement = again(&result);
    let bound = on_a_nic(&judgement, Datapath::FlowtableHw).cost_bound.unwrap();
    assert!(!bound.zero && (bound.below_ns - 5.0 * 40e6 / frames as f64).abs() < 1e-6, "{bound:?}");
    assert!(warned(&judgement, "below what /proc/stat can tell"));
}

#[test]
fn a_lookup_that_missed_is_one_too() {
    let mut result = sample::result();
    for trial in result.trials.iter_mut().filter(|t| t.datapath == Datapath::FlowtableHw) {
        let crate::observation::Reading::Seen(driver) = &mut trial.after.driver else {
            panic!("the sample reads the driver")
        };
        // As many misses as lookups, each of 30 ns.
        let made = driver.lan.counters["lookup_hits"] + 2;
        *driver.lan.counters.get_mut("lookups").unwrap() += made;
        *driver.lan.counters.get_mut("lookup_ns").unwrap() += made * 30;
    }
    assert_eq!(on_a_nic(&again(&result), Datapath::FlowtableHw).lookup.unwrap().median, 130.0);
}

#[test]
fn a_cost_of_nothing_is_the_hardwares_alone() {
    let mut result = sample::result();
    for trial in &mut result.trials {
        trial.cpu_after.cpus.iter_mut().for_each(|cpu| cpu.softirq_ns = 0);
    }
    let judgement = again(&result);
    for row in &judgement.rows {
        let bound = row.cost_bound.unwrap();
        assert_eq!(bound.zero, row.datapath.lane() == Lane::Hardware, "{} on {}", row.name, row.datapath.name());
        assert!(bound.below_ns > 0.0);
    }
    let software = judgement.rows.iter().filter(|r| r.datapath.lane() != Lane::Hardware).count();
    assert!(warned(&judgement, &format!("in {software} of {} rows", judgement.rows.len())));
}

#[test]
fn the_time_to_offload_is_that_of_the_row() {
    let judgement = sample::result().judgement;
    let with: Vec<Datapath> = judgement.rows.iter().filter(|r| r.onset.is_some()).map(|r| r.datapath).collect();
    assert_eq!(with, [Datapath::FlowtableHw]);
    let onset = on_a_nic(&judgement, Datapath::FlowtableHw).onset.as_ref().unwrap();
    assert_eq!((onset.flows, onset.never), (128, 1));
}

#[test]
fn hardware_that_reorders_or_loses_at_a_fixed_load_is_told() {
    let changed = |datapath: Datapath| {
        let mut result = sample::result();
        result.plan.scenarios.iter_mut().for_each(|s| s.traffic.load = Load::Pps(2_000));
        for trial in result.trials.iter_mut().filter(|t| t.datapath == datapath) {
            let Offered::Frames(reports) = &mut trial.offered else { panic!("the sample sends frames") };
            (reports[0].reordered, reports[0].lost, reports[0].received) = (3, 2, reports[0].sent - 2);
        }
        again(&result)
    };
    let judgement = changed(Datapath::FlowtableHw);
    assert!(warned(&judgement, "15 frames arrived out of order") && warned(&judgement, "lost 10 of"));
    let judgement = changed(Datapath::Conntrack);
    assert!(!warned(&judgement, "out of order") && !warned(&judgement, " lost "));
}

#[test]
fn rules_that_the_driver_had_to_remove_are_told() {
    let mut result = sample::result();
    let last = result.trials.iter_mut().rfind(|t| t.datapath == Datapath::FlowtableHw).unwrap();
    let crate::observation::Reading::Seen(driver) = &mut last.after.driver else {
        panic!("the sample reads the driver")
    };
    driver.lan.counters.insert("rules_purged".to_owned(), 40);
    assert!(warned(&again(&result), "removed 40 rules by itself"));
    assert!(!warned(&again(&sample::result()), "by itself in this run"));
}

#[test]
fn the_fingerprints_of_two_topologies_are_one_environment() {
    let environment = sample::result().environment.unwrap();
    assert_eq!((environment.nics.len(), environment.topology.as_str()), (8, "router, nic-router"));
    let again: Vec<Event> = sample::events();
    let twice = again.iter().filter(|e| matches!(e, Event::Environment(_))).cloned();
    let doubled: Vec<Event> = again.iter().take(1).cloned().chain(twice).chain(again[1..].iter().cloned()).collect();
    assert_eq!(RunResult::from_events(doubled).unwrap().environment.unwrap(), environment);
}

#[test]
fn no_result_of_a_kernel_that_complains_is_good() {
    let mut events = sample::events();
    let sound = crate::RunResult::from_events(events.clone()).unwrap();
    let last = events.len() - 1;
    events.insert(last, Event::Complaint { text: "WARNING: net/x.c:1".to_owned() });
    let result = crate::RunResult::from_events(events).unwrap();
    assert_eq!(sound.complaints.len() + 1, result.complaints.len());
    assert!(sound.judgement.good() && !result.judgement.good(), "{:?}", result.judgement.verdict);
    assert!(result.judgement.verdict.why().unwrap().contains("net/x.c:1") && warned(&result.judgement, "net/x.c:1"));
}
