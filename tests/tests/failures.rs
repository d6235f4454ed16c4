//! What a user meets when the environment is at fault: exit code 3, one clear message, nothing left behind.

use std::fs;
use std::process::Command;

use flowgauge_tests::{Machine, Outcome, Scratch, flowgauge, machine, program, run};

/// Runs a shell line in a mount namespace of its own, `$F` being the program. Needs root, as mounting does.
fn in_mounts(scratch: &Scratch, line: &str) -> Outcome {
    let mut command = Command::new("unshare");
    // Nothing may get out. In a chroot `/` is no mount, cannot be made private, and need not be where nothing is shared.
    let private = "mount --make-rprivate / 2>/dev/null || ! grep -q shared: /proc/self/mountinfo || exit 98";
    command.args(["--mount", "--propagation", "unchanged", "sh", "-ec", &format!("{private}\n{line}")]);
    command.env("F", program::path()).current_dir(scratch.path());
    run(command)
}

#[test]
fn failures_of_the_environment_are_told_and_leave_nothing() {
    let _alone = machine::alone();
    let before = Machine::look();

    let scratch = Scratch::new();
    let line = "mount --bind /dev/null $(command -v nft || echo /usr/sbin/nft)
        exec $F bench udp-ipv4 --datapath conntrack --kernel host --quiet --out out";
    in_mounts(&scratch, line).expect_code(3).expect_error("nft");

    let line = "mount --bind /dev/null /usr/bin/qemu-system-x86_64
        exec $F bench udp-ipv4 --kernel debian:6.12 --quiet --out out";
    in_mounts(&scratch, line).expect_code(3).expect_error("qemu-system-x86");

    // Room for a few trials, not for all: what is on disk stays readable.
    let line = "mkdir small; mount -t tmpfs -o size=64k none small
        $F bench udp-ipv4 --datapath conntrack --kernel host --quiet --trial 50ms --warmup 0s --blocks 200 --out small \
           && exit 99 || code=$?
        cp -r small kept; exit $code";
    in_mounts(&scratch, line).expect_code(3).expect_error("free some space");
    let kept = scratch.path().join("kept/LAST");
    let mut report = Command::new(program::path());
    report.arg("report").arg(fs::canonicalize(kept).unwrap());
    assert!(run(report).expect_code(1).out.contains("conntrack"));

    // Events that cannot be written are no success.
    let line =
        "exec $F bench udp-ipv4 --datapath conntrack --kernel host --quiet --trial 50ms --json --out out >/dev/full";
    in_mounts(&scratch, line).expect_code(3).expect_error("standard output");

    before.expect_unchanged();
}

#[test]
fn a_guest_that_panics_is_shown_with_its_last_words() {
    let _alone = machine::alone();
    let before = Machine::look();
    let scratch = Scratch::new();
    let mut command = flowgauge(&["bench", "udp-ipv4", "--quiet", "--kernel", "debian:6.12", "--trial", "100ms"]);
    command.args(["--inject", "guest-panic", "--out"]).arg(scratch.path());
    let outcome = run(command).expect_code(3).expect_error("its kernel panicked");
    // The trace says who did it, and the trial that was done is kept.
    assert!(outcome.err.contains("sysrq"), "{}", outcome.err);
    let folder = scratch.run_folder();
    assert!(fs::read_to_string(folder.join("vm/console.log")).unwrap().contains("Kernel panic"));
    let report = run(flowgauge(&["report", folder.to_str().unwrap()])).expect_code(1);
    assert!(report.out.contains("panicked"), "{}", report.out);
    before.expect_unchanged();
}

#[test]
fn a_kernel_that_complains_makes_the_verdict_bad() {
    let _alone = machine::alone();
    let scratch = Scratch::new();
    let mut command = flowgauge(&["bench", "udp-ipv4", "--quiet", "--kernel", "debian:6.12", "--trial", "200ms"]);
    command.args(["--blocks", "1", "--inject", "guest-complaint", "--out"]).arg(scratch.path());
    let said = run(command).expect_code(1).out;
    assert!(said.contains("the kernel under test complained") && said.contains("net/injected.c"), "{said}");
    let folder = scratch.run_folder();
    let report = run(flowgauge(&["report", folder.to_str().unwrap()])).expect_code(1);
    assert!(report.out.contains("net/injected.c"), "{}", report.out);
}

#[test]
fn a_worker_that_panics_takes_its_testbed_down() {
    let _alone = machine::alone();
    let before = Machine::look();
    let scratch = Scratch::new();
    let mut command = flowgauge(&["bench", "udp-ipv4", "--quiet", "--kernel", "host", "--datapath", "conntrack"]);
    command.args(["--trial", "100ms", "--inject", "worker-panic", "--keep", "fgpanic", "--out"]).arg(scratch.path());
    run(command).expect_code(3).expect_error("this is a bug in flowgauge");
    run(flowgauge(&["clean"])).expect_code(0);
    before.expect_unchanged();
}

#[test]
fn a_kernel_without_what_is_asked_is_told() {
    let _alone = machine::alone();
    let scratch = Scratch::new();
    let mut command = flowgauge(&["bench", "udp-ipv4", "--quiet", "--kernel", "./bzImage", "--out", "out"]);
    command.current_dir(scratch.path());
    run(command).expect_code(2).expect_error("bzImage");
    fs::write(scratch.path().join("bzImage"), "not a kernel").unwrap();
    let mut command = flowgauge(&["bench", "udp-ipv4", "--quiet", "--kernel", "./bzImage", "--out", "out"]);
    command.current_dir(scratch.path());
    run(command).expect_code(2).expect_error("bzImage");
}
