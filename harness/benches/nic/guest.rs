//! The guest's half: a router on the card's ports, its generator, and the order of the measurements.

use std::error::Error;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use flowgauge::generators::{CpuPlan, Generator, RawEngine, Wire};
use flowgauge::nft;
use flowgauge::witnesses::{PortNames, Witnesses};
use flowgauge_reports::offered::DirectionReport;
use flowgauge_scenarios::ruleset::{self, Request};
use flowgauge_scenarios::{
    Control, Datapath, Direction, Families, Frame, Load, Opening, Policy, Protocol, Topology, Traffic,
};
use flowgauge_topologies::{Host, Ports, RouterSpec, Testbed};

use super::card::{Counters, fill};
use super::{lookup, stack};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

const LIMIT: Duration = Duration::from_secs(30);
const VOID_TRIALS: u32 = 3;

/// What a nanosecond of the guest is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Clock {
    Wall,
    Instructions,
}

pub(crate) fn work(clock: Clock) -> Outcome<()> {
    let mut guest = Guest::new()?;
    if clock == Clock::Wall {
        stack::insertion(&mut guest)?;
        stack::softirq(&mut guest)?;
    }
    lookup::by_table_size(&mut guest, clock)?;
    println!("\nTrials that sent nothing and were done again: {} of {}.", guest.void, guest.trials);
    Ok(())
}

/// A router of nic0 and nic1 between two testers.
pub(crate) struct Guest {
    pub(crate) engine: RawEngine,
    pub(crate) witnesses: Witnesses,
    pub(crate) counters: Counters,
    pub(crate) bed: Testbed,
    trials: u32,
    void: u32,
}

/// 64-byte UDP upstream, as fast as it goes.
pub(crate) fn traffic(flows: u32) -> Traffic {
    let (direction, load, opening) = (Direction::Upstream, Load::Max, Opening::Full);
    let (protocol, families, frame) = (Protocol::Udp, Families::Ipv4, Frame::Fixed(64));
    Traffic { protocol, families, frame, flows, direction, load, opening }
}

impl Guest {
    fn new() -> Outcome<Self> {
        let bed = Testbed::build(&RouterSpec { ports: Ports::from(Topology::NicRouter), ..RouterSpec::default() })?;
        for host in [&bed.client, &bed.server] {
            nft::mute(&host.netns, &host.port.name)?;
        }
        let name = |port: &flowgauge_topologies::Port| port.name.clone();
        let (lan, wan) = (name(&bed.dut.lan), name(&bed.dut.wan));
        let names = PortNames {
            client: name(&bed.client.port),
            lan: lan.clone(),
            wan: wan.clone(),
            server: name(&bed.server.port),
        };
        let witnesses = Witnesses::of_nic(&bed.client.netns, &bed.dut.netns, &bed.server.netns, &names);
        let engine = RawEngine::new(wire(&bed.client)?, wire(&bed.server)?, CpuPlan::available()?)?;
        Ok(Guest { engine, witnesses, counters: Counters::open(&bed.dut.netns, [lan, wan])?, bed, trials: 0, void: 0 })
    }

    /// Puts a ruleset of `datapath` in force, with no flow and no rule left of the one before.
    pub(crate) fn apply(&mut self, datapath: Datapath) -> Outcome<()> {
        let dut = &self.bed.dut;
        let text = ruleset::render(&Request {
            topology: Topology::NicRouter,
            policy: Policy::Route,
            datapath,
            families: Families::Ipv4,
            lan: &dut.lan.name,
            wan: &dut.wan.name,
            control: Control::None,
            extra_rules: 0,
            direction: Direction::Upstream,
        })
        .map_err(|gap| gap.reason)?;
        nft::remove(&dut.netns)?;
        self.witnesses.forget_connections()?;
        fill(0)?;
        nft::apply(&dut.netns, &text)?;
        Ok(())
    }

    /// Opens the flows, and waits for both rules of each to be in the table beside `others`.
    pub(crate) fn open(&mut self, flows: u32, others: u64) -> Outcome<()> {
        self.engine.open(&traffic(flows))?;
        self.wait_for_rules(others + 2 * u64::from(flows))
    }

    pub(crate) fn wait_for_rules(&self, wanted: u64) -> Outcome<()> {
        let began = Instant::now();
        loop {
            let rules = self.counters.read()?.sum("rules");
            if rules == wanted {
                return Ok(());
            }
            if began.elapsed() > LIMIT {
                return Err(format!("{rules} rules in the table after {LIMIT:?}, waiting for {wanted}").into());
            }
            // Rules come by work queues, which no descriptor tells of.
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// A trial. Where the machine gave the guest no CPU for all its time, and so nothing was sent, it is done again; how
    /// often is told at the end, and [`VOID_TRIALS`] in a row are an error.
    pub(crate) fn drive(&mut self, flows: u32, duration: Duration) -> Outcome<DirectionReport> {
        for _ in 0..VOID_TRIALS {
            self.trials += 1;
            let reports = self.engine.drive(&traffic(flows), duration, &AtomicBool::new(false))?;
            let report = reports.into_iter().next().ok_or("no direction was driven")?;
            match (report.sent, report.corrupted) {
                (0, _) => {
                    self.void += 1;
                    continue;
                }
                (_, 0) => return Ok(report),
                _ => return Err(format!("corrupted frames: {report:?}").into()),
            }
        }
        Err(format!("nothing was sent in {VOID_TRIALS} trials of {duration:?}").into())
    }
}

/// Frames per second that arrived.
pub(crate) fn delivered_pps(report: &DirectionReport) -> f64 {
    report.received as f64 * 1e9 / report.received_duration_ns.max(1) as f64
}

fn wire(host: &Host) -> Outcome<Wire> {
    let netns = host.netns.fd().try_clone_to_owned()?;
    Ok(Wire { netns, ifname: host.port.name.clone(), mac: host.port.mac, gateway_mac: host.port.peer_mac })
}
