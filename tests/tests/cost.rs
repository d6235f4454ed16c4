//! The instruction clock on a real kernel: what a packet costs, to the instruction, on a machine that others use too.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use flowgauge_reports::RunResult;
use flowgauge_reports::environment::Clock;
use flowgauge_reports::judge::Row;
use flowgauge_scenarios::Datapath;
use flowgauge_tests::{Scratch, expect_kept, flowgauge, run};

/// Two boots of the same plan may differ by so much in any row.
const BETWEEN_BOOTS: f64 = 0.001;

/// A bench of the bare table; the result, once everything about it is good.
fn bench(scratch: &Scratch, more: &[&str]) -> RunResult {
    let mut command = flowgauge(&["bench", "westphal-forwarding", "--kernel", "debian:6.12", "--seed", "1", "--quiet"]);
    command.args(more).arg("--out").arg(scratch.path());
    run(command).expect_code(0);
    RunResult::load(scratch.run_folder()).unwrap()
}

fn net(result: &RunResult, datapath: Datapath) -> f64 {
    let row = result.judgement.rows.iter().find(|row| row.datapath == datapath).unwrap();
    row.net.unwrap_or_else(|| panic!("no cost: {row:#?}")).median
}

/// A neighbour on the machine, for as long as it lives.
struct Neighbour(Arc<AtomicBool>, Option<thread::JoinHandle<()>>);

impl Neighbour {
    fn busy() -> Self {
        let go = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&go);
        let spin = move || {
            while seen.load(Ordering::Relaxed) {
                black_box((0..10_000_u64).sum::<u64>());
            }
        };
        Neighbour(go, Some(thread::spawn(spin)))
    }
}

impl Drop for Neighbour {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
        let _ = self.1.take().map(thread::JoinHandle::join);
    }
}

#[test]
fn two_boots_agree_although_the_machine_is_busy() {
    let (quiet, busy) = (Scratch::new(), Scratch::new());
    let first = bench(&quiet, &[]);
    let second = {
        let _neighbour = Neighbour::busy();
        bench(&busy, &[])
    };
    assert_eq!(first.environment.as_ref().unwrap().clock, Clock::Instructions);
    for row in &first.judgement.rows {
        let (one, other) = (net(&first, row.datapath), net(&second, row.datapath));
        println!("{}: {one:.1} and {other:.1} instructions", row.datapath.name());
        assert!((one / other - 1.0).abs() < BETWEEN_BOOTS, "{}: {one} and {other}", row.datapath.name());
    }
    // Each step of the path costs, and the flowtable saves most of them.
    let of = |datapath| net(&first, datapath);
    assert!(of(Datapath::Forward) < of(Datapath::Nft) && of(Datapath::Nft) < of(Datapath::Conntrack));
    assert!(of(Datapath::Flowtable) < 0.7 * of(Datapath::Forward));
    expect_kept(&quiet.run_folder(), &first, &["Instructions per packet", "instruction clock"], &["instructions"]);
}

#[test]
fn one_cheap_rule_more_is_a_regression_where_it_is_looked_at_and_nowhere_else() {
    let (sound, slower) = (Scratch::new(), Scratch::new());
    let (base, new) = (bench(&sound, &[]), bench(&slower, &["--extra-rules", "1"]));
    let change = |datapath| net(&new, datapath) / net(&base, datapath) - 1.0;
    for datapath in [Datapath::Nft, Datapath::Conntrack] {
        assert!((0.003..0.05).contains(&change(datapath)), "{}: {}", datapath.name(), change(datapath));
    }
    // No rule is looked at there.
    for datapath in [Datapath::Forward, Datapath::Flowtable] {
        assert!(change(datapath).abs() < BETWEEN_BOOTS, "{}: {}", datapath.name(), change(datapath));
    }
    let mut compare = flowgauge(&["compare", "--allow", "plan", "--json"]);
    compare.args([sound.run_folder(), slower.run_folder()]);
    let said = run(compare).expect_code(1).out;
    let comparison: serde_json::Value = serde_json::from_str(&said).unwrap();
    let verdicts: BTreeMap<&str, &str> = comparison["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["key"]["datapath"].as_str().unwrap(), row["verdict"].as_str().unwrap()))
        .collect();
    let expected =
        [("forward", "equivalent"), ("nft", "regressed"), ("conntrack", "regressed"), ("flowtable", "equivalent")];
    assert_eq!(verdicts, expected.into(), "{said}");
}

#[test]
fn hardware_costs_the_stack_nothing_and_its_lookups_are_told_apart() {
    let scratch = Scratch::new();
    let mut command = flowgauge(&["bench", "nic-cost", "--kernel", "debian:6.12", "--quiet", "--out"]);
    command.arg(scratch.path());
    run(command).expect_code(0);
    let result = RunResult::load(scratch.run_folder()).unwrap();
    let software = net(&result, Datapath::Conntrack);
    for datapath in [Datapath::FlowtableHw, Datapath::NetdevHw] {
        let row: &Row = result.judgement.rows.iter().find(|row| row.datapath == datapath).unwrap();
        let own = net(&result, datapath);
        println!("{}: {own:.1} instructions of the stack, conntrack {software:.1}", datapath.name());
        assert!(own.abs() < 0.01 * software, "{own} of {software}");
        assert!(row.lookup.is_some_and(|lookup| lookup.median > 100.0), "{row:#?}");
    }
}
