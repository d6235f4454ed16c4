//! CSV: Python's csv module, strict.

use serde_json::Value;

use crate::readers::read;
use crate::results::{hostile, sound};

fn lines(file: &std::path::Path) -> Vec<Value> {
    let lines = read("csv", file).as_array().unwrap().clone();
    assert!(
        lines.iter().all(|line| line.get("null").is_none() && !line.to_string().contains(":null")),
        "cells are missing"
    );
    lines
}

#[test]
fn a_line_a_sample_and_one_for_the_hole() {
    let kept = sound();
    let lines = lines(&kept.report("csv"));
    let mut read = lines.iter();
    for row in &kept.result.judgement.rows {
        for metric in row.metrics() {
            for (block, value) in &metric.samples {
                let line = read.next().unwrap();
                let cell = |head: &str| line[head].as_str().unwrap();
                let number = |head: &str| cell(head).parse::<f64>().unwrap();
                assert_eq!((cell("scenario"), cell("datapath")), (row.name.as_str(), row.datapath.name()));
                assert_eq!(
                    (cell("metric"), cell("block"), cell("verdict")),
                    (metric.name, block.to_string().as_str(), "good")
                );
                assert_eq!(
                    (number("value"), number("median"), number("low")),
                    (*value, metric.estimate.median, metric.estimate.low)
                );
                assert_eq!((cell("clock"), cell("accelerator")), ("wall", "tcg"));
            }
        }
    }
    let hole = read.next().unwrap();
    assert_eq!((hole["verdict"].as_str(), hole["value"].as_str()), (Some("skipped"), Some("")));
    assert_eq!(read.next(), None);
}

#[test]
fn names_stay_in_their_cells_and_are_no_formulas() {
    let kept = hostile();
    let lines = lines(&kept.report("csv"));
    let names: std::collections::BTreeSet<&str> = lines.iter().map(|line| line["scenario"].as_str().unwrap()).collect();
    assert!(
        names.contains(crate::results::NAMES[0].1) && names.contains("'=1+1;{a=\"b\",}} 数量 \u{fffd}\u{fffd}\\"),
        "{names:?}"
    );
    let cells = lines.iter().flat_map(|line| line.as_object().unwrap().values()).map(|cell| cell.as_str().unwrap());
    assert!(cells.into_iter().all(|cell| !cell.starts_with(['=', '+', '@']) && !cell.contains(['\n', '\r'])));
    assert!(lines.iter().any(|line| line["verdict"] == "unproven"));
}
