//! The machine is the same before and after, however a run ends: by itself, by Ctrl-C, by kill -9.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use flowgauge_tests::{Machine, Scratch, flowgauge, machine, run};

const HOST: [&str; 6] = ["--kernel", "host", "--datapath", "forward,conntrack", "--trial", "300ms"];
const VM: [&str; 4] = ["--kernel", "debian:6.12", "--trial", "300ms"];

/// A bench that is in its trials.
fn running(scratch: &Scratch, arguments: &[&str]) -> Child {
    let mut command = flowgauge(&["bench", "udp-ipv4", "--quiet", "--blocks", "500", "--out"]);
    command.arg(scratch.path()).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    if !reaches_a_trial(scratch) {
        let _ = child.kill();
        let _ = child.wait();
        panic!("no trial within two minutes");
    }
    child
}

/// Waits until the run in `scratch` has a trial on disk; false after two minutes.
fn reaches_a_trial(scratch: &Scratch) -> bool {
    let deadline = Instant::now() + Duration::from_secs(120);
    while Instant::now() < deadline {
        let text = std::fs::read_to_string(scratch.path().join("LAST/events.jsonl")).unwrap_or_default();
        if text.contains("\"event\":\"trial\"") {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    false
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id() as i32), signal).unwrap();
}

fn ended_by(how: Signal, arguments: &[&str], code: Option<i32>) {
    let machine = Machine::look();
    let scratch = Scratch::new();
    let mut child = running(&scratch, arguments);
    signal(&child, how);
    let status = child.wait().unwrap();
    assert_eq!(status.code(), code, "{status}");
    machine.expect_unchanged();
    // What was measured until then is on disk, and can be looked at.
    let report = run(flowgauge(&["report", scratch.run_folder().to_str().unwrap()])).expect_code(1);
    assert!(report.out.contains("udp-ipv4"), "{}", report.out);
}

#[test]
fn a_run_on_the_host_leaves_nothing() {
    let _alone = machine::alone();
    let machine = Machine::look();
    let scratch = Scratch::new();
    let mut command = flowgauge(&["bench", "udp-ipv4", "--quiet", "--blocks", "2", "--out"]);
    command.arg(scratch.path()).args(HOST);
    run(command).expect_code(0);
    machine.expect_unchanged();
}

#[test]
fn interrupted_and_terminated_on_the_host() {
    let _alone = machine::alone();
    ended_by(Signal::SIGINT, &HOST, Some(130));
    ended_by(Signal::SIGTERM, &HOST, Some(130));
}

#[test]
fn killed_on_the_host() {
    let _alone = machine::alone();
    ended_by(Signal::SIGKILL, &HOST, None);
}

#[test]
fn interrupted_and_killed_with_a_vm() {
    let _alone = machine::alone();
    ended_by(Signal::SIGINT, &VM, Some(130));
    ended_by(Signal::SIGKILL, &VM, None);
}

#[test]
fn kept_namespaces_are_named_and_clean_removes_them() {
    let _alone = machine::alone();
    let machine = Machine::look();
    let scratch = Scratch::new();
    let mut child = running(&scratch, &[&HOST[..], &["--keep", "fgtest"]].concat());
    signal(&child, Signal::SIGKILL);
    child.wait().unwrap();
    assert!(std::path::Path::new("/run/netns/fgtest-dut").exists(), "kept namespaces outlive a kill -9");
    // The worker is killed with its parent, a moment later; until then its run counts as alive.
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let said = run(flowgauge(&["clean", "--dry-run"])).expect_code(0).out;
        if said.contains("fgtest-dut") {
            break;
        }
        assert!(Instant::now() < deadline, "{said}");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(std::path::Path::new("/run/netns/fgtest-dut").exists(), "a dry run removes nothing");
    run(flowgauge(&["clean"])).expect_code(0);
    machine.expect_unchanged();
}
