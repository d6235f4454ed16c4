//! The published JSON Schemas are those of the code, and real results obey them.
//!
//! After a change of the model: `FLOWGAUGE_WRITE_SCHEMA=1 cargo test --release -p flowgauge-reports --test schema`.

use std::path::Path;

use flowgauge_reports::conform::{self, ConformComparison, ConformResult};
use flowgauge_reports::{RunResult, sample};
use serde_json::{Value, json};

fn published(file: &str, schema: schemars::Schema) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    let mut current = serde_json::to_string_pretty(&schema).unwrap();
    current.push('\n');
    if std::env::var_os("FLOWGAUGE_WRITE_SCHEMA").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == current,
        "{file} is not that of the code: run this test again with FLOWGAUGE_WRITE_SCHEMA=1, and raise SCHEMA_VERSION if an \
         old reader would misread a new file"
    );
    serde_json::from_str(&text).unwrap()
}

/// What is good obeys the schema, and does not with nonsense at any of these places.
fn obeys(schema: &Value, good: &Value, pointers: &[&str]) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(good).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    for pointer in pointers {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap_or_else(|| panic!("{pointer} is not there")) = json!("nonsense");
        assert!(!validator.is_valid(&bad), "{pointer}");
    }
}

#[test]
fn the_sample_obeys_the_published_schema_and_damage_does_not() {
    let schema = published("result.schema.json", schemars::schema_for!(RunResult));
    let good = serde_json::to_value(sample::result()).unwrap();
    let pointers =
        ["/trials/0/before", "/judgement/rows/0/proof/path", "/plan/scenarios/0/traffic/protocol", "/unix_s"];
    obeys(&schema, &good, &pointers);
}

#[test]
fn a_conformance_result_obeys_its_schema_and_damage_does_not() {
    let schema = published("conform.schema.json", schemars::schema_for!(ConformResult));
    let result = conform::sample::result();
    let good = serde_json::to_value(&result).unwrap();
    let pointers = ["/start/plan/cases/0/group", "/runs/0/steps/0/sent/0/side", "/results/0/outcome", "/finished"];
    obeys(&schema, &good, &pointers);
    let schema = published("conform-compare.schema.json", schemars::schema_for!(ConformComparison));
    let mut part = result.clone();
    part.results.remove(0);
    let compared = serde_json::to_value(conform::compare(&result, &part)).unwrap();
    obeys(&schema, &compared, &["/same", "/gone"]);
}
