//! `flowgauge compare`, as a pipeline runs it: on files that were kept, with its exit codes. Needs no privilege.

use std::fs;
use std::path::{Path, PathBuf};

use flowgauge_reports::environment::Clock;
use flowgauge_reports::event::Event;
use flowgauge_reports::offered::CountedReport;
use flowgauge_reports::trial::Offered;
use flowgauge_reports::{RunResult, sample};
use flowgauge_tests::{Outcome, Scratch, flowgauge, run};
use serde_json::Value;

/// What the generator alone takes of each packet, in instructions.
const GENERATOR: f64 = 2050.0;

/// A made-up run, its throughputs multiplied, saved in a folder of its own.
fn saved(folder: &Path, name: &str, factor: f64) -> PathBuf {
    changed(folder, name, |result| {
        for trial in &mut result.trials {
            let Offered::Frames(reports) = &mut trial.offered else { panic!("the sample has frames") };
            reports.iter_mut().for_each(|r| r.send_duration_ns = (r.send_duration_ns as f64 / factor) as u64);
        }
    })
}

/// A made-up run by the instruction clock: what a packet takes of the DUT, multiplied.
fn counted(folder: &Path, name: &str, factor: f64) -> PathBuf {
    changed(folder, name, |result| {
        result.environment.iter_mut().for_each(|e| e.clock = Clock::Instructions);
        result.calibrations.iter_mut().for_each(|c| c.generator_per_packet = Some(GENERATOR));
        for trial in &mut result.trials {
            let Offered::Frames(reports) = &trial.offered else { panic!("the sample has frames") };
            // Two blocks of one cell differ by some hundredths of a percent, as they do by this clock.
            let net = (2000.0 + 700.0 * trial.cell as f64) * (1.0 + 1e-4 * f64::from(trial.block % 3)) * factor;
            let count = |r: &flowgauge_reports::offered::DirectionReport| CountedReport {
                direction: r.direction,
                sent: r.sent,
                sent_bytes_l2: r.sent_bytes_l2,
                errors: 0,
                elapsed_ns: (r.sent as f64 * (GENERATOR + net)) as u64,
                others_ns: 0,
                slices: Vec::new(),
            };
            trial.offered = Offered::Counted(reports.iter().map(count).collect());
        }
    })
}

fn changed(folder: &Path, name: &str, change: impl Fn(&mut RunResult)) -> PathBuf {
    let mut result = sample::result();
    result.run = name.to_owned();
    change(&mut result);
    let path = folder.join(name);
    fs::create_dir_all(&path).unwrap();
    result.save(path.join("result.json")).unwrap_or_else(|e| panic!("{e}"));
    path
}

fn compare(base: &Path, new: &Path, arguments: &[&str]) -> Outcome {
    let mut command = flowgauge(&["compare"]);
    command.arg(base).arg(new).args(arguments);
    run(command)
}

#[test]
fn a_slower_run_ends_with_1_and_an_equal_one_with_0() {
    let scratch = Scratch::new();
    let base = saved(scratch.path(), "base", 1.0);
    let same = compare(&base, &saved(scratch.path(), "same", 1.0), &[]).expect_code(0);
    assert!(same.out.contains("equivalent") && !same.out.contains("regressed"), "{}", same.out);
    let slow = compare(&base, &saved(scratch.path(), "slow", 0.85), &[]).expect_code(1);
    assert!(slow.out.contains("regressed") && slow.out.contains("-15.00"), "{}", slow.out);
    assert!(slow.err.is_empty(), "{}", slow.err);
    let fast = saved(scratch.path(), "fast", 1.2);
    assert!(compare(&base, &fast, &[]).expect_code(0).out.contains("improved"));
    compare(&base, &fast, &["--fail-on", "changed"]).expect_code(1);
    // The scenario in five blocks has too few samples for the wall clock.
    compare(&base, &base, &["--fail-on", "missing,unproven"]).expect_code(0);
}

#[test]
fn one_percent_is_a_regression_by_the_instruction_clock() {
    let scratch = Scratch::new();
    let base = counted(scratch.path(), "base", 1.0);
    let same = compare(&base, &counted(scratch.path(), "same", 1.0002), &["--fail-on", "inconclusive,unproven"]);
    assert!(same.expect_code(0).out.contains("within 0.2 % it is noise"));
    let more = compare(&base, &counted(scratch.path(), "more", 1.01), &["--json"]).expect_code(1);
    let value: Value = serde_json::from_str(&more.out).unwrap();
    let rows = value["rows"].as_array().unwrap();
    assert!(rows.len() > 8);
    for row in rows {
        assert_eq!((&row["verdict"], &row["metric"]), (&"regressed".into(), &"instructions".into()), "{row:#}");
        assert!((row["shift"]["ratio"].as_f64().unwrap() - 1.01).abs() < 1e-3, "{row:#}");
    }
    compare(&base, &counted(scratch.path(), "some", 1.003), &[]).expect_code(0);
    compare(&base, &counted(scratch.path(), "some", 1.003), &["--effect", "0.25%"]).expect_code(1);
    compare(&base, &base, &["--effect", "0.05%"]).expect_code(2).expect_error("more than 0.2 %");
    compare(&base, &saved(scratch.path(), "wall", 1.0), &[])
        .expect_code(2)
        .expect_error("clock: clock: base instruction");
}

#[test]
fn json_obeys_the_published_schema() {
    let scratch = Scratch::new();
    let (base, new) = (saved(scratch.path(), "base", 1.0), saved(scratch.path(), "new", 0.97));
    let outcome = compare(&base, &new, &["--json", "--metric", "all"]);
    let value: Value = serde_json::from_str(&outcome.out).unwrap();
    let schema: Value = serde_json::from_str(include_str!("../../reports/compare.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap_or_else(|e| panic!("the schema: {e}"));
    let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    assert_eq!(value["comparison_version"], 1);
    let metrics: Vec<&str> = value["rows"].as_array().unwrap().iter().filter_map(|r| r["metric"].as_str()).collect();
    assert!(metrics.contains(&"latency-p99") && metrics.contains(&"throughput"), "{metrics:?}");
}

#[test]
fn what_is_not_comparable_is_named_and_allowed_only_when_told() {
    let scratch = Scratch::new();
    let base = saved(scratch.path(), "base", 1.0);
    let other = changed(scratch.path(), "other", |result| {
        result.environment.iter_mut().for_each(|e| e.host_cpu = "Other 9000".to_owned());
        result.plan.scenarios[0].traffic.frame = flowgauge_scenarios::Frame::Imix;
    });
    let refused = compare(&base, &other, &[]).expect_code(2);
    for text in ["Other 9000", "traffic.frame of scenario udp-ipv4", "--allow cpu,plan"] {
        assert!(refused.err.contains(text), "{text}: {}", refused.err);
    }
    assert!(refused.out.is_empty(), "{}", refused.out);
    compare(&base, &other, &["--allow", "cpu"]).expect_code(2).expect_error("plan");
    let allowed = compare(&base, &other, &["--allow", "cpu,plan"]).expect_code(0);
    assert!(allowed.out.contains("Differences that change figures, allowed"), "{}", allowed.out);
}

#[test]
fn folders_of_runs_are_pooled_and_links_count_once() {
    let scratch = Scratch::new();
    let (before, after) = (scratch.path().join("before"), scratch.path().join("after"));
    for day in ["1", "2", "3"] {
        saved(&before, &format!("base-{day}"), 1.0);
        saved(&after, &format!("new-{day}"), 0.85);
    }
    std::os::unix::fs::symlink("base-3", before.join("LAST")).unwrap();
    fs::create_dir_all(before.join("notes")).unwrap();
    let outcome = compare(&before, &after, &["--json"]).expect_code(1);
    let value: Value = serde_json::from_str(&outcome.out).unwrap();
    assert_eq!(value["base"], serde_json::json!(["base-1", "base-2", "base-3"]));
    assert_eq!(value["rows"][0]["base"]["n"], 30);
    fs::write(after.join("new-2/result.json"), "{").unwrap();
    compare(&before, &after, &[]).expect_code(2).expect_error("new-2/result.json is not a result");
    compare(&before, &before.join("notes"), &[]).expect_code(2).expect_error("holds no result");
}

#[test]
fn a_lost_row_is_listed_and_fails_when_told() {
    let scratch = Scratch::new();
    let base = saved(scratch.path(), "base", 1.0);
    let less = scratch.path().join("less");
    fs::create_dir_all(&less).unwrap();
    // Another way to keep a run, and one with other scenarios.
    let kept: Vec<String> = sample::events()
        .into_iter()
        .map(|event| match event {
            Event::Started(mut start) => {
                start.run = "less".to_owned();
                start.plan.scenarios[0].name = "renamed".to_owned();
                serde_json::to_string(&Event::Started(start)).unwrap()
            }
            other => serde_json::to_string(&other).unwrap(),
        })
        .collect();
    fs::write(less.join("events.jsonl"), kept.join("\n") + "\n").unwrap();
    let outcome = compare(&base, &less, &[]).expect_code(0);
    for text in ["Only in BASE", "Only in NEW", "udp-ipv4 on flowtable", "renamed on flowtable"] {
        assert!(outcome.out.contains(text), "{text}: {}", outcome.out);
    }
    compare(&base, &less, &["--fail-on", "missing"]).expect_code(1);
}

#[test]
fn wrong_words_get_the_right_ones() {
    let scratch = Scratch::new();
    let base = saved(scratch.path(), "base", 1.0);
    for (arguments, says) in [
        (["--allow", "cpuu"], "did you mean cpu"),
        (["--fail-on", "missin"], "did you mean missing"),
        (["--effect", "0"], "above 0"),
        (["--effect", "3x"], "give percent"),
        (["--metric", "speed"], "throughput"),
        (["--new-kernel", "9.9"], "6.12.0-sample"),
    ] {
        compare(&base, &base, &arguments).expect_code(2).expect_error(says);
    }
    compare(&base, Path::new("/nonexistent"), &[]).expect_code(2).expect_error("/nonexistent");
}
