//! `bench --until decided` against a baseline: it samples as much as the comparison needs.

use std::fs;
use std::path::Path;

use flowgauge_reports::RunResult;
use flowgauge_reports::result::Ending;
use flowgauge_tests::{Outcome, Scratch, expect_kept, flowgauge, run};
use serde_json::Value;

fn bench(out: &Path, more: &[&str]) -> Outcome {
    let mut command = flowgauge(&["bench", "westphal-forwarding", "--quiet", "--kernel", "debian:6.12", "--seed", "1"]);
    command.args(more).arg("--out").arg(out);
    run(command)
}

#[test]
fn one_block_is_too_few_to_decide_and_more_are_sampled_until_it_is() {
    let (old, new) = (Scratch::new(), Scratch::new());
    bench(old.path(), &["--blocks", "3"]).expect_code(0);
    let baseline = old.run_folder();
    let arguments = ["--blocks", "1", "--until", "decided=5m", "--baseline", &baseline.display().to_string()];
    let outcome = bench(new.path(), &arguments).expect_code(0);
    assert!(outcome.out.contains("This run against the baseline"), "{}", outcome.out);
    assert!(
        outcome.out.contains("4 equivalent") && outcome.out.contains("every row is decided after"),
        "{}",
        outcome.out
    );
    let result = RunResult::load(new.run_folder()).unwrap();
    let blocks = result.plan.scenarios[0].method.blocks;
    assert!((2..20).contains(&blocks), "{blocks} blocks");
    assert_eq!(result.ending, Ending::Complete);
    assert_eq!((result.trials.len(), result.plan.steps.len()), (4 * blocks as usize, 4 * blocks as usize));
    // The plan has grown in what is on disk too, and nothing of it is missing.
    assert!(result.judgement.rows.iter().all(|row| row.trials == row.planned), "{:#?}", result.judgement.rows);
    expect_kept(&new.run_folder(), &result, &["Instructions per packet"], &["instructions"]);

    // Who reads along is told of each growth before the trials that it brings, and has what the folder has.
    let along = Scratch::new();
    let stream = bench(along.path(), &[&arguments[..], &["--json"]].concat()).expect_code(0).out;
    assert!(stream.contains("{\"event\":\"grown\",") && stream.contains("every row is decided after"), "{stream}");
    let heard = along.path().join("heard.jsonl");
    fs::write(&heard, &stream).unwrap();
    let (heard, kept) = (RunResult::load(&heard).unwrap(), RunResult::load(along.run_folder()).unwrap());
    assert_eq!((&heard, heard.trials.len()), (&kept, heard.plan.steps.len()));
    assert_eq!(fs::read_to_string(along.run_folder().join("events.jsonl")).unwrap(), stream);

    // On another CPU the figures would be others: that is said after one trial, and leaves nothing.
    let path = baseline.join("result.json");
    let mut other: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    other["environment"]["cpu"] = "Another CPU".into();
    fs::write(&path, other.to_string()).unwrap();
    let refused = Scratch::new();
    let out = refused.path().join("out");
    bench(&out, &arguments).expect_code(2).expect_error("Another CPU");
    assert!(!out.exists(), "what was refused leaves nothing");
}

#[test]
fn there_must_be_something_to_decide_against() {
    let scratch = Scratch::new();
    bench(scratch.path(), &["--until", "decided"]).expect_code(2).expect_error("--baseline");
    bench(scratch.path(), &["--until", "tomorrow"]).expect_code(2).expect_error("decided=5m");
    bench(scratch.path(), &["--until", "decided", "--shard", "1/2"]).expect_code(2).expect_error("merge them");
    bench(scratch.path(), &["--baseline", "/no/such/result"]).expect_code(2).expect_error("/no/such/result");
}
