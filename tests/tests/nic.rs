//! The main report of hardware: the reference NIC on a real kernel in a VM, beside the software datapaths.

use std::collections::BTreeSet;

use flowgauge_reports::RunResult;
use flowgauge_reports::judge::{Row, Verdict};
use flowgauge_reports::proof::Path;
use flowgauge_scenarios::{Datapath, Topology};
use flowgauge_tests::{Scratch, expect_kept, flowgauge, run};

/// The unit of /proc/stat, which the softirq time of a trial is told in.
const TICK_NS: f64 = 10e6;
/// CPUs of the VM.
const CPUS: f64 = 2.0;

fn bench(scratch: &Scratch, arguments: &[&str]) -> RunResult {
    let mut command = flowgauge(&["bench", "--topology", "nic-router", "--quiet", "--seed", "7", "--out"]);
    command.arg(scratch.path()).args(arguments);
    run(command).expect_code(0);
    RunResult::load(scratch.run_folder()).unwrap_or_else(|e| panic!("{e}"))
}

fn is_hardware(row: &Row) -> bool {
    matches!(row.datapath, Datapath::FlowtableHw | Datapath::NetdevHw)
}

/// Each row is simulated, good, and went the way of its datapath; a hardware flowtable's tells the time to offload.
fn rows_are_proven(result: &RunResult) {
    for row in &result.judgement.rows {
        assert_eq!((&row.verdict, row.topology), (&Verdict::Good, Topology::NicRouter), "{row:#?}");
        assert!(row.simulated, "{row:#?}");
        let (proof, hardware) = (&row.proof, row.proof.hardware.unwrap_or_else(|| panic!("{row:#?}")));
        if is_hardware(row) {
            assert!(proof.path == Path::Hardware && hardware > 0.99, "{row:#?}");
        } else {
            assert!(hardware < 0.0001, "{row:#?}");
        }
        match row.datapath {
            Datapath::Forward | Datapath::Conntrack => {
                assert!(proof.path == Path::Classic && proof.bypass.is_some_and(|b| b < 0.0001), "{row:#?}");
            }
            Datapath::Flowtable => assert_eq!(proof.path, Path::Fast, "{row:#?}"),
            _ => {}
        }
        assert_eq!(row.onset.is_some(), row.datapath == Datapath::FlowtableHw, "{row:#?}");
        assert!(!is_hardware(row) || row.lookup.is_some(), "the simulation's own cost is told: {row:#?}");
    }
}

/// Soft interrupt nanoseconds of all trials of a row, and the frames that they delivered.
fn softirq(row: &Row) -> (f64, f64) {
    let spent = row.samples.iter().filter_map(|sample| sample.softirq_ns).sum();
    (spent, row.totals.as_ref().map_or(0.0, |totals| totals.received as f64))
}

/// What the DUT's stack spends on a packet that the hardware forwards is nothing that /proc/stat resolves: one unit of each
/// of the two CPUs in a trial, or below 3 % of what it spends on one that conntrack forwards (timers and workers have soft
/// interrupts too, and a starved guest has more of them for each packet).
fn hardware_costs_no_softirq(result: &RunResult) {
    let conntrack = |row: &Row| {
        let same = |other: &&Row| other.scenario == row.scenario && other.datapath == Datapath::Conntrack;
        let (spent, frames) = result.judgement.rows.iter().find(same).map(softirq)?;
        Some(spent / frames)
    };
    let mut compared = 0;
    for row in result.judgement.rows.iter().filter(|row| is_hardware(row)) {
        let Some(software_ns) = conntrack(row) else { continue };
        let (spent, frames) = softirq(row);
        assert!(frames > 0.0 && software_ns > 0.0, "{row:#?}");
        let resolution_ns = CPUS * TICK_NS * row.trials as f64 / frames;
        let cost_ns = spent / frames;
        assert!(
            cost_ns <= resolution_ns || cost_ns < 0.03 * software_ns,
            "{} {}: {cost_ns:.0} ns per hardware packet, {software_ns:.0} by conntrack, resolved to {resolution_ns:.0}",
            row.name,
            row.datapath.name()
        );
        compared += 1;
    }
    assert!(compared >= 2, "hardware rows beside conntrack rows: {compared}");
}

/// Of what the hardware forwarded in a trial the CPU saw nothing at all: the netdev chains count each packet.
fn the_cpu_saw_nothing_of_it(result: &RunResult) {
    let mut looked = 0;
    for trial in result.trials.iter().filter(|t| matches!(t.datapath, Datapath::FlowtableHw | Datapath::NetdevHw)) {
        let (Some(before), Some(after)) = (trial.before.cpu_ports.seen(), trial.after.cpu_ports.seen()) else {
            panic!("nobody watched the CPU in {trial:#?}")
        };
        let saw = (after.lan.packets - before.lan.packets) + (after.wan.packets - before.wan.packets);
        assert_eq!(saw, 0, "{} in block {}", trial.datapath.name(), trial.block);
        looked += 1;
    }
    assert!(looked > 0);
}

#[test]
fn hardware_is_proven_and_costs_the_stack_nothing() {
    let scratch = Scratch::new();
    let result = bench(&scratch, &["--trial", "400ms", "--blocks", "2"]);
    let datapaths: BTreeSet<&str> = result.judgement.rows.iter().map(|row| row.datapath.name()).collect();
    for datapath in ["conntrack", "flowtable", "flowtable-hw", "netdev", "netdev-hw"] {
        assert!(datapaths.contains(datapath), "{datapaths:?}");
    }
    let names: BTreeSet<&str> = result.judgement.rows.iter().map(|row| row.name.as_str()).collect();
    assert!(names.len() >= 4, "IPv4, IPv6, masquerade and DNAT: {names:?}");
    rows_are_proven(&result);
    hardware_costs_no_softirq(&result);
    the_cpu_saw_nothing_of_it(&result);
    let in_page = ["flowtable-hw", "simulated", "nic-udp-ipv4"];
    expect_kept(&scratch.run_folder(), &result, &in_page, &["flowtable-hw", "simulated"]);
}

#[test]
fn the_oldest_kernel_offloads_too() {
    let scratch = Scratch::new();
    let short = ["nic-udp-ipv4", "--trial", "300ms", "--blocks", "1", "--kernel", "debian:6.1"];
    let result = bench(&scratch, &short);
    rows_are_proven(&result);
    let environment = result.environment.unwrap();
    assert!(environment.kernel_release.starts_with("6.1."), "{environment:?}");
}
