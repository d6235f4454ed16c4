//! Wrong input: exit code 2, one clear message, nothing done. Needs no privilege.

use std::fs;

use flowgauge_tests::{Scratch, flowgauge, run};

fn wrong(arguments: &[&str], says: &[&str]) {
    let scratch = Scratch::new();
    let mut command = flowgauge(arguments);
    command.current_dir(scratch.path());
    let outcome = run(command).expect_code(2);
    for text in says {
        assert!(outcome.err.contains(text), "{arguments:?} lacks {text:?}:\n{}", outcome.err);
    }
    assert!(!outcome.err.contains("panicked"), "{}", outcome.err);
    assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "{arguments:?} left something behind");
}

#[test]
fn unknown_names_get_the_nearest() {
    wrong(&["bench", "udp-ipv5"], &["udp-ipv4", "flowgauge list"]);
    wrong(&["bench", "udp-ipv4", "--policy", "masqerade"], &["masquerade"]);
    wrong(&["bench", "udp-ipv4", "--datapath", "flowtabel"], &["flowtable"]);
    wrong(&["show", "ruleset", "rout", "conntrack"], &["route"]);
    wrong(&["benhc"], &["bench"]);
}

#[test]
fn values_out_of_range_say_what_is_possible() {
    wrong(&["bench", "udp-ipv4", "--flows", "0"], &["1 to 1000000"]);
    wrong(&["bench", "udp-ipv4", "--frame", "40"], &["64 to 65535"]);
    wrong(&["bench", "udp-ipv6", "--frame", "64"], &["at least 84"]);
    wrong(&["bench", "udp-ipv4", "--frame", "9000"], &["at most 1518"]);
    wrong(&["bench", "udp-ipv4", "--load", "fast"], &["20kpps"]);
    wrong(&["bench", "udp-ipv4", "--trial", "1ms"], &["50ms"]);
    wrong(&["bench", "udp-ipv4", "--mtu", "100"], &["1280"]);
    wrong(&["bench", "udp-ipv4", "--kernel", "debain:6.12"], &["debian:6.12"]);
    wrong(&["bench", "udp-ipv4", "udp-ipv4"], &["twice"]);
    wrong(&["bench", "udp-ipv4", "--engine", "iperf3"], &["TCP"]);
    wrong(&["bench", "udp-ipv4", "--packets", "1000"], &["--trial"]);
    wrong(&["bench", "westphal-forwarding", "--warmup", "1s"], &["--packets"]);
}

#[test]
fn kernels_folders_and_prefixes_that_cannot_be_are_refused_before_anything_is_done() {
    wrong(&["bench", "udp-ipv4", "--kernel", "./nothing"], &["nothing"]);
    wrong(&["bench", "udp-ipv4", "--kernel", "/etc/passwd"], &["/etc/passwd"]);
    wrong(&["bench", "udp-ipv4", "--kernel", "debian:6.12", "--modules", "/tmp"], &["--kernel PATH"]);
    wrong(&["bench", "udp-ipv4", "--kernel", "debian:6.12", "--keep", "x"], &["--kernel host"]);
    wrong(&["bench", "udp-ipv4", "--keep", "a/b"], &["a/b"]);
    wrong(&["bench", "udp-ipv4", "--out", "/etc/passwd"], &["--out"]);
    wrong(&["bench", "tcp-bulk", "--load", "5kpps"], &["load = \"max\""]);
    wrong(&["bench", "udp-ipv4", "--control", "no-opening"], &["one-way TCP"]);
}

#[test]
fn a_policy_without_the_datapath_says_why_and_what_instead() {
    wrong(&["show", "ruleset", "masquerade", "forward"], &["netfilter", "conntrack"]);
    wrong(&["bench", "tcp-masquerade", "--datapath", "forward"], &["nothing is left to measure", "netfilter"]);
}

#[test]
fn a_scenario_file_with_a_wrong_key_points_at_the_line() {
    let scratch = Scratch::new();
    let path = scratch.path().join("mine.toml");
    let sound = run(flowgauge(&["show", "scenario", "udp-ipv4"])).expect_code(0).out;
    fs::write(&path, sound.replace("policy", "polcy")).unwrap();
    let outcome = run(flowgauge(&["bench", path.to_str().unwrap()])).expect_code(2);
    assert!(outcome.err.contains("line 2") && outcome.err.contains("polcy"), "{}", outcome.err);
    let outcome = run(flowgauge(&["bench", "./nowhere.toml"])).expect_code(2);
    assert!(outcome.err.contains("nowhere.toml"), "{}", outcome.err);
}

#[test]
fn a_corrupt_result_is_refused() {
    let scratch = Scratch::new();
    let path = scratch.path().join("result.json");
    for text in ["", "{", "[]", "{\"schema_version\": 1}", "{\"schema_version\": 99}"] {
        fs::write(&path, text).unwrap();
        let outcome = run(flowgauge(&["report", path.to_str().unwrap()])).expect_code(2);
        assert!(outcome.err.contains("result.json"), "{}", outcome.err);
    }
    run(flowgauge(&["report", "/nowhere/result.json"])).expect_code(2).expect_error("/nowhere/result.json");
}

#[test]
fn what_needs_no_kernel_works_without_one() {
    assert!(run(flowgauge(&["list"])).expect_code(0).out.contains("tcp-masquerade"));
    assert!(run(flowgauge(&["show", "ruleset", "route", "flowtable"])).expect_code(0).out.contains("flow add"));
    assert!(run(flowgauge(&["show", "plan", "udp-ipv4"])).expect_code(0).out.contains("block 9"));
    for shell in ["bash", "zsh", "fish"] {
        assert!(run(flowgauge(&["completions", shell])).expect_code(0).out.contains("flowgauge"));
    }
    for command in ["bench", "doctor", "show", "list", "report", "clean"] {
        assert!(run(flowgauge(&[command, "--help"])).expect_code(0).out.contains("Usage:"));
    }
}
