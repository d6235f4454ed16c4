//! Which samples belong together.

use super::fixture::{about, compared, counted, verdict, wall};
use crate::RunResult;
use crate::compare::{Compared, FailOn, Metrics, Options, compare};

fn on_kernel(mut result: RunResult, release: &str) -> RunResult {
    if let Some(environment) = &mut result.environment {
        environment.kernel_release = release.to_owned();
        environment.kernel_origin = format!("debian:{release}");
    }
    result.judgement.rows.iter_mut().for_each(|row| row.kernel = Some(release.to_owned()));
    result
}

#[test]
fn runs_of_a_side_are_pooled() {
    let side = |name: &str, mean: f64, salt: u32| -> Vec<RunResult> {
        (0..3).map(|run| wall(&format!("{name}{run}"), &about(mean, 0.02, 5, salt + run))).collect()
    };
    let comparison = compare(&side("a", 58_000.0, 1), &side("b", 50_000.0, 9), &Options::default()).unwrap();
    assert_eq!(verdict(&comparison), Compared::Regressed);
    let row = &comparison.rows[0];
    assert_eq!((row.base.unwrap().n, row.new.unwrap().n), (15, 15));
    assert_eq!(comparison.base, ["a0", "a1", "a2"]);
}

#[test]
fn runs_that_differ_among_themselves_raise_no_alarm() {
    // Each run has its own speed, and within a run nothing moves: pooled without regard to runs, 10 samples against 10
    // would look certain.
    let side = |name: &str, means: [f64; 2]| -> Vec<RunResult> {
        means.iter().enumerate().map(|(i, &m)| wall(&format!("{name}{i}"), &about(m, 0.002, 8, i as u32))).collect()
    };
    let comparison =
        compare(&side("a", [58_000.0, 54_000.0]), &side("b", [54_100.0, 53_900.0]), &Options::default()).unwrap();
    assert_eq!(verdict(&comparison), Compared::Inconclusive, "{:#?}", comparison.rows[0]);
}

#[test]
fn another_kernel_is_compared_and_shown() {
    let values = about(58_000.0, 0.02, 12, 3);
    let comparison = compared(on_kernel(wall("a", &values), "6.12"), on_kernel(wall("b", &values), "7.2"));
    assert_eq!((&comparison.base_kernels[0], &comparison.new_kernels[0]), (&"6.12".to_owned(), &"7.2".to_owned()));
    assert!(comparison.rows.iter().all(|row| row.key.kernel.is_none()));
    assert!(comparison.differences.iter().any(|d| d.line().contains("base 6.12") && d.line().contains("new 7.2")));
}

#[test]
fn where_a_side_has_several_kernels_each_is_compared_with_itself() {
    let values = about(58_000.0, 0.02, 12, 3);
    let both = |run: &str| [on_kernel(wall(run, &values), "6.12"), on_kernel(wall(run, &values), "7.2")];
    let comparison = compare(&both("a"), &both("b"), &Options::default()).unwrap();
    let rows = wall("a", &values).judgement.rows.len();
    assert_eq!(comparison.rows.len(), 2 * rows);
    assert!(comparison.rows.iter().all(|row| row.key.kernel.is_some() && row.base.unwrap().n == 12));
    let lacking = compare(&both("a"), &both("b")[..1], &Options::default()).unwrap();
    assert_eq!((lacking.rows.len(), lacking.only_in_base.len()), (rows, rows));
    assert!(!lacking.fails(&[]) && lacking.fails(&[FailOn::Missing]));
}

#[test]
fn two_kernels_of_one_run_are_paired_so_that_a_drift_cancels() {
    // The machine loses a third of its speed during the run, and both kernels with it; the second is 4 % slower.
    let drift = |factor: f64, salt: u32| -> Vec<f64> {
        about(1.0, 0.01, 12, salt)
            .iter()
            .enumerate()
            .map(|(i, v)| v * factor * (60_000.0 - 1_800.0 * i as f64))
            .collect()
    };
    let run = [on_kernel(wall("r", &drift(1.0, 1)), "6.12.1"), on_kernel(wall("r", &drift(0.95, 2)), "7.2.13")];
    let kernels = |base: &str, new: &str| Options {
        base_kernel: Some(base.to_owned()),
        new_kernel: Some(new.to_owned()),
        ..Options::default()
    };
    let paired = compare(&run, &run, &kernels("6.12", "debian:7.2")).unwrap();
    assert!(paired.rows[0].shift.unwrap().paired);
    assert_eq!(verdict(&paired), Compared::Regressed);
    let mut apart = run.clone();
    apart[1].run = "other".to_owned();
    assert_eq!(verdict(&compare(&apart, &apart, &kernels("6.12", "7.2")).unwrap()), Compared::Inconclusive);
    let error = compare(&run, &run, &kernels("6.1", "7.2")).unwrap_err().to_string();
    assert!(error.contains("BASE has no rows of kernel 6.1; it has 6.12.1, 7.2.13"), "{error}");
}

#[test]
fn a_run_with_itself_is_equal_and_says_so() {
    let run = wall("a", &about(58_000.0, 0.2, 12, 3));
    let comparison = compared(run.clone(), run);
    assert_eq!(verdict(&comparison), Compared::Equivalent);
    assert!(comparison.notes[0].contains("compared with itself"));
}

#[test]
fn rows_of_one_side_are_listed() {
    let base = counted("a", &[4000.0, 4001.0]);
    let mut new = counted("b", &[4000.0, 4001.0]);
    let moved = new.judgement.rows.len() - 1;
    new.judgement.rows[moved].name = "new-one".to_owned();
    let comparison = compared(base.clone(), new.clone());
    assert_eq!((comparison.rows.len(), comparison.only_in_base.len()), (moved, 1));
    assert_eq!(comparison.only_in_new[0].label().split(' ').next(), Some("new-one"));
    new.judgement.rows.retain(|row| row.name == "new-one");
    let error = compare(&[base], &[new], &Options::default()).unwrap_err().to_string();
    assert!(error.contains("no row in common") && error.contains("new-one"), "{error}");
}

#[test]
fn a_shard_says_nothing_of_rows_that_another_measured() {
    let (mut one, mut two) = (wall("s1", &[58_000.0; 12]), wall("s2", &[58_000.0; 12]));
    for (shard, result) in [&mut one, &mut two].into_iter().enumerate() {
        for row in result.judgement.rows.iter_mut().skip(shard).step_by(2) {
            (row.trials, row.throughput) = (0, None);
            row.samples.clear();
            row.verdict = crate::judge::Verdict::Unproven { why: "no trial".to_owned() };
        }
    }
    let comparison = compare(&[one, two], &[wall("b", &[58_000.0; 12])], &Options::default()).unwrap();
    assert_eq!(verdict(&comparison), Compared::Equivalent);
}

#[test]
fn metrics_are_chosen_by_name() {
    let of = |metrics| {
        let options = Options { metrics, ..Options::default() };
        compare(&[super::fixture::run("a")], &[super::fixture::run("b")], &options)
    };
    let first = of(Metrics::First).unwrap();
    assert!(first.rows.iter().all(|row| row.metric == "throughput"));
    let named = of(Metrics::Named(vec!["latency-p50".to_owned()])).unwrap();
    assert!(named.rows.iter().all(|row| row.metric == "latency-p50") && named.rows.len() == first.rows.len());
    let all = of(Metrics::All).unwrap();
    assert!(all.rows.len() >= 3 * first.rows.len());
    let error = of(Metrics::Named(vec!["speed\u{1b}[2J".to_owned()])).unwrap_err().to_string();
    assert!(error.contains("throughput") && !error.contains('\u{1b}'), "{error}");
}
