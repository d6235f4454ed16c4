//! What numbers come to.

use super::fixture::{about, compared, counted, run, verdict, wall};
use crate::compare::{Compared, Effect, Metrics, Options, compare, decided};
use crate::judge::Verdict;

#[test]
fn instructions_of_one_kernel_twice_are_equivalent_every_time() {
    for salt in 0..20 {
        let base = counted("a", &about(4924.0, 0.0003, 3, salt));
        let new = counted("b", &about(4924.0 * (1.0 + 0.001 * (f64::from(salt) / 10.0 - 1.0)), 0.0003, 3, salt + 100));
        assert_eq!(verdict(&compared(base, new)), Compared::Equivalent, "{salt}");
    }
}

#[test]
fn one_percent_more_instructions_is_a_regression_every_time_and_one_less_an_improvement() {
    for salt in 0..10 {
        let base = counted("a", &about(4924.0, 0.0003, 3, salt));
        let with = |factor: f64| compared(base.clone(), counted("b", &about(4924.0 * factor, 0.0003, 3, salt + 50)));
        assert_eq!(verdict(&with(1.01)), Compared::Regressed, "{salt}");
        assert_eq!(verdict(&with(0.99)), Compared::Improved, "{salt}");
    }
}

#[test]
fn a_change_between_noise_and_the_smallest_effect_is_equivalent_and_shown() {
    let comparison = compared(counted("a", &[4000.0, 4001.0, 4000.5]), counted("b", &[4012.0, 4013.0, 4012.5]));
    assert_eq!(verdict(&comparison), Compared::Equivalent);
    let shift = comparison.rows[0].shift.unwrap();
    assert!((shift.ratio - 1.003).abs() < 1e-4 && shift.low > 1.002 && shift.range_only, "{shift:?}");
    assert!(!comparison.fails(&[crate::compare::FailOn::Changed]));
}

#[test]
fn a_smaller_effect_can_be_asked_for_down_to_the_noise() {
    let (base, new) = ([counted("a", &[4000.0, 4001.0, 4000.5])], [counted("b", &[4012.0, 4013.0, 4012.5])]);
    let of = |instructions| {
        let options = Options { effect: Effect { instructions, ..Effect::default() }, ..Options::default() };
        compare(&base, &new, &options)
    };
    assert_eq!(verdict(&of(0.0025).unwrap()), Compared::Regressed);
    for refused in [0.002, 0.0, -0.1, f64::NAN, 1.5] {
        assert!(of(refused).unwrap_err().to_string().contains("cannot be told"), "{refused}");
    }
}

#[test]
fn one_sample_of_instructions_shows_no_scatter() {
    let comparison = compared(counted("a", &[4000.0]), counted("b", &[4000.0]));
    assert_eq!((verdict(&comparison), comparison.needed()), (Compared::Inconclusive, 1));
    assert!(!decided(&comparison));
}

#[test]
fn instructions_that_scatter_are_judged_as_the_wall_clock_is() {
    let comparison = compared(counted("a", &about(4000.0, 0.02, 5, 1)), counted("b", &about(4200.0, 0.02, 5, 2)));
    assert_eq!(verdict(&comparison), Compared::Inconclusive);
    let row = &comparison.rows[0];
    assert!(row.why.as_ref().unwrap().contains("not the noise of this clock") && row.p_adjusted.is_some(), "{row:?}");
    let many = compared(counted("a", &about(4000.0, 0.02, 12, 1)), counted("b", &about(4200.0, 0.02, 12, 2)));
    assert_eq!(verdict(&many), Compared::Regressed);
}

#[test]
fn ten_samples_a_side_are_the_least_by_the_wall_clock() {
    let (base, new) = (about(58_000.0, 0.02, 9, 1), about(40_000.0, 0.02, 9, 2));
    let comparison = compared(wall("a", &base), wall("b", &new));
    assert_eq!((verdict(&comparison), comparison.needed()), (Compared::Inconclusive, 1));
    assert!(comparison.rows[0].why.as_ref().unwrap().contains("too few, 10 are the least"));
    let more = compared(wall("a", &about(58_000.0, 0.02, 10, 1)), wall("b", &about(40_000.0, 0.02, 10, 2)));
    assert_eq!(verdict(&more), Compared::Regressed);
    assert!(more.fails(&[]) && decided(&more) && more.needed() == 0);
}

#[test]
fn less_throughput_is_worse_and_less_latency_better() {
    let (slow, fast) = (about(50_000.0, 0.02, 15, 1), about(58_000.0, 0.02, 15, 2));
    assert_eq!(verdict(&compared(wall("a", &slow), wall("b", &fast))), Compared::Improved);
    assert_eq!(verdict(&compared(wall("a", &fast), wall("b", &slow))), Compared::Regressed);
    let latency = |name: &str, values: &[f64]| {
        let mut result = wall(name, &[1.0; 15]);
        for row in &mut result.judgement.rows {
            row.samples.iter_mut().zip(values).for_each(|(sample, &v)| sample.p99_ns = Some(v));
            row.latency_p99 = crate::stats::Estimate::of(values, crate::stats::Unit::Nanoseconds);
        }
        result
    };
    let options = Options { metrics: Metrics::Named(vec!["latency-p99".to_owned()]), ..Options::default() };
    let comparison = compare(&[latency("a", &slow)], &[latency("b", &fast)], &options).unwrap();
    assert_eq!(verdict(&comparison), Compared::Regressed);
}

#[test]
fn a_wide_scatter_says_how_many_more_would_decide() {
    let (base, new) = (about(58_000.0, 0.12, 12, 1), about(58_000.0 * 0.995, 0.12, 12, 2));
    let comparison = compared(wall("a", &base), wall("b", &new));
    assert_eq!(verdict(&comparison), Compared::Inconclusive);
    let needed = comparison.needed();
    assert!((20..400).contains(&needed), "{needed}");
    let row = &comparison.rows[0];
    assert!(row.why.as_ref().unwrap().contains(&format!("about {needed} more a side")), "{row:?}");
}

#[test]
fn an_equal_wall_is_equivalent() {
    let comparison = compared(wall("a", &about(58_000.0, 0.02, 20, 1)), wall("b", &about(58_100.0, 0.02, 20, 2)));
    assert_eq!(verdict(&comparison), Compared::Equivalent);
    let same = compared(wall("a", &[58_000.0; 12]), wall("b", &[58_000.0; 12]));
    assert_eq!((verdict(&same), same.rows[0].p), (Compared::Equivalent, Some(1.0)));
}

#[test]
fn a_fifth_of_the_trials_that_got_worse_is_not_equivalent() {
    let steady = about(4000.0, 0.0005, 20, 1);
    let with = |apart: &[usize], factor: f64| -> Vec<f64> {
        let scale = |(i, &v): (usize, &f64)| if apart.contains(&i) { v * factor } else { v };
        steady.iter().enumerate().map(scale).collect()
    };
    for of in [wall, counted] {
        let comparison = compared(of("a", &steady), of("b", &with(&[3, 8, 13, 18], 1.2)));
        assert_eq!(verdict(&comparison), Compared::Inconclusive);
        let row = &comparison.rows[0];
        assert!(row.why.as_ref().unwrap().contains("lie apart") && row.needed.is_none(), "{row:?}");
        // A baseline in which one trial was disturbed does not forbid `equivalent` for ever.
        assert_eq!(verdict(&compared(of("a", &with(&[7], 1.2)), of("b", &steady))), Compared::Equivalent);
        // What lies apart by less than what matters does not matter.
        assert_eq!(verdict(&compared(of("a", &steady), of("b", &with(&[7, 9], 1.004)))), Compared::Equivalent);
    }
}

#[test]
fn one_sample_of_few_that_lies_apart_is_not_hopeless() {
    let comparison = compared(counted("a", &[4000.0, 4000.5, 4001.0]), counted("b", &[4000.0, 4001.0, 20_000.0]));
    assert_eq!((verdict(&comparison), comparison.needed()), (Compared::Inconclusive, 7));
    assert!(!decided(&comparison), "--until goes on");
}

#[test]
fn nothing_has_no_ratio() {
    let comparison = compared(wall("a", &[0.0; 12]), wall("b", &[5.0; 12]));
    assert_eq!((verdict(&comparison), comparison.rows[0].shift), (Compared::Inconclusive, None));
    assert!(comparison.rows[0].why.as_ref().unwrap().contains("numbers above zero"));
    assert!(decided(&comparison), "no further sample changes that");
}

#[test]
fn a_row_that_is_not_good_is_never_equivalent() {
    let same = about(58_000.0, 0.01, 20, 1);
    let with = |name: &str, verdict: Verdict| {
        let mut result = wall(name, &same);
        result.judgement.rows.iter_mut().for_each(|row| row.verdict = verdict.clone());
        result
    };
    let bad = || Verdict::Bad { why: "0 % took the fast path".to_owned() };
    let unproven = || Verdict::Unproven { why: "a witness is missing".to_owned() };
    for (base, new, expected) in [
        (Verdict::Good, bad(), Compared::Regressed),
        (Verdict::Good, unproven(), Compared::Unproven),
        (bad(), Verdict::Good, Compared::Unproven),
        (unproven(), bad(), Compared::Unproven),
        (bad(), bad(), Compared::Unproven),
    ] {
        let comparison = compared(with("a", base.clone()), with("b", new.clone()));
        assert_eq!(verdict(&comparison), expected, "{base:?} {new:?}");
        assert!(comparison.rows[0].why.as_ref().unwrap().contains(new.why().or(base.why()).unwrap()));
        assert!(comparison.rows[0].shift.is_some(), "its shift is shown all the same");
    }
}

#[test]
fn a_kernel_that_complained_is_bad_whatever_the_packets_did() {
    let mut new = wall("b", &[58_000.0; 12]);
    new.complaints.push("BUG: KASAN: use-after-free\nCall Trace:".to_owned());
    let comparison = compared(wall("a", &[58_000.0; 12]), new);
    assert_eq!(verdict(&comparison), Compared::Regressed);
    assert!(comparison.rows[0].why.as_ref().unwrap().ends_with("complained: BUG: KASAN: use-after-free"));
}

#[test]
fn many_rows_together_raise_no_more_alarms_than_one() {
    // One row that a test by itself would call changed, among rows that did not change.
    let build = |name: &str, first: &[f64], rest: &[f64], rows: usize| {
        let (mut result, moved) = (wall(name, rest), wall(name, first));
        let (quiet, loud) = (result.judgement.rows[0].clone(), moved.judgement.rows[0].clone());
        result.judgement.rows = (0..rows)
            .map(|i| crate::judge::Row { name: format!("s{i}"), ..if i == 0 { loud.clone() } else { quiet.clone() } })
            .collect();
        result
    };
    let base: Vec<f64> = (0..12).map(|i| 100.0 + f64::from(i)).collect();
    let new: Vec<f64> = base.iter().map(|v| v * 0.955).collect();
    let with = |rows| compared(build("a", &base, &base, rows), build("b", &new, &base, rows));
    let (alone, among) = (with(1), with(40));
    assert_eq!(alone.rows[0].verdict, Compared::Regressed, "{:#?}", alone.rows[0]);
    assert_eq!(among.rows[0].verdict, Compared::Inconclusive, "{:#?}", among.rows[0]);
    assert_eq!(alone.rows[0].p, among.rows[0].p);
    assert!(among.rows[0].p_adjusted.unwrap() > 10.0 * alone.rows[0].p_adjusted.unwrap());
    assert!(among.rows[0].needed.is_some());
}

#[test]
fn ten_thousand_trials_are_compared_at_once() {
    let begun = std::time::Instant::now();
    let comparison = compared(wall("a", &about(58_000.0, 0.05, 2500, 1)), wall("b", &about(56_000.0, 0.05, 2500, 2)));
    assert_eq!(verdict(&comparison), Compared::Regressed);
    // Well below a second when optimised; what must not happen is a list of all pairs for each resample, which is minutes.
    assert!(begun.elapsed().as_secs() < 40, "{:?}", begun.elapsed());
}

#[test]
fn a_row_that_was_never_measured_does_not_vanish() {
    let mut new = wall("b", &[58_000.0; 12]);
    for row in &mut new.judgement.rows {
        (row.trials, row.throughput) = (0, None);
        row.samples.clear();
        row.verdict = Verdict::Unproven { why: "no trial".to_owned() };
    }
    assert_eq!(verdict(&compared(wall("a", &[58_000.0; 12]), new.clone())), Compared::Unproven);
    new.run = "a".to_owned();
    let nothing = compared(new.clone(), new);
    assert_eq!(nothing.rows.len(), run("x").judgement.rows.len());
    assert_eq!(verdict(&nothing), Compared::Unproven);
}
