//! The published JSON Schema is that of the code, and a real result obeys it.
//!
//! After a change of the model: `FLOWGAUGE_WRITE_SCHEMA=1 cargo test --release -p flowgauge-reports --test schema`.

use std::path::Path;

use flowgauge_reports::{RunResult, sample};

fn published() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("result.schema.json");
    let mut current = serde_json::to_string_pretty(&schemars::schema_for!(RunResult)).unwrap();
    current.push('\n');
    if std::env::var_os("FLOWGAUGE_WRITE_SCHEMA").is_some() {
        std::fs::write(&path, &current).unwrap();
    }
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        text == current,
        "result.schema.json is not that of the code: run this test again with FLOWGAUGE_WRITE_SCHEMA=1, and raise \
         SCHEMA_VERSION if an old reader would misread a new file"
    );
    text
}

#[test]
fn the_sample_obeys_the_published_schema_and_damage_does_not() {
    let schema = serde_json::from_str(&published()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let good = serde_json::to_value(sample::result()).unwrap();
    let errors: Vec<String> = validator.iter_errors(&good).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    for pointer in ["/trials/0/before", "/judgement/rows/0/proof/path", "/plan/scenarios/0/traffic/protocol", "/unix_s"]
    {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = serde_json::json!("nonsense");
        assert!(!validator.is_valid(&bad), "{pointer}");
    }
}
