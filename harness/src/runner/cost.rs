//! The method `cost`: a number of packets is handed over by pktgen, and what that took is divided by it.

use std::thread::sleep;
use std::time::Duration;

use flowgauge_reports::environment::Clock;
use flowgauge_reports::offered::{CountedReport, Slice};
use flowgauge_reports::trial::{CellProfile, Opening};
use flowgauge_scenarios::ruleset::{self, Request};
use flowgauge_scenarios::{Control, Datapath, Direction, Policy, Scenario, Topology};

use super::live::Live;
use crate::generators::pktgen::{self, Course, Entry, Outcome};
use crate::nft;
use crate::profile::Sampler;
use crate::worker::protocol::Failure;

/// Packets that go before the measured ones, for what is done once: neighbours, routes, slabs.
const WARM_UP: u64 = 2_000;
/// What the kernel still has to do after a ruleset was replaced (RCU, work queues) is over by then.
const SETTLE: Duration = Duration::from_millis(100);

/// Other tasks (kernel threads, our own) run a little beside pktgen, differently in each boot, and are not in the cost.
/// Where they have more than one part in so many, a part of the packets' own work may be theirs.
const MUCH_GIVEN_AWAY: u64 = 50;

/// The single directions of a scenario, upstream first.
fn directions(scenario: &Scenario) -> impl Iterator<Item = Direction> {
    let both = scenario.traffic.direction;
    [(Direction::Upstream, both.client_sends()), (Direction::Downstream, both.server_sends())]
        .into_iter()
        .filter_map(|(direction, sends)| sends.then_some(direction))
}

/// Frames of a slice, at least. A run is told in microseconds, and ticks come every 4 ms.
const SLICE: u64 = 10_000;
/// Slices of a trial, at most: enough that what happens once or twice in a trial is in few of them.
const SLICES: u64 = 10;

/// In how many parts `packets` frames are handed over: each has every flow, for pktgen begins each at the first. Under the
/// wall clock a part costs a quarter of a second more, since pktgen looks at its orders only that often.
fn slices(scenario: &Scenario, packets: u64, clock: Clock) -> u64 {
    match clock {
        Clock::Instructions => (packets / SLICE.max(u64::from(scenario.traffic.flows))).clamp(1, SLICES),
        Clock::Wall => 1,
    }
}

/// Hands over `packets` frames of one direction, in slices.
fn hand_over(
    live: &mut Live,
    scenario: &Scenario,
    direction: Direction,
    packets: u64,
) -> Result<CountedReport, Failure> {
    let (entry, netns) = match (scenario.topology, direction) {
        (Topology::Bare, _) => (Entry::Receive, &live.bed.dut.netns),
        (_, Direction::Downstream) => (Entry::Transmit, &live.bed.server.netns),
        _ => (Entry::Transmit, &live.bed.client.netns),
    };
    let course = Course::new(&live.bed, &scenario.traffic, scenario.policy, direction, entry);
    let many = slices(scenario, packets, live.clock);
    let (mut outcome, mut slices) = (Outcome::default(), Vec::new());
    for slice in 0..many {
        let share = packets / many + u64::from(slice < packets % many);
        let (part, whole) = pktgen::run(netns, &course, share).map_err(Failure::environment)?;
        live.shares_frames |= !whole;
        slices.push(Slice { sent: part.packets, elapsed_ns: part.elapsed_ns });
        outcome = outcome.and(part);
    }
    if many == 1 {
        slices.clear();
    }
    live.gave_away |= outcome.others_ns > outcome.elapsed_ns / MUCH_GIVEN_AWAY;
    let bytes = outcome.packets * u64::from(scenario.traffic.max_size());
    if let Some(handed) = &live.handed {
        // Ports count without FCS.
        handed.add(direction, outcome.packets, bytes - 4 * outcome.packets);
    }
    Ok(CountedReport {
        direction,
        sent: outcome.packets,
        sent_bytes_l2: bytes,
        errors: outcome.errors,
        elapsed_ns: outcome.elapsed_ns,
        others_ns: outcome.others_ns,
        slices,
    })
}

/// Opens every flow: packets in both directions, twice, so that each is established and in the flowtable before it is
/// measured. Then as many more as it takes for what the kernel does only once.
pub(super) fn open(live: &mut Live, scenario: &Scenario, datapath: Datapath) -> Result<Opening, Failure> {
    let wanted = u64::from(scenario.traffic.flows);
    let began = std::time::Instant::now();
    for round in 0..2 {
        for direction in [Direction::Upstream, Direction::Downstream] {
            let packets = if round == 0 { wanted } else { wanted.max(WARM_UP) };
            hand_over(live, scenario, direction, packets)?;
        }
    }
    let duration_ns = began.elapsed().as_nanos() as u64;
    let tracked = datapath.tracks().then(|| live.witnesses.connections()).transpose().map_err(Failure::environment)?;
    if let Some(tracked) = tracked.filter(|&tracked| tracked < wanted) {
        return Err(Failure::environment(format!(
            "{wanted} flows were opened and the DUT tracks only {tracked}: is its conntrack table too small \
             (net.netfilter.nf_conntrack_max)?"
        )));
    }
    sleep(SETTLE);
    Ok(Opening { wanted, opened: wanted, tracked, duration_ns })
}

/// Hands over the packets of a trial, each direction after the other.
pub(super) fn drive(live: &mut Live, scenario: &Scenario) -> Result<Vec<CountedReport>, Failure> {
    let packets = u64::from(scenario.method.packets);
    directions(scenario).map(|direction| hand_over(live, scenario, direction, packets)).collect()
}

/// Nanoseconds between two samples of the kernel; under the instruction clock as many instructions.
const SAMPLE_NS: u64 = 20_000;

/// Hands over the packets of a trial and samples the kernel meanwhile: where they spend what they cost. Only what pktgen
/// did is kept, for the rest of the kernel is not a packet's. The cell is left at 0.
pub(super) fn explain(live: &mut Live, scenario: &Scenario) -> Result<CellProfile, Failure> {
    let sampler = Sampler::start(SAMPLE_NS).map_err(Failure::environment)?;
    let reports = drive(live, scenario);
    let profile = sampler.stop().map_err(Failure::environment)?;
    let packets = reports?.iter().map(|r| r.sent).sum();
    Ok(CellProfile { cell: 0, packets, profile: profile.within(GENERATOR) })
}

/// The function that every packet of pktgen is within.
const GENERATOR: &str = "pktgen_thread_worker";

/// What a packet takes that the DUT's stack does nothing with, in nanoseconds of the kernel's clock.
///
/// Without testers the DUT drops it at ingress: what is left is the generator, and the way to the first hook. On a NIC a
/// netdev chain in the hardware forwards it: what is left is the generator, the cables, and the tester that receives. The
/// lookups of a NIC that is simulated are taken out.
pub(super) fn generator(live: &mut Live, scenario: &Scenario) -> Result<f64, Failure> {
    let dut = &live.bed.dut;
    let (lan, wan) = (dut.lan.name.clone(), dut.wan.name.clone());
    nft::remove(&dut.netns).map_err(Failure::environment)?;
    let nic = scenario.topology.has_nic();
    // An offloaded chain passes frames on as they are; what it matches is the same in all policies but the addresses.
    let plain = Scenario { policy: Policy::Route, ..scenario.clone() };
    if nic {
        let request = Request {
            topology: scenario.topology,
            policy: Policy::Route,
            datapath: Datapath::NetdevHw,
            families: scenario.traffic.families,
            lan: &lan,
            wan: &wan,
            control: Control::None,
            extra_rules: 0,
            direction: scenario.traffic.direction,
        };
        let text = ruleset::render(&request)
            .map_err(|gap| Failure::environment(format!("{}; {}", gap.reason, gap.instead)))?;
        nft::apply(&dut.netns, &text).map_err(Failure::environment)?;
    } else {
        nft::drop_at_ingress(&dut.netns, &[&lan, &wan]).map_err(Failure::environment)?;
    }
    let measured = measure(live, &plain);
    let dut = &live.bed.dut;
    if nic { nft::remove(&dut.netns) } else { nft::undrop(&dut.netns) }.map_err(Failure::environment)?;
    measured
}

fn measure(live: &mut Live, scenario: &Scenario) -> Result<f64, Failure> {
    for direction in directions(scenario).collect::<Vec<_>>() {
        hand_over(live, scenario, direction, WARM_UP)?;
    }
    sleep(SETTLE);
    let before = lookups(live);
    let reports = drive(live, scenario)?;
    let after = lookups(live);
    let sent: u64 = reports.iter().map(|r| r.sent).sum();
    let took: f64 = reports.iter().filter_map(|r| Some(r.per_packet()? * r.sent as f64)).sum();
    if sent == 0 {
        return Err(Failure::environment("pktgen handed over nothing while it was calibrated"));
    }
    Ok((took - after.saturating_sub(before) as f64).max(0.0) / sent as f64)
}

/// Nanoseconds that the lookups of a simulated NIC have taken so far, both ports together.
fn lookups(live: &mut Live) -> u64 {
    let driver = live.witnesses.observe().driver;
    let of = |port: &flowgauge_reports::observation::DriverPort| port.counters.get("lookup_ns").copied().unwrap_or(0);
    driver.seen().map_or(0, |driver| of(&driver.lan) + of(&driver.wan))
}
