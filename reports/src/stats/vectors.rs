//! The statistics against scipy, on the samples of `tests/vectors/statistics.json`; the script beside it wrote them.

use serde::Deserialize;

use super::{Resampled, mann_whitney, pseudo_median, shift, signed_rank, student, upper_tail};

#[derive(Deserialize)]
struct Vectors {
    two_samples: Vec<TwoSamples>,
    pairs: Vec<Pairs>,
    student: Vec<Student>,
    upper_tail: Vec<Tail>,
}

#[derive(Deserialize)]
struct TwoSamples {
    name: String,
    first: Vec<f64>,
    second: Vec<f64>,
    u: f64,
    p: f64,
    shift: f64,
    interval_95: Option<(f64, f64)>,
    interval_90: Option<(f64, f64)>,
}

#[derive(Deserialize)]
struct Pairs {
    name: String,
    differences: Vec<f64>,
    p: f64,
    pseudo_median: f64,
    interval_95: (f64, f64),
    interval_90: (f64, f64),
}

#[derive(Deserialize)]
struct Student {
    z: f64,
    degrees: f64,
    t: f64,
}

#[derive(Deserialize)]
struct Tail {
    z: f64,
    p: f64,
}

fn vectors() -> Vectors {
    serde_json::from_str(include_str!("../../tests/vectors/statistics.json")).unwrap()
}

#[track_caller]
fn close(name: &str, ours: f64, theirs: f64) {
    assert!((ours - theirs).abs() <= 1e-9 * theirs.abs().max(1e-6), "{name}: {ours}, scipy has {theirs}");
}

/// Two bootstraps differ by their random numbers, and resamples of few values take few values: an end strays by a step or
/// two of them, some hundredths of the width.
#[track_caller]
fn near(name: &str, ours: (f64, f64), theirs: (f64, f64)) {
    let room = 0.1 * (theirs.1 - theirs.0);
    let fits = (ours.0 - theirs.0).abs() <= room && (ours.1 - theirs.1).abs() <= room;
    assert!(fits, "{name}: {ours:?}, scipy has {theirs:?}");
}

#[test]
fn mann_whitney_and_shift_are_those_of_scipy() {
    for case in vectors().two_samples {
        let test = mann_whitney(&case.first, &case.second).unwrap();
        close(&case.name, test.u, case.u);
        close(&case.name, test.p, case.p);
        close(&case.name, shift(&case.first, &case.second).unwrap(), case.shift);
    }
}

#[test]
fn signed_rank_and_pseudo_median_are_those_of_scipy() {
    for case in vectors().pairs {
        close(&case.name, signed_rank(&case.differences), case.p);
        close(&case.name, pseudo_median(&case.differences).unwrap(), case.pseudo_median);
    }
}

#[test]
fn percentile_intervals_are_those_of_scipy() {
    let mut seen = 0;
    for case in vectors().two_samples {
        let (Some(wide), Some(narrow)) = (case.interval_95, case.interval_90) else { continue };
        let ours = Resampled::of_two(&[case.first], &[case.second]).unwrap();
        near(&case.name, ours.percentile(0.025), wide);
        near(&case.name, ours.percentile(0.05), narrow);
        seen += 1;
    }
    assert!(seen >= 8, "{seen}");
    for case in vectors().pairs {
        let ours = Resampled::of_pairs(&[case.differences]).unwrap();
        near(&case.name, ours.percentile(0.025), case.interval_95);
        near(&case.name, ours.percentile(0.05), case.interval_90);
    }
}

#[test]
fn tails_are_those_of_scipy() {
    for tail in vectors().upper_tail {
        close("upper tail", upper_tail(tail.z), tail.p);
    }
    for Student { z, degrees, t } in vectors().student {
        assert!((student(z, degrees) / t - 1.0).abs() < 0.003, "{z}, {degrees}: {}, not {t}", student(z, degrees));
    }
}
