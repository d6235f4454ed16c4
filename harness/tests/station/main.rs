//! Stations of conformance: built, given rulesets, acted on and looked at, with real frames. On this machine's kernel in
//! namespaces (needs root), and in VMs with the reference NIC (needs qemu-system-x86_64, make and gcc). This test's own
//! binary is the guest's init and its worker. STATION_ONLY=WORDS runs only those tests in a guest whose names have the words.

mod acts;
mod encapsulations;
mod frame;
mod guest;
mod plain;
mod port;
mod rig;

use std::process::ExitCode;

use flowgauge_scenarios::Topology;
use flowgauge_topologies::vm;
use libtest_mimic::{Arguments, Failed, Trial};

const WORKER: &str = "--as-worker";

type Outcome = Result<(), Failed>;
type Case = fn(Topology) -> Outcome;

/// What is tested, and whether it needs ports of a NIC.
const CASES: [(&str, Case); 7] = [
    ("a station forwards, and its state is exact", plain::forwards),
    ("a flowtable bypasses the classic path", plain::bypasses),
    ("parameters are the station's", plain::parameters),
    ("acts do what they say", acts::each_does),
    ("after an act all is as before", acts::each_is_undone),
    ("acts on the ruleset", acts::rulesets),
    ("what the link carries", encapsulations::each),
];

/// What is tested on a NIC alone.
const ON_NIC: [(&str, Case); 2] =
    [("a hardware flowtable bypasses the CPU", plain::offloads), ("a NIC that is at fault", plain::faults)];

fn main() -> ExitCode {
    if vm::is_guest_init() {
        vm::guest_init();
    }
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        return guest::worker();
    }
    let mut arguments = Arguments::from_args();
    // Each test has the CPUs to itself.
    arguments.test_threads = Some(1);
    let here =
        CASES.into_iter().map(|(name, case)| Trial::test(format!("here: {name}"), move || case(Topology::Router)));
    let there = GUESTS.map(|version| Trial::test(format!("in a guest of {version}"), move || guest::run(version)));
    libtest_mimic::run(&arguments, here.chain(there).collect()).exit_code()
}

/// Kernels that differ in what they have: the newest has tunnels in the flowtable.
const GUESTS: [&str; 2] = ["6.12", "newest"];

/// Every test for a topology.
fn cases(topology: Topology) -> impl Iterator<Item = (&'static str, Case)> {
    CASES.into_iter().chain(ON_NIC.into_iter().filter(move |_| topology.has_nic()))
}

fn check(holds: bool, what: impl std::fmt::Debug) -> Outcome {
    if holds { Ok(()) } else { Err(format!("{what:?}").into()) }
}
