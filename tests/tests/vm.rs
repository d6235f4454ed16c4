//! The main job on a real kernel with flowtables, in a VM.

use flowgauge_reports::RunResult;
use flowgauge_reports::judge::Verdict;
use flowgauge_reports::proof::Path;
use flowgauge_scenarios::Datapath;
use flowgauge_tests::{Scratch, expect_kept, flowgauge, run};
use flowgauge_topologies::kernel;

const KERNEL: [&str; 2] = ["--kernel", "debian:6.12"];

fn bench(scratch: &Scratch, arguments: &[&str], code: i32) -> RunResult {
    let mut command = flowgauge(&["bench", "--quiet", "--seed", "7", "--out"]);
    command.arg(scratch.path()).args(KERNEL).args(arguments);
    run(command).expect_code(code);
    RunResult::load(scratch.run_folder()).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn the_flowtable_bypasses_and_conntrack_does_not() {
    let scratch = Scratch::new();
    let short = ["--trial", "400ms", "--blocks", "3"];
    let names = ["udp-ipv4", "udp-ipv6", "tcp-masquerade", "stateful-dual"];
    let result = bench(&scratch, &[&names[..], &short].concat(), 0);
    assert_eq!(result.trials.len(), 3 * (3 + 3 + 2 + 2));
    for row in &result.judgement.rows {
        let proof = &row.proof;
        let bypass = proof.bypass.unwrap_or_else(|| panic!("{row:?}"));
        match row.datapath {
            Datapath::Flowtable => assert!(bypass > 0.99 && proof.path == Path::Fast, "{row:?}"),
            _ => assert!(bypass < 0.0001 && proof.path == Path::Classic, "{row:?}"),
        }
    }
    // Masquerade does not exist on plain forwarding, and the reader is told.
    assert_eq!(result.plan.holes.len(), 1);
    let in_page = ["udp-ipv4", "tcp-masquerade", "6.12"];
    expect_kept(&scratch.run_folder(), &result, &in_page, &["flowtable", "udp-ipv6"]);
}

#[test]
fn every_negative_control_turns_the_verdict() {
    let scratch = Scratch::new();
    let names = ["control-missing-port", "control-no-flow-add", "control-no-opening"];
    let result = bench(&scratch, &names, 1);
    assert_eq!(result.judgement.rows.len(), 3);
    for row in &result.judgement.rows {
        assert_eq!(row.proof.path, Path::Classic, "{row:?}");
        assert!(row.proof.bypass.is_some_and(|bypass| bypass < 0.01), "{row:?}");
        assert!(matches!(row.verdict, Verdict::Bad { .. }), "{row:?}");
    }
}

#[test]
fn the_oldest_kernel_does_the_same() {
    let scratch = Scratch::new();
    let mut command = flowgauge(&["bench", "udp-ipv4", "--quiet", "--blocks", "2", "--trial", "300ms", "--out"]);
    command.arg(scratch.path()).args(["--kernel", "debian:6.1"]);
    run(command).expect_code(0);
    let result = RunResult::load(scratch.run_folder()).unwrap();
    let environment = result.environment.unwrap();
    assert!(environment.kernel_release.starts_with("6.1."), "{environment:?}");
}

#[test]
fn a_kernel_of_ones_own_is_taken_by_path_and_modules() {
    let cache = kernel::cache_dir().unwrap();
    let version = kernel::DebianVersion::DEFAULT;
    let image = kernel::debian::fetch(version, &cache, &|_| ()).unwrap();
    let scratch = Scratch::new();
    let mut command = flowgauge(&["bench", "udp-ipv4", "--quiet", "--blocks", "1", "--trial", "200ms", "--out"]);
    command.arg(scratch.path()).arg("--kernel").arg(&image.vmlinuz).arg("--modules").arg(&image.modules);
    run(command).expect_code(0);
    let environment = RunResult::load(scratch.run_folder()).unwrap().environment.unwrap();
    assert_eq!(environment.kernel_release, image.release);
    assert!(environment.kernel_origin.contains("vmlinuz"), "{environment:?}");
}
