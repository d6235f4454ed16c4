//! Conformance, end to end on a real kernel: what holds passes on every datapath, what is broken on purpose is noticed, what
//! is known not to hold is explained, and wrong input is told. One guest for all of it.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use flowgauge_reports::conform::{CaseResult, ConformResult};
use flowgauge_reports::observation::Reading;
use flowgauge_scenarios::Datapath;
use flowgauge_scenarios::conform::{Mutation, Outcome};
use flowgauge_tests::{Outcome as Ran, Scratch, flowgauge, run};

/// Cases of the test's own: the built-in ones change with what is learned of kernels.
const CASES: &str = include_str!("conform/cases.toml");

struct Kept {
    scratch: Scratch,
    ran: Ran,
    result: ConformResult,
}

impl Kept {
    fn folder(&self) -> PathBuf {
        self.scratch.path().join("out/LAST")
    }

    /// What came of an instance on a datapath.
    fn of(&self, instance: &str, datapath: Datapath, mutation: Option<Mutation>) -> &CaseResult {
        let instances = &self.result.start.plan.instances;
        let found = |case: &&CaseResult| {
            instances[case.instance].id == instance && case.datapath == datapath && case.mutation == mutation
        };
        self.result.results.iter().find(found).unwrap_or_else(|| panic!("no {instance} on {}", datapath.name()))
    }
}

fn kept() -> &'static Kept {
    static KEPT: OnceLock<Kept> = OnceLock::new();
    KEPT.get_or_init(|| {
        let scratch = Scratch::new();
        let file = scratch.path().join("cases.toml");
        fs::write(&file, CASES).unwrap();
        let mut command = flowgauge(&["conform", "--kernel", "debian:6.12", "--mutant", "egress-ttl", "--case-file"]);
        command.arg(&file).args(["--datapath", "conntrack", "--datapath", "flowtable"]);
        command.arg("--out").arg(scratch.path().join("out")).arg("--pcap").arg(scratch.path().join("pcap"));
        let ran = run(command).expect_code(1);
        let text = fs::read_to_string(scratch.path().join("out/LAST/conform.json")).unwrap();
        let result = serde_json::from_str(&text).unwrap_or_else(|e| panic!("{e}"));
        Kept { scratch, ran, result }
    })
}

#[test]
fn what_holds_passes_and_took_the_lane_of_its_datapath() {
    let kept = kept();
    for variant in ["ipv4-udp-plain-up", "ipv6-tcp-plain-down", "ipv4-tcp-masquerade-up", "ipv6-udp-masquerade-down"] {
        let id = format!("holds/{variant}");
        for datapath in [Datapath::Conntrack, Datapath::Flowtable] {
            let case = kept.of(&id, datapath, None);
            assert_eq!(case.outcome, Outcome::Pass, "{id}: {case:#?}");
            let run = kept
                .result
                .runs
                .iter()
                .find(|run| (run.instance, run.datapath, run.mutation) == (case.instance, datapath, None));
            let classic = if datapath == Datapath::Conntrack { 3 } else { 0 };
            assert_eq!(run.unwrap().steps[1].classic, Reading::Seen(classic), "{id} on {}", datapath.name());
        }
    }
    let answered = kept.of("falls-back/ipv4-udp-plain-up", Datapath::Flowtable, None);
    assert_eq!(answered.outcome, Outcome::Pass, "{answered:#?}");
    assert!(kept.result.finished && kept.result.complaints.is_empty(), "{:#?}", kept.result.complaints);
}

#[test]
fn what_is_known_not_to_hold_is_explained_and_what_is_new_is_not() {
    let kept = kept();
    let known = kept.of("a-known-failure/ipv4-udp-plain-up", Datapath::Flowtable, None);
    assert_eq!((known.outcome, known.known), (Outcome::Fail, Some(0)), "{known:#?}");
    let new = kept.of("a-new-failure/ipv4-tcp-plain-up", Datapath::Flowtable, None);
    assert_eq!((new.outcome, new.known), (Outcome::Fail, None), "{new:#?}");
    // A failure is told at once, with what it takes to see it again.
    let again = "flowgauge conform a-new-failure/ipv4-tcp-plain-up --datapath flowtable --kernel debian:6.12";
    assert!(kept.ran.err.contains(again), "{}", kept.ran.err);
    assert!(!kept.ran.err.contains("conform a-known-failure"), "{}", kept.ran.err);
}

#[test]
fn a_flow_that_was_never_offloaded_proves_nothing() {
    let case = kept().of("stays-in-software/ipv4-udp-plain-up", Datapath::Flowtable, None);
    assert_eq!(case.outcome, Outcome::Unproven, "{case:#?}");
}

#[test]
fn what_is_broken_on_purpose_is_noticed() {
    let kept = kept();
    let case = kept.of("holds/ipv4-udp-plain-up", Datapath::Flowtable, Some(Mutation::EgressTtl));
    assert_eq!(case.outcome, Outcome::Fail, "{case:#?}");
    let [mutant] = &kept.result.mutants[..] else { panic!("{:#?}", kept.result.mutants) };
    assert!(mutant.killed_by.iter().any(|id| id.starts_with("holds/")), "{mutant:#?}");
    // Mutants are no failures of the kernel.
    assert!(!kept.ran.err.contains("--mutant"), "{}", kept.ran.err);
}

#[test]
fn a_run_keeps_a_page_the_packets_and_its_events() {
    let kept = kept();
    let page = fs::read_to_string(kept.folder().join("report.html")).unwrap();
    assert!(page.contains("a-new-failure") && page.contains("6.12"), "the page names cases and kernel");
    let events = fs::read_to_string(kept.folder().join("events.jsonl")).unwrap();
    assert!(events.starts_with("{\"event\":\"conform-started\"") && events.ends_with("{\"event\":\"finished\"}\n"));
    // In a folder of the run, what failed and what the reference did; nothing of what passed.
    let mut runs = fs::read_dir(kept.scratch.path().join("pcap")).unwrap();
    let run = runs.next().unwrap().unwrap();
    assert_eq!(run.file_name().to_str(), Some(kept.result.start.run.as_str()));
    let files: Vec<String> =
        fs::read_dir(run.path()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    for name in ["a-new-failure.ipv4-tcp-plain-up.flowtable.router", "a-new-failure.ipv4-tcp-plain-up.reference.router"]
    {
        assert!(files.contains(&format!("{name}.pcapng")), "{name}: {files:?}");
    }
    assert!(!files.iter().any(|name| name.starts_with("holds.")), "{files:?}");
    for part in ["a-new-failure", "fail", "report.html"] {
        assert!(kept.ran.out.contains(part), "the summary lacks {part}:\n{}", kept.ran.out);
    }
}

#[test]
fn what_is_kept_is_rendered_again_and_compared() {
    let kept = kept();
    let folder = kept.folder();
    let folder = folder.to_str().unwrap();
    let text = run(flowgauge(&["report", folder])).expect_code(1).out;
    let summary = kept.ran.out.lines().find(|line| line.starts_with("not good: ")).unwrap();
    assert!(text.contains(summary), "{summary}: {text}");
    let table = "table ip flowgauge {";
    for (format, part) in
        [("ktap", "TAP version 13\n1.."), ("junit", "<testsuites "), ("markdown", "egress-ttl"), ("html", table)]
    {
        let out = run(flowgauge(&["report", folder, "--format", format])).expect_code(1).out;
        assert!(out.contains(part), "{format}");
    }
    run(flowgauge(&["report", folder, "--format", "csv"])).expect_code(2).expect_error("ktap");
    let same = run(flowgauge(&["compare", folder, folder])).expect_code(0).out;
    assert!(same.contains(" as before of "), "{same}");
    run(flowgauge(&["compare", folder, folder, "--effect", "1%"])).expect_code(2).expect_error("--effect");
    run(flowgauge(&["history", folder])).expect_code(2).expect_error("flowgauge compare");
}

fn wrong(arguments: &[&str], says: &[&str]) {
    let scratch = Scratch::new();
    let mut command = flowgauge(&["conform"]);
    command.args(arguments).current_dir(scratch.path());
    let outcome = run(command).expect_code(2);
    for text in says {
        assert!(outcome.err.contains(text), "{arguments:?} lacks {text:?}:\n{}", outcome.err);
    }
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "{arguments:?} left something behind");
}

#[test]
fn wrong_input_is_told_before_anything_is_done() {
    wrong(&["ttl-decremens"], &["ttl-decrements"]);
    wrong(&["nothing-like-it*"], &["--list"]);
    wrong(&["--datapath", "forward"], &["forward", "flowtable"]);
    wrong(&["--mutant", "egres-ttl"], &["egress-ttl"]);
    wrong(&["--case-file", "nowhere.toml"], &["nowhere.toml"]);
    wrong(&["--kernel", "debain:6.12"], &["debian:6.12"]);
    wrong(&["ttl-decrements", "--kernel", "debian:6.12", "--modules", "/tmp"], &["--kernel PATH"]);
    wrong(&["ttl-decrements", "--kernel", "debian:6.12", "--pcap", "/proc/nowhere"], &["/proc/nowhere", "--pcap"]);
    wrong(&["--json", "--format", "ktap"], &["--json", "--format"]);
    wrong(&["--fuzz", "0"], &["--fuzz", "1.."]);
    wrong(&["--fuzz", "1000", "--for", "0s"], &["--for"]);
    wrong(&["--fuzz", "1000", "--pcap", "packets"], &["--pcap", "--fuzz"]);
    wrong(&["--seed", "7"], &["--fuzz"]);
    wrong(&["--fuzz", "1000", "--datapath", "forward"], &["forward", "flowtable"]);
    wrong(&["capacity", "table-full*", "--datapath", "forward"], &["forward", "flowtable"]);
    wrong(&["half-in-hardware", "--datapath", "flowtable"], &["half-in-hardware", "flowtable-hw"]);
    let scratch = Scratch::new();
    let file = scratch.path().join("mine.toml");
    fs::write(&file, CASES.replacen("steps = ", "stpes = ", 1)).unwrap();
    let mut command = flowgauge(&["conform", "--case-file"]);
    command.arg(&file);
    run(command).expect_code(2).expect_error("mine.toml").expect_error("line ").expect_error("stpes");
}

#[test]
fn the_list_runs_nothing() {
    let all = run(flowgauge(&["conform", "--list"])).expect_code(0).out;
    assert!(all.contains("forwarding: ") && all.contains("ttl-decrements"), "{all}");
    let one = run(flowgauge(&["conform", "--list", "ttl-decrements/ipv4-udp-*"])).expect_code(0).out;
    assert!(one.contains("ttl-decrements/ipv4-udp-plain-up  on conntrack, flowtable, flowtable-hw"), "{one}");
}
