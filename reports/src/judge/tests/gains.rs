//! Which rows have a gain, and what is said where the baseline cannot carry one.

use super::*;
use crate::judge::Row;

/// The row of the first scenario on a datapath.
fn first(judgement: &Judgement, datapath: Datapath) -> &Row {
    judgement.rows_of(0).find(|row| row.datapath == datapath).unwrap()
}

/// The sample with the baseline's trials of the first scenario changed, or left out where `change` says no.
fn with_baseline(change: impl Fn(&mut crate::trial::Trial, u32) -> bool) -> Judgement {
    let mut result = sample::result();
    let RunResult { plan, trials, .. } = &mut result;
    trials.retain_mut(|trial| {
        let step = plan.steps[trial.step];
        let cell = plan.cells[step.cell];
        (cell.scenario, cell.datapath) != (0, Datapath::BASELINE) || change(trial, step.block)
    });
    again(&result)
}

fn gains(judgement: &Judgement, scenario: usize) -> Vec<bool> {
    let rows = judgement.rows_of(scenario).filter(|row| row.datapath != Datapath::BASELINE);
    rows.map(|row| row.gain.is_some()).collect()
}

fn said(judgement: &Judgement) -> Vec<&str> {
    let of_gains = |text: &&str| text.contains("no gain over") || text.contains("gains are over");
    judgement.warnings.iter().map(|warning| warning.text.as_str()).filter(of_gains).collect()
}

#[test]
fn a_sound_baseline_carries_every_gain_and_nothing_is_said() {
    let judgement = with_baseline(|_, _| true);
    assert!((0..judgement.rows.len()).all(|scenario| gains(&judgement, scenario).iter().all(|&has| has)));
    assert!(said(&judgement).is_empty(), "{:?}", said(&judgement));
}

#[test]
fn a_bad_baseline_carries_none_and_its_fault_is_named_once() {
    let judgement = with_baseline(|trial, _| {
        let Offered::Frames(reports) = &mut trial.offered else { return true };
        reports.iter_mut().for_each(|report| report.corrupted = 3);
        true
    });
    assert!(matches!(first(&judgement, Datapath::BASELINE).verdict, Verdict::Bad { .. }));
    assert_eq!(first(&judgement, Datapath::Flowtable).verdict, Verdict::Good);
    assert!(gains(&judgement, 0).iter().all(|&has| !has) && gains(&judgement, 1).iter().all(|&has| has));
    let [only] = said(&judgement)[..] else { panic!("{:?}", said(&judgement)) };
    assert!(only.starts_with("udp-ipv4: no gain over conntrack: its own verdict is bad (30 frames"), "{only}");
}

#[test]
fn an_unproven_baseline_carries_a_gain_that_says_so() {
    let judgement = with_baseline(|trial, _| {
        (trial.before, trial.after) = Default::default();
        true
    });
    assert!(matches!(first(&judgement, Datapath::BASELINE).verdict, Verdict::Unproven { .. }));
    assert!(gains(&judgement, 0).iter().all(|&has| has));
    let [only] = said(&judgement)[..] else { panic!("{:?}", said(&judgement)) };
    assert!(only.starts_with("udp-ipv4: gains are over a conntrack that is unproven: "), "{only}");
}

#[test]
fn only_blocks_that_have_the_baseline_too_count_and_without_one_there_is_no_gain() {
    let judgement = with_baseline(|_, block| block < 3);
    let row = first(&judgement, Datapath::Flowtable);
    assert_eq!((row.trials, row.gain.unwrap().throughput.unwrap().n), (10, 3));

    let judgement = with_baseline(|_, _| false);
    assert!(gains(&judgement, 0).iter().all(|&has| !has));
    let [only] = said(&judgement)[..] else { panic!("{:?}", said(&judgement)) };
    assert!(only.contains("udp-ipv4: no gain over conntrack: it has no figure in a block"), "{only}");

    // The plan may leave it out on purpose, which is no fault.
    let mut result = sample::result();
    for scenario in &mut result.plan.scenarios {
        scenario.datapaths.retain(|&datapath| datapath != Datapath::BASELINE);
    }
    result.plan = flowgauge_scenarios::Plan::new(result.plan.scenarios, 7);
    let without = judge(&result.plan, &[], &[], &[], None);
    assert!(without.rows.iter().all(|row| row.gain.is_none()) && said(&without).is_empty());
}

#[test]
fn a_shard_pairs_with_the_baseline_of_its_own_blocks_and_topology() {
    let whole = sample::result();
    for index in 1..=7 {
        let plan = whole.plan.shard(index, 7).unwrap();
        let own: Vec<usize> = plan.own_steps().into_iter().map(|(step, _)| step).collect();
        let mut part = RunResult { plan, ..whole.clone() };
        part.trials.retain(|trial| own.contains(&trial.step));
        let judgement = again(&part);
        assert!(said(&judgement).is_empty(), "{:?}", said(&judgement));
        for row in judgement.rows.iter().filter(|row| row.datapath != Datapath::BASELINE) {
            let baseline = judgement.rows_of(row.scenario).find(|other| other.datapath == Datapath::BASELINE).unwrap();
            assert_eq!((baseline.topology, baseline.trials), (row.topology, row.trials));
            let gain = row.gain.unwrap();
            let n = gain.throughput.or(gain.net).map(|ratio| ratio.n);
            assert_eq!(n, Some(row.trials), "{} on {}", row.name, row.datapath.name());
        }
    }
}
