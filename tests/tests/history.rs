//! A folder of results as a history, as a user meets it.

use std::fs;
use std::path::Path;

use flowgauge_reports::{RunResult, sample};
use flowgauge_tests::{Scratch, flowgauge, run};

/// Saves the made-up result as the run of a day, so many parts of a thousand slower.
fn save(folder: &Path, made_up: &RunResult, day: u32, slower: f64) {
    let mut result = made_up.clone();
    result.run = format!("day-{day:02}");
    result.unix_s += 86_400.0 * f64::from(day);
    for trial in &mut result.trials {
        let flowgauge_reports::trial::Offered::Frames(reports) = &mut trial.offered else { continue };
        for report in reports {
            let factor = 1.0 + slower / 1000.0 + 0.002 * f64::from(day * 7919 % 13) / 13.0;
            report.send_duration_ns = (report.send_duration_ns as f64 * factor) as u64;
        }
    }
    let folder = folder.join(&result.run);
    fs::create_dir_all(&folder).unwrap();
    result.save(folder.join("result.json")).unwrap();
}

#[test]
fn a_folder_of_results_shows_since_when_it_is_slower() {
    let scratch = Scratch::new();
    let folder = scratch.path().join("results");
    let made_up = sample::result();
    for day in 0..24 {
        save(&folder, &made_up, day, if day < 14 { 0.0 } else { 50.0 });
    }
    fs::create_dir_all(folder.join("broken")).unwrap();
    fs::write(folder.join("broken/result.json"), "{").unwrap();
    std::os::unix::fs::symlink("day-23", folder.join("LAST")).unwrap();
    let path = folder.to_str().unwrap();

    let said = run(flowgauge(&["history", path, "--scenario", "udp-ipv6"])).expect_code(0).out;
    assert!(said.starts_with("24 runs, 2026-01-01 00:00 UTC to 2026-01-24 00:00 UTC"), "{said}");
    assert_eq!(
        said.matches("since day-14 (2026-01-15 00:00 UTC)").count(),
        said.matches("udp-ipv6 on ").count(),
        "{said}"
    );
    assert!(said.contains("worse -4.7\u{a0}%") || said.contains("worse -4.8\u{a0}%"), "{said}");
    assert!(said.contains("broken") && said.contains("is not a result of flowgauge"), "{said}");
    assert!(!said.contains("udp-ipv4"), "{said}");

    let picture = scratch.path().join("history.svg");
    let json =
        run(flowgauge(&["history", path, "--json", "--metric", "throughput", "--svg", picture.to_str().unwrap()]));
    let json: serde_json::Value = serde_json::from_str(&json.expect_code(0).out).unwrap();
    assert_eq!(json["history_version"], 1);
    let series = json["series"].as_array().unwrap();
    assert!(series.len() > 5 && series.iter().all(|s| s["points"].as_array().unwrap().len() == 24));
    let changes = |s: &serde_json::Value| {
        s["changes"].as_array().unwrap().iter().map(|c| c["at"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    assert!(series.iter().all(|s| changes(s) == [14]), "{series:#?}");
    let svg = fs::read_to_string(&picture).unwrap();
    assert!(svg.starts_with("<svg xmlns") && svg.trim_end().ends_with("</svg>") && svg.contains("worse"));

    // One run is a history too, and says how little it can tell.
    let one = run(flowgauge(&["history", folder.join("day-03").to_str().unwrap()])).expect_code(0).out;
    assert!(one.contains("1 run") && one.contains("from 10 on"), "{one}");
}

#[test]
fn what_is_no_history_is_told() {
    let scratch = Scratch::new();
    let path = |name: &str| scratch.path().join(name).to_str().unwrap().to_owned();
    run(flowgauge(&["history", &path("nowhere")])).expect_code(2).expect_error("nowhere");
    fs::create_dir(path("empty")).unwrap();
    run(flowgauge(&["history", &path("empty")])).expect_code(2).expect_error("holds no result");
    fs::create_dir_all(path("all/broken")).unwrap();
    fs::write(path("all/broken/result.json"), "[]").unwrap();
    run(flowgauge(&["history", &path("all")])).expect_code(2).expect_error("none of 1 results can be read");
    save(scratch.path(), &sample::result(), 1, 0.0);
    let day = path("day-01");
    run(flowgauge(&["history", &day, "--scenario", "udp-ipv5"])).expect_code(2).expect_error("udp-ipv4");
    run(flowgauge(&["history", &day, "--metric", "speed"])).expect_code(2).expect_error("throughput");
    run(flowgauge(&["history", &day, "--level", "0"])).expect_code(2).expect_error("0.005 to 0.5");
    run(flowgauge(&["history", &day, "--svg", "/proc/nothing.svg"])).expect_code(3).expect_error("/proc/nothing.svg");
}
