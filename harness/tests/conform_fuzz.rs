//! Sequences of packets through a live station.
//!
//! The reference against itself must not differ: what does would be chance, or a sequence that disturbs another. A ruleset
//! that is broken on purpose must be found out. On this machine's kernel that needs root. In a VM (qemu-system-x86_64, make
//! and gcc) flowtables are tried; this test's own binary is the guest's init and its worker.

use std::io::{BufRead, BufReader};
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use flowgauge::conform::cable::Cable;
use flowgauge::conform::fuzz::{Catalogued, Lab, Live, Outgoing, Step, case_file, run, stations};
use flowgauge::conform::station::Bench;
use flowgauge::worker::protocol::{Failure, Wire};
use flowgauge_reports::conform::{Arrived, FuzzSummary};
use flowgauge_reports::event::Event;
use flowgauge_scenarios::conform::{Catalogue, Flow, Fuzz, Mutation, Station};
use flowgauge_scenarios::{Datapath, Protocol};
use flowgauge_topologies::kernel::{cache_dir, debian};
use flowgauge_topologies::vm::{self, CONFORM_MODULES, Exit, ExtraModule, Vm, VmOptions};
use libtest_mimic::{Arguments, Failed, Trial};

const WORKER: &str = "--as-worker";
/// The longest that a guest may take.
const ENOUGH: Duration = Duration::from_secs(600);
/// Packets that both paths must take in a second, emulated.
const RATE: f64 = 2000.0;

struct Silent(AtomicBool);

impl Wire for Silent {
    fn emit(&self, _: &Event) -> Result<(), Failure> {
        Ok(())
    }

    fn kept(&self, _: usize) -> Result<(), Failure> {
        Ok(())
    }

    fn stop(&self) -> &AtomicBool {
        &self.0
    }
}

/// The reference twice, the second time with what is broken: native nft text.
struct Twice<'a> {
    live: Live<'a>,
    broken: &'static str,
    second: bool,
}

impl Lab for Twice<'_> {
    fn become_datapath(&mut self, _: Datapath) -> Result<(), Failure> {
        let broken = if self.second { self.broken } else { "" };
        self.second = !self.second;
        let bench = &mut *self.live.bench;
        let applied = bench.apply(Datapath::Conntrack, None).and_then(|()| {
            let clean = "table inet broken\ndelete table inet broken\n";
            bench.apply_text(format!("{clean}{}{broken}", bench.ruleset().to_owned()), None)
        });
        applied.map_err(|refused| Failure::environment(refused.to_string()))
    }

    fn macs(&self) -> (flowgauge::generators::raw::wire::Macs, flowgauge::generators::raw::wire::Macs) {
        self.live.macs()
    }

    fn pass(&mut self, rounds: &[Vec<&Outgoing>]) -> Result<Vec<Arrived>, Failure> {
        self.live.pass(rounds)
    }

    fn offloaded(&mut self, flows: &[(Flow, Protocol)]) -> Result<(), Failure> {
        self.live.offloaded(flows)
    }

    fn step(&mut self, frames: &[Outgoing], flow: &Flow, protocol: Protocol) -> Result<Step, Failure> {
        self.live.step(frames, flow, protocol)
    }
}

fn fuzz(packets: u64, datapath: Datapath) -> Fuzz {
    Fuzz { packets, seed: 5, seconds: 60, datapath, mutation: None }
}

fn tell(summary: &FuzzSummary) {
    println!(
        "{} {:?} {:?}: {} packets, {:.0} packets/s through both paths, {} sequences, {} unopened, strays {:?}, {} differed, \
         {} unstable, {} unsorted in {:.1} s",
        summary.datapath.name(),
        summary.station.family,
        summary.station.translation,
        summary.packets,
        summary.packets_per_second(),
        summary.sequences,
        summary.unopened,
        summary.strays,
        summary.differed,
        summary.unstable,
        summary.unsorted,
        summary.duration_ns as f64 / 1e9
    );
    for known in &summary.known {
        println!("  known {} x {} {}", known.count, known.protocol.name(), known.case);
    }
    for divergence in &summary.divergences {
        let text = case_file(&divergence.case).unwrap_or_default();
        let packets: Vec<&str> = text.lines().skip_while(|line| !line.contains("send")).collect();
        let fields: Vec<&str> = divergence.findings.iter().map(|finding| finding.field.as_str()).collect();
        println!("  {} x {fields:?} {:?}: {}", divergence.count, divergence.instance.id, packets.join("; "));
    }
}

/// None where stations cannot be built here.
fn twice(station: &Station, packets: u64, broken: &'static str) -> Result<Option<FuzzSummary>, Failed> {
    let mut bench = match Bench::build(station, station.topology) {
        Ok(bench) => bench,
        Err(refused) => {
            println!("skipped: {refused}");
            return Ok(None);
        }
    };
    let (client, server) = bench.wires()?;
    let mut cable = Cable::open(client, server)?;
    let live = Live::new(&mut bench, &mut cable, station, None);
    let mut lab = Twice { live, broken, second: false };
    let fuzz = fuzz(packets, Datapath::Flowtable);
    let summary = run(&fuzz, station, &mut lab, &Silent(AtomicBool::new(false)), &Catalogued::default())
        .map_err(|f| f.message)?;
    tell(&summary);
    Ok(Some(summary))
}

fn check(holds: bool, what: impl std::fmt::Debug) -> Result<(), Failed> {
    if holds { Ok(()) } else { Err(format!("{what:?}").into()) }
}

fn the_reference_does_not_differ_from_itself() -> Result<(), Failed> {
    for station in stations(Datapath::Flowtable) {
        let Some(summary) = twice(&station, 20_000, "")? else { return Ok(()) };
        check(summary.packets >= 20_000 && summary.unopened == 0 && summary.divergences.is_empty(), &summary)?;
        // By chance a sequence may differ, but it does not again.
        check(summary.unstable * 1000 <= summary.sequences, summary.unstable)?;
    }
    Ok(())
}

const DSCP: &str =
    "table inet broken {\nchain c {\ntype filter hook postrouting priority 300;\nip dscp set cs1\n}\n}\n";

fn a_ruleset_broken_on_purpose_is_found_out() -> Result<(), Failed> {
    let Some(summary) = twice(&stations(Datapath::Flowtable).remove(0), 5_000, DSCP)? else { return Ok(()) };
    check(summary.differed > 100, summary.differed)?;
    let first = summary.divergences.first().ok_or("no divergence")?;
    check(first.findings.iter().any(|finding| finding.field == "ipv4.dscp_ecn"), &first.findings)?;
    // One plain packet shows it.
    check(first.case.steps.len() == 2, &first.case.steps)
}

/// Boots a kernel, and holds the fuzzer to its rate.
fn guest(version: &str) -> Result<(), Failed> {
    let cache = cache_dir()?;
    let image = debian::fetch(version.parse().map_err(|()| "no version")?, &cache, &|_| ())?;
    let driver = flowgauge_topologies::nic::module(&image, &cache, &|_| ())?;
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    let run_dir = std::env::temp_dir().join(format!("flowgauge-fuzz-{}-{version}", std::process::id()));
    let mut options = VmOptions::new(run_dir, vec![own, WORKER.to_owned()]);
    options.modules.extend(CONFORM_MODULES.iter().map(|&name| name.to_owned()));
    options.extra_modules.push(ExtraModule { path: driver, parameters: String::new() });
    let mut vm = Vm::boot(&image, options, &|_| ())?;
    let channel = vm.channel()?;
    channel.set_read_timeout(Some(ENOUGH))?;
    let mut said = Vec::new();
    for line in BufReader::new(channel).lines() {
        said.push(line?);
        println!("  {}", said.last().map_or("", String::as_str));
        if said.last().is_some_and(|line| line == "end") {
            break;
        }
    }
    let failed: Vec<&String> = said.iter().filter(|line| line.starts_with("failed")).collect();
    check(said.last().is_some_and(|line| line == "end") && failed.is_empty(), failed)?;
    let exit = vm.wait(ENOUGH);
    check(exit == Exit::Code(0), exit)?;
    check(vm.findings().is_empty(), vm.findings())
}

/// In the guest: flowtables in software and in hardware, on every station; the reference against itself; and mutants.
fn worker() -> ExitCode {
    let mutant = |name: &str| Mutation::all().into_iter().find(|mutation| mutation.name() == name);
    for (datapath, mutation) in [
        (Datapath::Flowtable, None),
        (Datapath::FlowtableHw, None),
        (Datapath::Conntrack, None),
        (Datapath::Flowtable, mutant("egress-ecn")),
        (Datapath::FlowtableHw, mutant("fault-forget-ttl")),
    ] {
        let all = stations(datapath);
        let some = if mutation.is_some() { 1 } else { all.len() };
        for station in &all[..some] {
            match tried(station, datapath, mutation) {
                Ok(summary) => failures(&summary, mutation).iter().for_each(|why| println!("failed: {why}")),
                Err(error) => println!("failed: {error:?}"),
            }
        }
    }
    println!("end");
    ExitCode::SUCCESS
}

/// What is wrong with a summary: it must have been fast, the reference must not differ from itself, what is broken on purpose
/// must be found, and of what is known nothing may come up as new.
fn failures(summary: &FuzzSummary, mutation: Option<Mutation>) -> Vec<String> {
    let mut why = Vec::new();
    let mut wanted = |holds: bool, what: String| {
        if !holds {
            why.push(what)
        }
    };
    let rate = summary.packets_per_second();
    wanted(rate >= RATE, format!("{rate:.0} packets/s are too slow"));
    // On a machine that others use a tester may lose a frame; what did not open is counted, and says nothing.
    wanted(summary.unopened * 500 <= summary.sequences, format!("{} flows did not open", summary.unopened));
    let fields: Vec<&str> =
        summary.divergences.iter().flat_map(|found| &found.findings).map(|finding| finding.field.as_str()).collect();
    let field = match mutation.map(Mutation::name).as_deref() {
        Some("egress-ecn") => Some("ipv4.dscp_ecn"),
        Some(_) => Some("ipv4.ttl"),
        None => None,
    };
    match field {
        Some(field) => wanted(fields.contains(&field), format!("the mutant was not found: {fields:?}")),
        None if summary.datapath == Datapath::Conntrack => {
            wanted(summary.divergences.is_empty(), format!("the reference differs from itself: {fields:?}"));
            wanted(summary.known.is_empty(), format!("on the reference nothing is known to fail: {:?}", summary.known));
        }
        None => {
            let known = |case: &str| summary.known.iter().any(|known| known.case == case);
            wanted(known("transport-checksum-wrong") && known("foreign-mac"), "known failures were not met".to_owned());
            let found: Vec<&str> = summary.divergences.iter().map(|found| found.instance.id.as_str()).collect();
            wanted(found.is_empty(), format!("nothing that is known explains {fields:?} of {found:?}"));
        }
    }
    why
}

fn tried(station: &Station, datapath: Datapath, mutation: Option<Mutation>) -> Result<FuzzSummary, Failed> {
    let mut bench = Bench::build(station, station.topology)?;
    bench.kernel_is_ours()?;
    let (client, server) = bench.wires()?;
    let mut cable = Cable::open(client, server)?;
    let mut live = Live::new(&mut bench, &mut cable, station, mutation);
    let stop = Silent(AtomicBool::new(false));
    let packets = if mutation.is_some() { 6_000 } else { 20_000 };
    let fuzz = Fuzz { seconds: 25, mutation, ..fuzz(packets, datapath) };
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let catalogued = Catalogued::new(Catalogue::builtin()?.known, release.trim());
    let summary = run(&fuzz, station, &mut live, &stop, &catalogued).map_err(|failure| failure.message)?;
    tell(&summary);
    Ok(summary)
}

fn main() -> ExitCode {
    if vm::is_guest_init() {
        vm::guest_init();
    }
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        return worker();
    }
    let mut arguments = Arguments::from_args();
    // Each has the CPUs to itself.
    arguments.test_threads = Some(1);
    let tests = vec![
        Trial::test("the_reference_does_not_differ_from_itself", the_reference_does_not_differ_from_itself),
        Trial::test("a_ruleset_broken_on_purpose_is_found_out", a_ruleset_broken_on_purpose_is_found_out),
        Trial::test("flowtables_are_fuzzed_in_a_guest", || guest("6.12")),
    ];
    libtest_mimic::run(&arguments, tests).exit_code()
}
