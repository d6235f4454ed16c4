//! github-action-benchmark and Bencher: what their documentation says that they read.

use serde_json::{Value, json};

use crate::results::{Kept, hostile, sound};

/// What `customSmallerIsBetter` and `customBiggerIsBetter` take, by the action's README.
fn github_schema() -> Value {
    let text = json!({"type": "string"});
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"name": text, "unit": text, "value": {"type": "number"}, "range": text, "extra": text},
            "required": ["name", "unit", "value"],
            "additionalProperties": false
        }
    })
}

/// What Bencher publishes as bmf.json: benchmarks with measures with a value and its bounds.
fn bencher_schema() -> Value {
    let number = json!({"type": "number"});
    let value = json!({
        "type": "object",
        "properties": {"value": number, "lower_value": number, "upper_value": number},
        "required": ["value"]
    });
    json!({"type": "object", "patternProperties": {".+": {"type": "object", "patternProperties": {".+": value}}}})
}

fn read(kept: &Kept, format: &str, schema: &Value) -> Value {
    let value: Value = serde_json::from_str(&kept.text(format)).unwrap();
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&value).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    value
}

#[test]
fn github_gets_each_metric_in_the_file_of_its_direction() {
    let kept = sound();
    let files = [("github-bigger", "higher"), ("github-smaller", "lower")];
    let mut entries = 0;
    for (format, better) in files {
        let found = read(&kept, format, &github_schema());
        let found = found.as_array().unwrap();
        entries += found.len();
        for entry in found {
            let throughput = entry["name"].as_str().unwrap().ends_with("/throughput");
            assert_eq!(throughput, better == "higher", "{entry}");
            assert!(entry["range"].as_str().unwrap().starts_with("± "), "{entry}");
        }
    }
    let rows = &kept.result.judgement.rows;
    assert_eq!(entries, rows.iter().map(|row| row.metrics().len()).sum::<usize>());
    let first = &read(&kept, "github-bigger", &github_schema())[0];
    let name = format!("{}/{}/throughput", rows[0].name, rows[0].datapath.name());
    assert_eq!((first["name"].as_str(), first["unit"].as_str()), (Some(name.as_str()), Some("frames/s")));
    assert_eq!(first["value"].as_f64(), Some(rows[0].throughput.unwrap().median));
}

#[test]
fn bencher_gets_a_benchmark_a_row_with_bounds() {
    let kept = sound();
    let found = read(&kept, "bencher", &bencher_schema());
    assert_eq!(found.as_object().unwrap().len(), kept.result.judgement.rows.len());
    for row in &kept.result.judgement.rows {
        let measure = &found[format!("{}/{}", row.name, row.datapath.name())]["latency-p99"];
        let e = row.latency_p99.unwrap();
        assert_eq!(*measure, json!({"value": e.median, "lower_value": e.low, "upper_value": e.high}));
    }
}

#[test]
fn names_have_nothing_that_a_page_could_run_and_each_good_row_is_there() {
    let kept = hostile();
    let good = kept.result.judgement.rows.iter().filter(|row| row.verdict.why().is_none()).count();
    let found = read(&kept, "bencher", &bencher_schema());
    let names: Vec<&String> = found.as_object().unwrap().keys().collect();
    assert_eq!(names.len(), good, "{names:?}");
    let bigger = read(&kept, "github-bigger", &github_schema());
    let shown = bigger.as_array().unwrap().iter().map(|entry| entry["name"].as_str().unwrap());
    assert_eq!(shown.clone().count(), good);
    for name in names.into_iter().map(String::as_str).chain(shown) {
        assert!(!name.contains(['<', '&', '`', '|', '@', '#', '"', '\n']), "{name}");
    }
}
