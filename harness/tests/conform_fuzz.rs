//! Sequences of packets through a live station.
//!
//! The reference against itself must not differ: what does would be chance, or a sequence that disturbs another. A ruleset
//! that is broken on purpose must be found out. Needs root; without it the tests say so and end.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;

use flowgauge::conform::cable::Cable;
use flowgauge::conform::fuzz::{Lab, Live, Outgoing, Step, run, stations};
use flowgauge::conform::station::Bench;
use flowgauge::worker::protocol::{Failure, Wire};
use flowgauge_reports::conform::{Arrived, FuzzSummary};
use flowgauge_reports::event::Event;
use flowgauge_scenarios::conform::{Flow, Fuzz, Station};
use flowgauge_scenarios::{Datapath, Protocol};

/// Two CPUs are few: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

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

/// None where stations cannot be built here.
fn campaign(station: &Station, packets: u64, broken: &'static str) -> Option<FuzzSummary> {
    let mut bench = match Bench::build(station, station.topology) {
        Ok(bench) => bench,
        Err(refused) => {
            eprintln!("skipped: {refused}");
            return None;
        }
    };
    let (client, server) = bench.wires().unwrap();
    let mut cable = Cable::open(client, server).unwrap();
    let live = Live::new(&mut bench, &mut cable, station);
    let mut lab = Twice { live, broken, second: false };
    let fuzz = Fuzz { packets, seed: 5, seconds: 60, datapath: Datapath::Flowtable };
    let summary = run(&fuzz, station, &mut lab, &Silent(AtomicBool::new(false))).unwrap();
    println!(
        "{:?} {:?}: {} packets, {:.0} packets/s through both paths, {} sequences, {} unopened, strays {:?}, {} differed, \
         {} unstable, {} unsorted in {:.1} s",
        station.family,
        station.translation,
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
    for divergence in &summary.divergences {
        println!("  {} x {:?}", divergence.count, divergence.findings);
        println!("    {:?}", divergence.case.steps);
    }
    Some(summary)
}

#[test]
fn the_reference_does_not_differ_from_itself() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for station in stations(Datapath::Flowtable) {
        let Some(summary) = campaign(&station, 20_000, "") else { return };
        assert!(summary.packets >= 20_000);
        assert_eq!((summary.unopened, summary.divergences.len()), (0, 0));
        // By chance a sequence may differ, but it does not again.
        assert!(summary.unstable * 1000 <= summary.sequences, "{} of {}", summary.unstable, summary.sequences);
    }
}

const DSCP: &str =
    "table inet broken {\nchain c {\ntype filter hook postrouting priority 300;\nip dscp set cs1\n}\n}\n";

#[test]
fn a_ruleset_broken_on_purpose_is_found_out() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let station = stations(Datapath::Flowtable).remove(0);
    let Some(summary) = campaign(&station, 5_000, DSCP) else { return };
    assert!(summary.differed > 100, "{}", summary.differed);
    let first = &summary.divergences[0];
    assert!(first.findings.iter().any(|finding| finding.field == "ipv4.dscp_ecn"), "{:?}", first.findings);
    // One plain packet shows it.
    assert_eq!(first.case.steps.len(), 2, "{:?}", first.case.steps);
}
