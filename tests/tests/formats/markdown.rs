//! Markdown: markdown-it-py with what forges add to CommonMark, tables and bare links.

use serde_json::Value;

use crate::readers::read;
use crate::results::{NAMES, hostile, sound};

fn texts(value: &Value) -> Vec<String> {
    value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}

fn rows(found: &Value) -> Vec<Vec<String>> {
    found["rows"].as_array().unwrap().iter().map(texts).collect()
}

/// What may become more than text: the marker and the fold, and names as code.
const MARKUP: [&str; 6] =
    ["<!-- flowgauge -->", "</code>", "</details>", "<code>", "<details><summary>Not measured</summary>", "<details>"];

#[test]
fn a_line_a_row_with_the_heads_of_its_metrics() {
    let kept = sound();
    let found = read("markdown", &kept.report("markdown"));
    let rows = rows(&found);
    let heads =
        ["scenario", "datapath", "throughput", "latency-p50", "latency-p99", "cost", "of conntrack", "path", "verdict"];
    assert_eq!(rows[0], heads);
    assert_eq!(rows.len(), kept.result.judgement.rows.len() + 1);
    for (row, shown) in kept.result.judgement.rows.iter().zip(&rows[1..]) {
        assert_eq!((shown[0].as_str(), shown[1].as_str()), (row.name.as_str(), row.datapath.name()));
        assert!(shown[2].contains("pps") && shown[8] == "good", "{shown:?}");
    }
    assert_eq!(texts(&found["headings"]), ["flowgauge: good"]);
    assert_eq!(texts(&found["items"]).len(), kept.result.judgement.holes.len());
}

#[test]
fn nothing_that_others_wrote_becomes_markup_a_link_or_a_ping() {
    let kept = hostile();
    let file = kept.report("markdown");
    let found = read("markdown", &file);
    let rows = rows(&found);
    assert_eq!(rows.len(), kept.result.judgement.rows.len() + 1);
    assert!(rows.iter().all(|row| row.len() == rows[0].len()), "{rows:?}");
    // Word joiners, which nobody sees, keep the forge from finding links and names of people.
    let names: Vec<String> = rows[1..].iter().map(|row| row[0].replace('\u{2060}', "")).collect();
    assert!(NAMES[..3].iter().all(|(_, shown)| names.iter().any(|name| name == shown)), "{names:?}");
    assert!(texts(&found["html"]).iter().all(|html| MARKUP.contains(&html.as_str())), "{}", found["html"]);
    let kinds = texts(&found["kinds"]);
    let lively = ["link_open", "image", "fence", "code_block", "em_open", "hr", "s_open"];
    assert!(lively.iter().all(|kind| !kinds.iter().any(|k| k == kind)), "{kinds:?}");
    assert_eq!(texts(&found["headings"]), ["flowgauge: not good"]);
    // A ping or a reference is found in the text that is shown, but for code.
    let items = texts(&found["items"]);
    assert!(items.iter().any(|item| item.contains("\"@\u{2060}all\"")), "{items:?}");
    assert!(items.iter().all(|item| !item.contains("@all") && !item.contains("#SKIP")), "{items:?}");
}
