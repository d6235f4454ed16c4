//! The judgement of the sample, and of the sample with one thing changed.

use flowgauge_scenarios::{Control, Datapath, Load};

mod bulk;
mod gains;
mod nic;

use super::*;
use crate::RunResult;
use crate::offered::DirectionReport;
use crate::sample;
use crate::trial::Offered;

fn again(result: &RunResult) -> Judgement {
    judge(&result.plan, &result.trials, &result.calibrations, &result.onsets, result.environment.as_ref())
}

fn each_report(result: &mut RunResult, change: impl Fn(&mut DirectionReport)) {
    for trial in &mut result.trials {
        if let Offered::Frames(reports) = &mut trial.offered {
            reports.iter_mut().for_each(&change);
        }
    }
}

fn warned(judgement: &Judgement, word: &str) -> bool {
    judgement.warnings.iter().any(|w| w.text.contains(word) && !w.remedy.is_empty())
}

#[test]
fn the_sample_is_good_and_its_numbers_are_those_it_was_made_from() {
    let judgement = sample::result().judgement;
    assert!(judgement.good() && judgement.exit_code() == 0, "{:?}", judgement.verdict);
    assert_eq!((judgement.rows.len(), judgement.holes.len()), (15, 1));
    let row = judgement.rows.iter().find(|r| r.name == "udp-ipv4" && r.datapath == Datapath::Flowtable).unwrap();
    assert_eq!((row.trials, row.planned, row.proof.out > 0), (10, 10, true));
    let throughput = row.throughput.unwrap();
    assert!((throughput.median / 117_300.0 - 1.0).abs() < 0.03, "{throughput:?}");
    let bits = row.l2_bps.unwrap().median / throughput.median;
    assert!((bits - 128.0 * 8.0).abs() < 1.0, "{bits}");
    // 7,300 ns of soft interrupt per frame, 2,900 of them the generator's.
    assert!((row.cost.unwrap().median / 4_400.0 - 1.0).abs() < 0.1, "{:?}", row.cost);
    let gain = row.gain.unwrap();
    assert!((gain.throughput.unwrap().median / 2.02 - 1.0).abs() < 0.03 && gain.cost.unwrap().high < 0.5);
    assert!(!gain.lower_bound && !row.generator_limited);
    assert_eq!(row.loss.unwrap().high, 0.0);
    assert!(row.latency_p50.unwrap().median < row.latency_p99.unwrap().median);
    let baseline = judgement.rows.iter().find(|r| r.datapath == Datapath::BASELINE).unwrap();
    assert_eq!(baseline.gain, None);
}

#[test]
fn a_slow_generator_makes_the_gain_a_lower_bound() {
    let mut result = sample::result();
    result.calibrations.iter_mut().for_each(|c| c.offered_pps = 118_000.0);
    let judgement = again(&result);
    let row = judgement.rows.iter().find(|r| r.name == "udp-ipv4" && r.datapath == Datapath::Flowtable).unwrap();
    assert!(row.generator_limited && row.gain.unwrap().lower_bound);
    assert!(warned(&judgement, "the generator was the limit"));
    assert!(judgement.good(), "a limit is no fault");
}

#[test]
fn uncaptured_frames_are_the_testers_and_not_the_duts_loss() {
    let mut result = sample::result();
    each_report(&mut result, |r| {
        (r.received, r.lost, r.uncaptured) = (r.sent - 300, 300, 200);
    });
    let judgement = again(&result);
    let row = &judgement.rows[0];
    let totals = row.totals.as_ref().unwrap();
    assert_eq!(
        (totals.lost, totals.uncaptured, totals.uncaptured_by.clone()),
        (1_000, 2_000, vec!["server".to_owned()])
    );
    let loss = row.loss.unwrap().median;
    assert!((loss * totals.sent as f64 / 1_000.0 - 1.0).abs() < 0.1, "{loss}");
    assert!(warned(&judgement, "the server could not capture"));
}

#[test]
fn loss_in_half_of_the_trials_is_said_as_the_share_of_all() {
    let mut result = sample::result();
    for trial in result.trials.iter_mut().filter(|t| t.cell == 2 && t.block % 2 == 0) {
        let Offered::Frames(reports) = &mut trial.offered else { panic!("the sample sends frames") };
        (reports[0].lost, reports[0].received) = (reports[0].sent / 5, reports[0].sent - reports[0].sent / 5);
    }
    let judgement = again(&result);
    let (row, loss) = (&judgement.rows[2], judgement.rows[2].loss.unwrap());
    let totals = row.totals.as_ref().unwrap();
    assert_eq!(loss.median, totals.lost as f64 / totals.sent as f64);
    assert!((loss.median - 0.1).abs() < 0.01 && loss.low == 0.0 && (loss.high - 0.2).abs() < 0.001, "{loss:?}");
    assert!(warned(&judgement, "was lost while flat out: the throughput is what got through"));
    result.plan.scenarios[0].traffic.load = Load::Pps(20_000);
    let judgement = again(&result);
    assert!(warned(&judgement, "on flowtable: the DUT lost") && warned(&judgement, "at a load of 20"));
    let shown = crate::numbers::loss(loss.median);
    let result = RunResult { judgement, ..result };
    assert!(crate::table::render(&result, crate::table::Style::default()).contains(&shown), "{shown}");
    assert!(crate::html::render(&result).unwrap().contains(&format!("<span>{shown}</span>")), "{shown}");
}

#[test]
fn missed_frames_make_bounds_of_throughput_and_gain() {
    let missed = |cell: usize, share: u64| {
        let mut result = sample::result();
        for trial in result.trials.iter_mut().filter(|t| t.cell == cell) {
            let Offered::Frames(reports) = &mut trial.offered else { panic!("the sample sends frames") };
            let missed = reports[0].sent / share;
            (reports[0].lost, reports[0].uncaptured, reports[0].received) = (missed, missed, reports[0].sent - missed);
        }
        again(&result)
    };
    let judgement = missed(2, 100);
    assert!(judgement.rows[2].gain.unwrap().lower_bound && warned(&judgement, "is a lower bound, and so is any gain"));
    assert_eq!(judgement.rows[2].totals.as_ref().unwrap().lost, 0);
    let judgement = missed(1, 100);
    assert!(!judgement.rows[2].gain.unwrap().lower_bound && warned(&judgement, "a gain over it is an upper bound"));
    let judgement = missed(2, 5_000);
    assert!(!judgement.rows[2].gain.unwrap().lower_bound && !warned(&judgement, "lower bound"));
}

#[test]
fn missed_frames_that_may_be_foreign_stay_in_the_loss_and_corrupted_ones_do_not() {
    let mut result = sample::result();
    each_report(&mut result, |r| {
        (r.received, r.lost, r.uncaptured, r.corrupted) = (r.sent - 300, 300, 200, 60);
    });
    assert_eq!(again(&result).rows[0].totals.as_ref().unwrap().lost, 400);
    each_report(&mut result, |r| r.foreign = 1);
    let judgement = again(&result);
    assert_eq!(judgement.rows[0].totals.as_ref().unwrap().lost, 2_400);
    assert!(warned(&judgement, "those missed may be theirs"));
}

#[test]
fn soft_interrupt_time_that_cannot_be_told_gives_no_cost() {
    let spent = |softirq_ns: u64| {
        let mut result = sample::result();
        for trial in result.trials.iter_mut().filter(|t| t.cell == 2) {
            trial.cpu_after.cpus[0].softirq_ns = softirq_ns;
            trial.cpu_after.cpus[1].softirq_ns = 0;
        }
        again(&result)
    };
    let judgement = spent(40_000_000);
    assert_eq!(judgement.rows[2].cost, None);
    assert!(warned(&judgement, "below what /proc/stat can tell (its unit is 10 ms) in 1 of 15 rows"));
    assert!(!warned(&judgement, "no cost per packet: the generator"), "one warning is enough");
    assert!(spent(50_000_000).rows[2].cost.is_some());
    assert!(!warned(&spent(50_000_000), "/proc/stat"));
}

#[test]
fn one_corrupted_frame_is_bad() {
    let mut result = sample::result();
    if let Offered::Frames(reports) = &mut result.trials[0].offered {
        reports[0].corrupted = 1;
    }
    let judgement = again(&result);
    assert_eq!(judgement.exit_code(), 1);
    assert!(judgement.verdict.why().unwrap().contains("corrupted"));
}

#[test]
fn a_cell_without_trials_is_unproven_and_has_no_numbers() {
    let mut result = sample::result();
    result.trials.retain(|t| t.cell != 1);
    let judgement = again(&result);
    assert!(matches!(judgement.rows[1].verdict, Verdict::Unproven { .. }));
    assert_eq!(judgement.rows[1].throughput, None);
    assert!(warned(&judgement, "0 of 10 planned trials"));
    assert!(!judgement.good());
}

#[test]
fn a_load_that_was_not_reached_is_said() {
    let mut result = sample::result();
    result.plan.scenarios[0].traffic.load = Load::Pps(500_000);
    assert!(warned(&again(&result), "500000 frames/s were asked for"));
}

#[test]
fn a_control_that_does_not_turn_the_verdict_is_told() {
    let mut result = sample::result();
    result.plan.scenarios[0].control = Control::MissingPort;
    let judgement = again(&result);
    assert_eq!(judgement.rows[2].control, Control::MissingPort);
    assert!(warned(&judgement, "`missing-port` changed nothing for this traffic"));
}

#[test]
fn without_a_calibration_there_is_no_cost() {
    let mut result = sample::result();
    result.calibrations.clear();
    let judgement = again(&result);
    let on_veth = judgement.rows.iter().filter(|r| !r.topology.has_nic());
    assert!(on_veth.clone().count() == 8 && on_veth.clone().all(|r| r.cost.is_none() && !r.generator_limited));
    assert!(warned(&judgement, "no cost per packet"));
}
