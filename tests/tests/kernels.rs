//! Several kernels in one bench: in turns, trial by trial, each with a result of its own, and compared with the first.

use std::fs;
use std::path::Path;

use flowgauge_reports::RunResult;
use flowgauge_reports::compare::Comparison;
use flowgauge_reports::result::Ending;
use flowgauge_scenarios::Datapath;
use flowgauge_tests::{Machine, Scratch, expect_kept, flowgauge, machine, run};
use serde_json::Value;

const NAMES: [&str; 2] = ["debian-6.12", "debian-6.1"];

/// A bench of the bare table on both kernels.
fn bench(out: &Path, more: &[&str]) -> std::process::Command {
    let mut command = flowgauge(&["bench", "westphal-forwarding", "--quiet", "--seed", "1"]);
    command.args(["--kernel", "debian:6.12", "--kernel", "debian:6.1"]).args(more).arg("--out").arg(out);
    command
}

fn results(folder: &Path) -> [RunResult; 2] {
    NAMES.map(|name| RunResult::load(folder.join(name)).unwrap_or_else(|e| panic!("{name}: {e}")))
}

fn net(result: &RunResult, datapath: Datapath) -> f64 {
    let row = result.judgement.rows.iter().find(|row| row.datapath == datapath).unwrap();
    row.net.unwrap_or_else(|| panic!("no cost: {row:#?}")).median
}

#[test]
fn kernels_take_turns_and_each_has_a_whole_result() {
    let _alone = machine::alone();
    let before = Machine::look();
    let scratch = Scratch::new();
    let outcome = run(bench(scratch.path(), &["--blocks", "2", "--json", "--explain"])).expect_code(0);
    let folder = scratch.run_folder();
    assert_eq!(fs::read_link(scratch.path().join("LAST")).unwrap(), folder.file_name().unwrap());
    let both = results(&folder);
    for (result, (name, release)) in both.iter().zip(NAMES.into_iter().zip(["6.12.", "6.1."])) {
        assert_eq!((&result.ending, result.trials.len()), (&Ending::Complete, 8));
        assert!(result.environment.as_ref().unwrap().kernel_release.starts_with(release));
        expect_kept(&folder.join(name), result, &["Instructions per packet"], &["instructions", release]);
    }
    assert_eq!((&both[0].plan, &both[0].run), (&both[1].plan, &both[1].run));

    // There and back: the same trial on each kernel before the next on any.
    let events = outcome.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let trials: Vec<(u64, String)> = events
        .filter(|event| event["event"] == "trial")
        .map(|event| (event["step"].as_u64().unwrap(), event["kernel"].as_str().unwrap().to_owned()))
        .collect();
    let turns = (0..8).flat_map(|step| {
        let order = if step % 2 == 0 { NAMES } else { [NAMES[1], NAMES[0]] };
        order.map(|name| (step, name.to_owned()))
    });
    assert_eq!(trials, turns.collect::<Vec<_>>());

    // The other commands read them, one by one and the run as a folder.
    let mut compare = flowgauge(&["compare"]);
    compare.args(NAMES.map(|name| folder.join(name)));
    let compared = run(compare).expect_code(1).out;
    assert!(compared.contains("regressed") && compared.contains("improved"), "{compared}");
    expect_explained(&folder);
    let mut history = flowgauge(&["history"]);
    history.arg(&folder);
    run(history).expect_code(0);
    before.expect_unchanged();
}

/// What 6.1 does dearer is named, and what is named and counted sums up to the change of each row. pktgen of 6.1 hands over
/// frames that others hold too, so that forwarding has to copy each: pskb_expand_head.
#[track_caller]
fn expect_explained(folder: &Path) {
    let svg = folder.join("why.svg");
    let mut compare = flowgauge(&["compare", "--json", "--explain=all"]);
    compare.args(NAMES.map(|name| folder.join(name))).arg("--svg").arg(&svg);
    let comparison: Comparison = serde_json::from_str(&run(compare).expect_code(1).out).unwrap();
    assert_eq!(comparison.explained.len(), 4);
    for explanation in &comparison.explained {
        let difference = explanation.difference.as_ref().unwrap_or_else(|| panic!("{explanation:#?}"));
        let row = comparison.rows.iter().find(|row| row.key == explanation.key).unwrap();
        let shift = row.new.unwrap().median - row.base.unwrap().median;
        let functions: f64 = difference.functions.iter().map(|change| change.difference()).sum();
        let apart = difference.apart.unwrap();
        let sum = functions - (apart.new - apart.base);
        println!("{}: {shift:.1} instructions, functions {sum:.1}", explanation.title());
        assert!((sum - shift).abs() <= 0.01 * shift.abs() + 0.5, "{sum} of {shift}");
        let named: f64 = difference.causes().map(|change| change.difference()).sum();
        if explanation.key.datapath == Datapath::Forward {
            assert!(difference.causes().any(|c| c.frame.function == "pskb_expand_head"), "{:#?}", difference.functions);
            // The generator's calibration on 6.1 has a copy of its own in it; the rest is what the DUT does more.
            assert!(named > 0.5 * shift && named < 1.5 * shift, "{named} of {shift}");
        }
    }
    let page = fs::read_to_string(folder.join(NAMES[1]).join("report.html")).unwrap();
    for text in ["Against debian-6.12", "pskb_expand_head"] {
        assert!(page.contains(text), "the page lacks {text}");
    }
    for picture in [svg, folder.join(NAMES[1]).join("against.svg")] {
        assert!(fs::read_to_string(&picture).unwrap().contains("pskb_expand_head"), "{}", picture.display());
    }
}

/// 6.1 forwards dearer than 6.12, and is cheaper in the flowtable. That is told, and is no matter of bench's exit code.
#[test]
fn an_alarm_between_kernels_is_raised_after_a_second_look() {
    let _alone = machine::alone();
    let scratch = Scratch::new();
    let outcome = run(bench(scratch.path(), &["--blocks", "2", "--until", "decided=5m"])).expect_code(0);
    // Mostly after 4 blocks: a row that was first seen to be worse in its second look gets one of its own.
    let (_, after) = outcome.out.split_once("every row is decided after ").expect(&outcome.out);
    let blocks: usize = after.split(' ').next().unwrap().parse().unwrap();
    assert!(blocks >= 4, "a second look doubles the blocks: {blocks}");
    for text in
        ["debian-6.1 against debian-6.12", "3 regressed, 1 improved", "a second look confirms that this got worse"]
    {
        assert!(outcome.out.contains(text), "{text} is not in\n{}", outcome.out);
    }
    let both = results(&scratch.run_folder());
    for result in &both {
        let trials = (result.trials.len(), result.plan.steps.len());
        assert_eq!((&result.ending, trials), (&Ending::Complete, (4 * blocks, 4 * blocks)));
        assert!(result.warnings.is_empty(), "{:?}", result.warnings);
    }
    assert!(net(&both[1], Datapath::Forward) > 1.5 * net(&both[0], Datapath::Forward));
    let from_events = RunResult::load(scratch.run_folder().join("debian-6.1/events.jsonl")).unwrap();
    assert_eq!((from_events.plan, from_events.trials), (both[1].plan.clone(), both[1].trials.clone()));
}

#[test]
fn a_kernel_that_is_not_there_stops_the_others_before_they_measured() {
    let _alone = machine::alone();
    let before = Machine::look();
    let scratch = Scratch::new();
    let out = scratch.path().join("out");
    let mut command = flowgauge(&["bench", "westphal-forwarding", "--quiet", "--kernel", "debian:6.12"]);
    command.args(["--kernel", "./no/such/bzImage", "--out"]).arg(&out);
    run(command).expect_code(2).expect_error("no/such/bzImage");
    assert!(!out.exists(), "nothing was measured, nothing is left");
    before.expect_unchanged();
}

#[test]
fn a_guest_that_dies_ends_the_others_and_is_named() {
    let _alone = machine::alone();
    let before = Machine::look();
    let scratch = Scratch::new();
    run(bench(scratch.path(), &["--blocks", "2", "--inject", "guest-panic"]))
        .expect_code(3)
        .expect_error("kernel debian-6.1: the guest is lost: its kernel panicked");
    // Both would panic after their first trial; 6.1 is the first to go on, for the second turns are in reverse.
    let both = results(&scratch.run_folder());
    let ending = |result: &RunResult| format!("{:?}", result.ending);
    assert!(ending(&both[1]).contains("panicked"), "{}", ending(&both[1]));
    assert!(ending(&both[0]).contains("the run on kernel debian:6.1 failed"), "{}", ending(&both[0]));
    before.expect_unchanged();
}

#[test]
fn what_several_kernels_cannot_have_is_refused() {
    let _alone = machine::alone();
    let scratch = Scratch::new();
    for (more, says) in [(["--modules", "/lib/modules"], "--modules"), (["--keep", "fg"], "--keep")] {
        run(bench(scratch.path(), &more)).expect_code(2).expect_error(says);
    }
}
