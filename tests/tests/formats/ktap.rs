//! KTAP: Perl's TAP::Parser, and the grammar of the kernel's Documentation/dev-tools/ktap.rst.
//!
//! The kernel's own reader, kunit_parser.py, is in no registry by itself. It and NIPA's were tried by hand on what these tests
//! read; docs/formats.md says what came of it.

use serde_json::Value;

use crate::readers::read_tap;
use crate::results::{Kept, hostile, sound};

/// A result line by the grammar: whether it is ok, its number, its description, and what comes behind ` # `.
fn result_line(line: &str) -> Option<(bool, usize, &str, Option<&str>)> {
    let (ok, rest) =
        line.strip_prefix("ok ").map(|r| (true, r)).or(line.strip_prefix("not ok ").map(|r| (false, r)))?;
    let (number, rest) = rest.split_once(' ')?;
    let (description, behind) = rest.split_once(" # ").map_or((rest, None), |(d, b)| (d, Some(b)));
    Some((ok, number.parse().ok()?, description, behind))
}

/// Fails the test unless the text is a version line, a plan, diagnostic lines and as many result lines as planned, numbered
/// from 1, with `SKIP` the only directive.
fn expect_grammar(text: &str) {
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("TAP version 13"));
    let planned: usize = lines.next().and_then(|line| line.strip_prefix("1..")).unwrap().parse().unwrap();
    let mut next = 1;
    for line in lines {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        if let Some(diagnostic) = line.strip_prefix("# ") {
            assert!(!diagnostic.contains('#') && !diagnostic.starts_with("Subtest:"), "{line:?}");
            continue;
        }
        let (ok, number, description, behind) = result_line(line).unwrap_or_else(|| panic!("no result line: {line:?}"));
        assert_eq!(number, next, "{line:?}");
        assert!(!description.is_empty() && !description.contains(['#', ' ']), "{line:?}");
        let behind = behind.unwrap_or_default();
        assert!(!behind.contains('#'), "{line:?}");
        let sound = if ok {
            behind.is_empty() || behind.starts_with("SKIP ") || behind.starts_with("time=")
        } else {
            behind.starts_with("bad: ") || behind.starts_with("unproven: ")
        };
        assert!(sound, "{line:?}");
        next += 1;
    }
    assert_eq!(next, planned + 1);
}

fn tests(kept: &Kept) -> Vec<Value> {
    let file = kept.report("ktap");
    expect_grammar(&std::fs::read_to_string(&file).unwrap());
    let found = read_tap(&file);
    assert_eq!(found["errors"].as_array().unwrap().len() + found["unknown"].as_array().unwrap().len(), 0, "{found}");
    found["tests"].as_array().unwrap().clone()
}

#[test]
fn a_test_point_a_row_and_the_hole_skipped() {
    let kept = sound();
    let tests = tests(&kept);
    let judgement = &kept.result.judgement;
    assert_eq!(tests.len(), judgement.rows.len() + judgement.holes.len() + 1);
    for (row, test) in judgement.rows.iter().zip(&tests) {
        let name = format!("{}/{}", row.name, row.datapath.name());
        assert!(test["name"].as_str().unwrap().starts_with(&name) && test["ok"] == true, "{name}: {test}");
    }
    let hole = &tests[judgement.rows.len()];
    assert_eq!((hole["name"].as_str(), hole["directive"].as_str()), (Some("tcp-masquerade/forward"), Some("SKIP")));
}

#[test]
fn no_name_and_no_reason_makes_a_failure_a_skip_or_another_test() {
    let kept = hostile();
    let tests = tests(&kept);
    let judgement = &kept.result.judgement;
    assert_eq!(tests.len(), judgement.rows.len() + judgement.holes.len() + 1);
    for (row, test) in judgement.rows.iter().zip(&tests) {
        let good = row.verdict.why().is_none();
        assert_eq!((test["ok"].as_bool(), test["directive"].as_str()), (Some(good), Some("")), "{test}");
    }
    assert_eq!(tests.last().unwrap()["ok"], false, "the kernel complained");
}
