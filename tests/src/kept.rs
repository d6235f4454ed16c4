//! What a run keeps: a page, a result that obeys its schema, and events that come to the same.

use std::fs;
use std::path::Path;

use flowgauge_reports::RunResult;
use serde_json::Value;

use crate::program::{flowgauge, run};

/// Fails the test unless the page in `folder` has these texts, `result.json` obeys the published schema, the events alone
/// come to the same judgement, and `flowgauge report` prints a table with these texts and ends with 0.
#[track_caller]
pub fn expect_kept(folder: &Path, result: &RunResult, in_page: &[&str], in_table: &[&str]) {
    let page = text(&folder.join("report.html"));
    for text in in_page.iter().chain([&result.run.as_str()]) {
        assert!(page.contains(text), "the page lacks {text}");
    }
    let schema = value(include_str!("../../reports/result.schema.json"));
    let validator = jsonschema::validator_for(&schema).unwrap_or_else(|e| panic!("the schema: {e}"));
    let written = value(&text(&folder.join("result.json")));
    let errors: Vec<String> = validator.iter_errors(&written).map(|e| e.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let events = RunResult::load(folder.join("events.jsonl")).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(events.judgement, result.judgement, "the events alone give the same result");
    let mut report = flowgauge(&["report"]);
    report.arg(folder);
    let table = run(report).expect_code(0).out;
    for text in in_table {
        assert!(table.contains(text), "the table lacks {text}: {table}");
    }
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}"))
}
