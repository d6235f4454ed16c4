//! Each fault of the reference NIC, and what the proof or the counters say of it.
//!
//! All faults are measured in one run of one VM; each test looks at its own row. The row without a fault is the control:
//! what a test finds must not be found there.

use std::fs;
use std::sync::OnceLock;

use flowgauge_reports::RunResult;
use flowgauge_reports::judge::{Row, Verdict};
use flowgauge_reports::proof::Path;
use flowgauge_scenarios::Datapath;
use flowgauge_tests::{Scratch, flowgauge, run};

/// Name, datapaths, policy, protocol, direction, flows, faults.
type Case = (&'static str, &'static str, &'static str, &'static str, &'static str, u32, &'static str);

/// The ruleset that leaks, and the one that is measured on what was leaked.
const LEAKED: &str = "flowtable-hw\", \"conntrack";

const CASES: [Case; 15] = [
    ("sound", "flowtable-hw", "route", "udp", "both", 8, ""),
    ("sound-nat", "flowtable-hw", "masquerade", "udp", "upstream", 8, ""),
    ("sound-netdev", "netdev-hw", "route", "udp", "upstream", 8, ""),
    ("refuse-match", "flowtable-hw", "route", "udp", "upstream", 8, "refuse-match = 2"),
    ("refuse-at", "flowtable-hw", "route", "udp", "upstream", 8, "refuse-at = 8"),
    ("refuse-direction", "flowtable-hw", "route", "udp", "both", 8, "refuse-direction = 1"),
    ("install-delay", "flowtable-hw", "route", "udp", "upstream", 4, "install-delay-ms = 20"),
    ("freeze-counters", "flowtable-hw", "route", "udp", "upstream", 8, "freeze-counters = 1"),
    ("double-counters", "flowtable-hw", "route", "udp", "upstream", 8, "double-counters = 1"),
    ("count-l2", "netdev-hw", "route", "udp", "upstream", 8, "count-l2 = 1"),
    ("forget-ttl", "flowtable-hw", "route", "udp", "upstream", 8, "forget-ttl = 1"),
    ("wrong-checksum", "flowtable-hw", "route", "tcp", "both", 8, "wrong-checksum = 1"),
    ("wrong-nat-port", "flowtable-hw", "masquerade", "udp", "upstream", 8, "wrong-nat-port = 1"),
    ("lossy", "flowtable-hw", "route", "udp", "upstream", 1, "drop-every = 50, reorder-every = 70"),
    ("leak-at-unbind", LEAKED, "route", "udp", "upstream", 8, "leak-at-unbind = 1"),
];

fn result() -> &'static RunResult {
    static RESULT: OnceLock<RunResult> = OnceLock::new();
    RESULT.get_or_init(|| {
        let scratch = Scratch::new();
        let mut command = flowgauge(&["bench", "--quiet", "--seed", "7", "--out"]);
        command.arg(scratch.path());
        for case in CASES {
            let path = scratch.path().join(format!("{}.toml", case.0));
            fs::write(&path, text(&case)).unwrap();
            command.arg(path);
        }
        // Rows are bad on purpose.
        run(command).expect_code(1);
        RunResult::load(scratch.run_folder()).unwrap_or_else(|e| panic!("{e}"))
    })
}

fn text((name, datapaths, policy, protocol, direction, flows, faults): &Case) -> String {
    // The order is random: one of several blocks has the ruleset that leaks first.
    let blocks = if *datapaths == LEAKED { 2 } else { 1 };
    format!(
        "name = \"{name}\"\nabout = \"the reference NIC with a fault\"\ntopology = \"nic-router\"\npolicy = \"{policy}\"\n\
         datapaths = [\"{datapaths}\"]\nfaults = {{ {faults} }}\n[traffic]\nprotocol = \"{protocol}\"\nfamilies = \"ipv4\"\n\
         frame = 128\nflows = {flows}\ndirection = \"{direction}\"\nload = \"3kpps\"\n[method]\ntrial = \"700ms\"\n\
         warmup = \"400ms\"\nblocks = {blocks}\n"
    )
}

fn row(name: &str) -> &'static Row {
    result().judgement.rows.iter().find(|row| row.name == name).unwrap_or_else(|| panic!("no row {name}"))
}

#[test]
fn no_fault_makes_the_kernel_complain() {
    assert_eq!(result().complaints, Vec::<String>::new());
}

fn why(row: &Row) -> &str {
    let Verdict::Bad { why } = &row.verdict else { panic!("{} should be bad: {row:#?}", row.name) };
    why
}

fn hardware(row: &Row) -> f64 {
    row.proof.hardware.unwrap_or_else(|| panic!("{} has no hardware share: {row:#?}", row.name))
}

#[test]
fn without_a_fault_all_goes_through_the_hardware() {
    for name in ["sound", "sound-nat", "sound-netdev"] {
        let row = row(name);
        assert_eq!(row.verdict, Verdict::Good, "{row:#?}");
        assert!(row.proof.path == Path::Hardware && hardware(row) > 0.99, "{row:#?}");
        let totals = row.totals.as_ref().unwrap();
        assert_eq!((totals.lost, totals.reordered, totals.corrupted), (0, 0, 0), "{row:#?}");
        assert!(row.simulated, "{name} must be marked as simulated");
    }
}

#[test]
fn refused_by_match_the_flows_stay_in_software() {
    let row = row("refuse-match");
    assert!(why(row).contains("flowtable-hw"), "{}", why(row));
    assert_eq!(row.proof.path, Path::Fast, "{row:#?}");
    assert!(hardware(row) < 0.01 && row.proof.bypass.is_some_and(|b| b > 0.99), "{row:#?}");
}

#[test]
fn a_full_table_leaves_the_rest_in_software() {
    let row = row("refuse-at");
    // 8 rules are 4 of 8 flows at best; both directions of a flow need one each.
    assert!((0.2..0.8).contains(&hardware(row)), "{row:#?}");
    assert_eq!(row.proof.path, Path::Mixed, "{row:#?}");
    why(row);
}

#[test]
fn one_refused_direction_is_half() {
    let row = row("refuse-direction");
    assert!((0.45..0.55).contains(&hardware(row)), "{row:#?}");
    assert!(why(row).contains("upstream"), "the direction is named: {}", why(row));
}

#[test]
fn late_installs_lengthen_the_time_to_offload() {
    let median = |name: &str| {
        let cell = row(name).cell;
        let onset = result().onsets.iter().find(|o| o.cell == cell).unwrap_or_else(|| panic!("no onset of {name}"));
        let mut times: Vec<u64> = onset.flows.iter().filter_map(|f| f.first_hit_ns).collect();
        times.sort_unstable();
        assert!(times.len() > onset.flows.len() / 2, "most flows get into the hardware: {onset:?}");
        times[times.len() / 2]
    };
    let (late, sound) = (median("install-delay"), median("sound"));
    assert!(late >= 20_000_000, "each of 4 flows waits 20 ms for each of its rules: {late} ns");
    assert!(late > sound, "{late} ns late, {sound} ns sound");
}

#[test]
fn frozen_counters_are_contradicted() {
    let row = row("freeze-counters");
    assert!(!matches!(row.verdict, Verdict::Good), "{row:#?}");
    why(row);
}

#[test]
fn doubled_counters_are_contradicted() {
    why(row("double-counters"));
}

#[test]
fn bytes_of_the_wrong_layer_are_told() {
    let told = |name: &str| row(name).proof.findings.iter().any(|f| f.text.contains("L2"));
    assert!(told("count-l2"), "{:#?}", row("count-l2").proof);
    assert!(!told("sound-netdev"), "{:#?}", row("sound-netdev").proof);
}

#[test]
fn a_forgotten_ttl_is_damage() {
    let row = row("forget-ttl");
    assert!(why(row).contains("TTL"), "{}", why(row));
    assert!(hardware(row) > 0.99, "the path is told all the same: {row:#?}");
}

#[test]
fn a_wrong_checksum_is_damage() {
    assert!(why(row("wrong-checksum")).contains("checksum"), "{}", why(row("wrong-checksum")));
}

#[test]
fn a_wrong_port_after_translation_is_damage() {
    let why = why(row("wrong-nat-port"));
    assert!(why.contains("address") || why.contains("port"), "{why}");
}

#[test]
fn leaked_rules_are_of_nobody_and_forward_under_the_next_ruleset() {
    let of = |datapath| result().judgement.rows.iter().find(|r| r.name == "leak-at-unbind" && r.datapath == datapath);
    let next = of(Datapath::Conntrack).unwrap();
    why(next);
    assert!(next.proof.findings.iter().any(|f| f.text.contains("rules of nobody")), "{next:#?}");
    assert!(hardware(next) > 0.3, "the packets of at least one block never met conntrack: {next:#?}");
    // What was leaked goes with the fault: what is measured right after it does not meet it.
    let name = |trial: usize| result().plan.scenario(result().trials[trial].cell).name.as_str();
    let leaky = |trial: &usize| name(*trial) == "leak-at-unbind";
    let after = (1..result().trials.len()).find(|trial| leaky(&(trial - 1)) && !leaky(trial));
    let after = row(name(after.expect("the order ends with the leak: choose another seed")));
    assert!(!after.proof.findings.iter().any(|f| f.text.contains("rules of nobody")), "{after:#?}");
}

#[test]
fn loss_and_reordering_are_counted() {
    let totals = row("lossy").totals.as_ref().unwrap();
    let share = |n: u64| n as f64 / totals.sent as f64;
    assert!((0.015..0.025).contains(&share(totals.lost)), "one of 50: {totals:?}");
    assert!((0.007..0.021).contains(&share(totals.reordered)), "one of 70: {totals:?}");
}
