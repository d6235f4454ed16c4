//! Shards, merging, formats and history under the instruction clock: of runs of a real kernel, not of made-up results.

use std::fs;
use std::path::{Path, PathBuf};

use flowgauge_reports::RunResult;
use flowgauge_reports::environment::Clock;
use flowgauge_reports::judge::Row;
use flowgauge_tests::{Scratch, flowgauge, run};
use serde_json::Value;

/// The effect that `compare` looks for under this clock. Two blocks of one boot are set against two boots of one block.
const SMALLEST_EFFECT: f64 = 0.005;
/// Formats, and what the lines of a row have in each. There is no metric of which more is better.
const FORMATS: [(&str, &str); 8] = [
    ("junit", "classname=\"flowgauge.westphal-forwarding\""),
    ("ktap", "westphal-forwarding/"),
    ("benchstat", "BenchmarkWestphal-forwarding/"),
    ("github-smaller", "\"westphal-forwarding/"),
    ("bencher", "\"westphal-forwarding/"),
    ("openmetrics", "flowgauge_instructions_per_packet{scenario=\"westphal-forwarding\""),
    ("csv", ",westphal-forwarding,"),
    ("markdown", "<code>westphal-forwarding</code>"),
];

/// Two blocks of the bare table; the run's folder.
fn bench(out: &Path, more: &[&str]) -> PathBuf {
    let plan = ["bench", "westphal-forwarding", "--kernel", "debian:6.12", "--clock", "instructions", "--seed", "5"];
    let mut command = flowgauge(&plan);
    command.args(["--blocks", "2", "--quiet", "--out"]).arg(out).args(more);
    run(command).expect_code(0);
    fs::canonicalize(out.join("LAST")).unwrap()
}

fn report(folder: &Path, format: &str) -> String {
    let mut command = flowgauge(&["report", "--format", format]);
    command.arg(folder);
    run(command).expect_code(0).out
}

fn net(row: &Row) -> f64 {
    row.net.unwrap_or_else(|| panic!("no cost: {row:#?}")).median
}

#[test]
fn two_shards_joined_are_the_whole_in_every_format_and_in_a_history() {
    let scratch = Scratch::new();
    let folder = |name: &str| scratch.path().join(name);
    let whole = bench(&folder("runs"), &[]);
    let shards = ["1/2", "2/2"].map(|shard| bench(&folder("shards"), &["--shard", shard]));
    let joined = folder("runs").join("joined");
    let mut merge = flowgauge(&["merge"]);
    merge.args(&shards).arg("--out").arg(&joined);
    run(merge).expect_code(0);
    let mut files: Vec<_> = fs::read_dir(&joined).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["report.html", "result.json"], "events are those of one run and stay with it");

    let [one, other] = [&whole, &joined].map(|folder| RunResult::load(folder).unwrap());
    assert_eq!((&one.plan, one.trials.len()), (&other.plan, other.trials.len()));
    assert_eq!(other.environment.as_ref().unwrap().clock, Clock::Instructions);
    assert_eq!((one.judgement.rows.len(), other.judgement.rows.len()), (4, 4));
    for (a, b) in one.judgement.rows.iter().zip(&other.judgement.rows) {
        println!("{}: {:.1} and {:.1} instructions", a.datapath.name(), net(a), net(b));
        assert!((net(a) / net(b) - 1.0).abs() < SMALLEST_EFFECT, "{}: {} and {}", a.datapath.name(), net(a), net(b));
        assert_eq!((a.datapath, a.trials, a.gain.is_some()), (b.datapath, b.trials, b.gain.is_some()));
    }

    for (format, of_a_row) in FORMATS {
        let text = report(&joined, format);
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(of_a_row)).collect();
        let has = |name: &str| lines.iter().any(|line| line.contains(name));
        let rows = one.judgement.rows.iter().map(|row| row.datapath.name());
        assert!(rows.clone().all(has), "{format}: {text}");
    }
    for format in ["github-smaller", "github-bigger", "bencher", "json"] {
        let text = report(&joined, format);
        assert!(serde_json::from_str::<Value>(&text).is_ok(), "{format}: {text}");
    }
    assert!(report(&joined, "html").contains("Instructions per packet"));

    // Both are runs of one series, and hardly differ.
    let mut history = flowgauge(&["history", "--json"]);
    history.arg(folder("runs"));
    let history: Value = serde_json::from_str(&run(history).expect_code(0).out).unwrap();
    let series = history["series"].as_array().unwrap();
    assert_eq!(series.len(), 4, "{history:#}");
    for series in series {
        let points = series["points"].as_array().unwrap();
        assert_eq!(points.len(), 2, "{series:#}");
        let [a, b] = [0, 1].map(|point| points[point]["estimate"]["median"].as_f64().unwrap());
        assert!(a > 100.0 && (a / b - 1.0).abs() < SMALLEST_EFFECT, "{series:#}");
    }
}
