//! JUnit: junitparser, and the schema of Jenkins' xUnit plugin.

use flowgauge_reports::judge::Verdict;
use serde_json::{Value, json};

use crate::readers::read;
use crate::results::{Kept, NAMES, hostile, sound};

/// Suite, case and what became of it, of each case.
fn cases(kept: &Kept) -> (Value, Vec<(String, String, String)>) {
    let found = read("junit", &kept.report("junit"));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let cases = found["cases"].as_array().unwrap().iter();
    let cases = cases.map(|c| {
        let result =
            c["results"].as_array().unwrap().iter().map(|r| format!("{} {}", text(&r["kind"]), text(&r["type"])));
        (text(&c["suite"]), text(&c["name"]), result.collect::<Vec<_>>().join(", "))
    });
    let cases = cases.collect();
    (found, cases)
}

#[test]
fn a_case_a_row_with_its_numbers_and_the_hole_skipped() {
    let kept = sound();
    let (found, cases) = cases(&kept);
    let judgement = &kept.result.judgement;
    for row in &judgement.rows {
        let wanted = (row.name.clone(), row.datapath.name().to_owned(), String::new());
        assert_eq!(cases.iter().filter(|case| **case == wanted).count(), 1, "{wanted:?}: {cases:?}");
        let number = &found["properties"][&row.name][format!("{}/frames/s", row.datapath.name())];
        assert_eq!(number.as_str().unwrap().parse::<f64>().unwrap(), row.throughput.unwrap().median);
    }
    let hole = ("tcp-masquerade".to_owned(), "forward".to_owned(), "Skipped ".to_owned());
    assert!(cases.contains(&hole), "{cases:?}");
    assert_eq!(cases.len(), judgement.rows.len() + judgement.holes.len() + 1);
    assert_eq!(found["totals"], json!({"tests": cases.len(), "failures": 0, "errors": 0}));
}

#[test]
fn names_that_try_to_break_out_come_back_as_they_were_and_the_bad_fail() {
    let kept = hostile();
    let (found, cases) = cases(&kept);
    // The hole stands among the cases of its scenario.
    let measured = cases.iter().filter(|(_, _, became)| became != "Skipped ");
    for (row, (suite, name, became)) in kept.result.judgement.rows.iter().zip(measured) {
        assert!(NAMES.iter().any(|(_, shown)| shown == suite), "{suite:?}");
        assert_eq!(name, row.datapath.name());
        let wanted = match row.verdict {
            Verdict::Good => "",
            Verdict::Bad { .. } => "Failure bad",
            Verdict::Unproven { .. } => "Failure unproven",
        };
        assert_eq!(became, wanted, "{suite:?} on {name}");
    }
    let messages = found["cases"].to_string();
    assert!(messages.contains("see <b>]]></b> | #SKIP # SKIP"), "{messages}");
    let run = cases.last().unwrap();
    assert_eq!((run.0.as_str(), run.2.as_str()), ("run", "Failure bad"));
    assert_eq!(found["totals"], json!({"tests": cases.len(), "failures": 3, "errors": 0}));
}
