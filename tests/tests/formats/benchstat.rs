//! Go benchmark lines: the grammar of golang.org/design/14313-benchmark-format and golang.org/x/perf/benchfmt.
//!
//! benchstat itself is in no registry but Go's. It was tried by hand on what these tests read; docs/formats.md says what came of
//! it.

use std::collections::BTreeMap;

use crate::results::{hostile, sound};

/// What the lines say: the values of each benchmark and unit, with the kernel that they hold for.
#[derive(Debug, Default)]
struct Benchmarks {
    values: BTreeMap<(String, String, String), Vec<f64>>,
    better: BTreeMap<String, String>,
}

/// Reads the lines; fails the test on one that is neither a benchmark, a unit, a configuration nor a comment of ours.
fn benchmarks(text: &str) -> Benchmarks {
    let (mut found, mut kernel) = (Benchmarks::default(), String::new());
    for line in text.lines() {
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let fields: Vec<&str> = line.split(char::is_whitespace).filter(|field| !field.is_empty()).collect();
        if let Some(name) = line.strip_prefix("Benchmark") {
            assert!(name.starts_with(char::is_uppercase), "{line:?}");
            assert_eq!(fields[1].parse::<u64>(), Ok(1), "{line:?}");
            assert!(fields.len() >= 4 && fields.len().is_multiple_of(2), "{line:?}");
            let (name, cpus) = fields[0].rsplit_once('-').unwrap();
            assert!(cpus.parse::<u32>().is_ok(), "{line:?}");
            let mut units: Vec<&str> = Vec::new();
            for pair in fields[2..].chunks(2) {
                assert!(!units.contains(&pair[1]), "{line:?}");
                units.push(pair[1]);
                let key = (kernel.clone(), name.to_owned(), pair[1].to_owned());
                found.values.entry(key).or_default().push(pair[0].parse().unwrap());
            }
        } else if fields.first() == Some(&"Unit") {
            let better = fields[2].strip_prefix("better=").unwrap();
            found.better.insert(fields[1].to_owned(), better.to_owned());
        } else if let Some((key, value)) = line.split_once(':').filter(|(key, _)| !key.starts_with('#')) {
            // A key begins with a lower-case letter and has no blanks and no capitals.
            assert!(
                key.starts_with(char::is_lowercase) && !key.contains(|c: char| c.is_whitespace() || c.is_uppercase())
            );
            assert!(value.is_empty() || value.starts_with(' '), "{line:?}");
            if key == "kernel" {
                value.trim().clone_into(&mut kernel);
            }
        } else {
            assert!(line.starts_with("# left out: "), "{line:?}");
        }
    }
    found
}

#[test]
fn every_sample_of_every_row_is_a_value_under_its_unit() {
    let kept = sound();
    let found = benchmarks(&kept.text("benchstat"));
    let mut wanted = 0;
    for row in &kept.result.judgement.rows {
        let (first, rest) = row.name.split_at(1);
        let name = format!("Benchmark{}{rest}/datapath={}", first.to_uppercase(), row.datapath.name());
        for metric in row.metrics() {
            let unit = match metric.name {
                "throughput" => "frames/s",
                "latency-p50" => "latency-p50-ns",
                "latency-p99" => "latency-p99-ns",
                "cost" => "cost-ns/packet",
                other => panic!("the sample has no {other}"),
            };
            let key = (row.kernel.clone().unwrap(), name.clone(), unit.to_owned());
            assert_eq!(found.values.get(&key), Some(&metric.values()), "{key:?}");
            assert_eq!(found.better[unit], if unit == "frames/s" { "higher" } else { "lower" });
            wanted += 1;
        }
    }
    assert_eq!(found.values.len(), wanted);
}

#[test]
fn names_stay_one_word_and_what_is_not_good_is_left_out() {
    let kept = hostile();
    let text = kept.text("benchstat");
    let found = benchmarks(&text);
    let good = kept.result.judgement.rows.iter().filter(|row| row.verdict.why().is_none());
    let names: std::collections::BTreeSet<&str> = found.values.keys().map(|(_, name, _)| name.as_str()).collect();
    assert_eq!(names.len(), good.count(), "a name for each good row: {names:?}");
    assert!(names.iter().all(|name| name.matches('/').count() == 1 && name.matches('=').count() == 1), "{names:?}");
    assert_eq!(text.matches("# left out: ").count(), 2, "{text}");
}
