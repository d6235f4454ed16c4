//! OpenMetrics: both parsers of Prometheus' Python client, that of OpenMetrics and that of the older text format.

use serde_json::{Value, json};

use crate::readers::read;
use crate::results::{NAMES, hostile, sound};

/// The value of the sample of a family whose labels hold all of these.
fn value(found: &Value, family: &str, labels: &[(&str, &str)]) -> Option<f64> {
    let samples = found[family]["samples"].as_array().unwrap_or_else(|| panic!("no {family}: {found}"));
    let fits = |sample: &&Value| labels.iter().all(|(key, text)| sample[1][key] == json!(text));
    let mut fitting = samples.iter().filter(fits);
    let value = fitting.next()?[2].as_f64();
    assert_eq!(fitting.next(), None, "{family} {labels:?} is told twice");
    value
}

#[test]
fn every_number_has_its_base_unit_and_its_interval() {
    let kept = sound();
    let found = read("openmetrics", &kept.report("openmetrics"));
    for row in &kept.result.judgement.rows {
        let own = [("scenario", row.name.as_str()), ("datapath", row.datapath.name())];
        let of = |family, estimate| value(&found, family, &[own[0], own[1], ("estimate", estimate)]);
        let (pps, p99) = (row.throughput.unwrap(), row.latency_p99.unwrap());
        assert_eq!(of("flowgauge_throughput_frames_per_second", "median"), Some(pps.median));
        assert_eq!(of("flowgauge_throughput_frames_per_second", "high"), Some(pps.high));
        assert_eq!(of("flowgauge_latency_p99_seconds", "low"), Some(p99.low / 1e9));
        assert_eq!(value(&found, "flowgauge_verdict", &[own[0], own[1], ("verdict", "good")]), Some(1.0));
        assert_eq!(value(&found, "flowgauge_verdict", &[own[0], own[1], ("verdict", "bad")]), Some(0.0));
    }
    assert_eq!(found["flowgauge_latency_p99_seconds"]["unit"], "seconds");
    assert_eq!(value(&found, "flowgauge_run_good", &[]), Some(1.0));
    assert_eq!(value(&found, "flowgauge_run_started_seconds", &[]), Some(kept.result.unix_s));
    assert!(found.as_object().unwrap().values().all(|f| f["type"] == "gauge" && f["help"] != ""), "{found}");
}

#[test]
fn labels_come_back_as_they_were_and_what_is_not_good_has_no_numbers() {
    let kept = hostile();
    let found = read("openmetrics", &kept.report("openmetrics"));
    let rows = &kept.result.judgement.rows;
    for (row, (_, shown)) in rows.iter().map(|row| (row, NAMES[row.scenario])) {
        let own = [("scenario", shown), ("datapath", row.datapath.name())];
        let verdict = row.verdict.name();
        assert_eq!(value(&found, "flowgauge_verdict", &[own[0], own[1], ("verdict", verdict)]), Some(1.0), "{shown}");
        let number = value(&found, "flowgauge_throughput_frames_per_second", &[own[0], own[1], ("estimate", "median")]);
        assert_eq!(number.is_some(), verdict == "good", "{shown} on {}", row.datapath.name());
    }
    assert_eq!(value(&found, "flowgauge_run_good", &[]), Some(0.0));
    let kernel = "6.12 \"q\"\u{fffd}# {x=\"y\"} | \\";
    assert_eq!(value(&found, "flowgauge_run_info", &[("kernel", kernel)]), Some(1.0), "{found}");
}
