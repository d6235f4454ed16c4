//! A result as a run would give it, made up: three scenarios on veth links and one on a NIC, up to ten blocks, a hole.
//! For tests and for looking at pages.
//!
//! Deterministic, and labelled as made up in its kernel's name.

mod observed;
mod onset;

use flowgauge_scenarios::{Cell, Datapath, Direction, Plan, Scenario, Topology};

use crate::environment::{Accelerator, Clock, Environment, Nic, Tool};
use crate::event::{Event, SCHEMA_VERSION, Start};
use crate::offered::{Damage, DirectionReport, Latency, time_histogram};
use crate::result::RunResult;
use crate::trial::{Calibration, Offered, Opening, Trial};

/// What the generator reaches by itself, in frames per second.
const LIMIT_PPS: f64 = 231_000.0;
/// The scenarios; the last is on a NIC.
const NAMES: [&str; 4] = ["udp-ipv4", "udp-ipv6", "tcp-masquerade", "nic-udp-ipv4"];

/// The events of a complete run.
pub fn events() -> Vec<Event> {
    let mut scenarios: Vec<Scenario> = NAMES.iter().filter_map(|name| Scenario::load(name).ok()).collect();
    if let Some(on_a_nic) = scenarios.last_mut() {
        on_a_nic.datapaths.splice(0..0, [Datapath::Forward, Datapath::Nft]);
    }
    let plan = Plan::new(scenarios, 7);
    let start = Start {
        schema_version: SCHEMA_VERSION,
        run: "2026-01-01-sample".to_owned(),
        unix_s: 1_767_225_600.0,
        command: ["flowgauge", "bench"].iter().chain(&NAMES).map(|word| (*word).to_owned()).collect(),
        plan: plan.clone(),
    };
    let mut events = vec![Event::Started(Box::new(start))];
    events.extend(
        [Topology::Router, Topology::NicRouter].map(|topology| Event::Environment(Box::new(environment_of(topology)))),
    );
    for scenario in 0..plan.scenarios.len() {
        events.push(Event::Calibrated(Calibration {
            scenario,
            block: 0,
            offered_pps: LIMIT_PPS,
            softirq_ns_per_packet: 2_900.0,
            generator_per_packet: None,
        }));
    }
    for (index, step) in plan.steps.iter().enumerate() {
        events.push(Event::TrialStarted { step: index });
        events.push(Event::Trial(Box::new(trial(&plan, index, step.block, step.cell))));
    }
    events.extend(onset::events(&plan));
    events.push(Event::Finished);
    events
}

/// The result of [`events`].
///
/// # Panics
/// Never: the events are well formed.
pub fn result() -> RunResult {
    RunResult::from_events(events()).unwrap_or_else(|e| unreachable!("the sample is well formed: {e}"))
}

/// The fingerprint of both topologies.
pub fn environment() -> Environment {
    let mut environment = environment_of(Topology::Router);
    environment.merge(environment_of(Topology::NicRouter));
    environment
}

pub(crate) fn environment_of(topology: Topology) -> Environment {
    let nic = |(role, port): (&str, &str)| Nic {
        topology,
        simulated: topology.has_nic(),
        role: role.to_owned(),
        name: if topology.has_nic() { port.to_owned() } else { format!("{role}0") },
        driver: if topology.has_nic() { "flowgauge_nic" } else { "veth" }.to_owned(),
        features: Vec::new(),
    };
    let tool = |name: &str, version: &str| Tool { name: name.to_owned(), version: version.to_owned() };
    Environment {
        flowgauge: env!("CARGO_PKG_VERSION").to_owned(),
        kernel_release: "6.12.0-sample".to_owned(),
        kernel_version: "#1 SMP PREEMPT_DYNAMIC made up".to_owned(),
        kernel_origin: "debian:6.12".to_owned(),
        accelerator: Accelerator::Tcg,
        clock: Clock::Wall,
        cpu: "QEMU TCG CPU".to_owned(),
        host_cpu: "Example 3000 at 2.10 GHz".to_owned(),
        cpus: 2,
        memory_bytes: 2 << 30,
        topology: topology.name().to_owned(),
        nics: [("client", "wire0"), ("lan", "nic0"), ("wan", "nic1"), ("server", "wire1")].map(nic).to_vec(),
        tools: vec![tool("nft", "nftables v1.0.6"), tool("qemu-system-x86_64", "QEMU emulator version 7.2")],
        settings: vec!["net.netfilter.nf_conntrack_acct = 1".to_owned()],
    }
}

/// Speed in frames per second and soft interrupt time per frame in nanoseconds.
fn character(cell: Cell, plan: &Plan) -> (f64, f64) {
    let base = match cell.datapath {
        Datapath::Forward => (90_400.0, 10_100.0),
        Datapath::Nft => (84_300.0, 10_900.0),
        Datapath::Conntrack => (58_100.0, 16_900.0),
        Datapath::Flowtable | Datapath::Netdev => (117_300.0, 7_300.0),
        Datapath::FlowtableHw | Datapath::NetdevHw => (148_000.0, 30.0),
    };
    match plan.scenarios[cell.scenario].name.as_str() {
        "udp-ipv6" => (base.0 * 0.94, base.1 * 1.07),
        "tcp-masquerade" => (base.0 * 0.88, base.1 * 1.12),
        _ => base,
    }
}

/// A number of -1 to 1 that looks random and is not.
fn wobble(block: u32, cell: usize, salt: u32) -> f64 {
    let mixed = (u64::from(block) * 7919 + cell as u64 * 104_729 + u64::from(salt) * 15_485_863 + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

fn trial(plan: &Plan, step: usize, block: u32, cell: usize) -> Trial {
    let (what, scenario) = (plan.cells[cell], plan.scenario(cell));
    let (pps, cost_ns) = character(what, plan);
    // What the machine does meanwhile is shared by a block, the rest is the trial's own.
    let drift = 1.0 + 0.02 * wobble(block, 0, 1);
    let pps = pps * drift * (1.0 + 0.02 * wobble(block, cell, 2));
    let sent = (pps * scenario.method.trial.seconds()) as u64;
    let softirq =
        (sent as f64 * cost_ns / drift * (1.0 + 0.02 * wobble(block, cell, 3))) as u64 / 10_000_000 * 10_000_000;
    let flows = u64::from(scenario.traffic.flows);
    let (before, after) = observed::observations(what.datapath, scenario, sent, flows);
    let (cpu_before, cpu_after) = observed::cpu(scenario.method.trial.ms * 1_000_000, softirq);
    Trial {
        step,
        block,
        cell,
        datapath: what.datapath,
        started_unix_s: 1_767_225_600.0 + 1.4 * step as f64,
        ruleset: ruleset(scenario, what.datapath),
        opening: Some(Opening {
            wanted: flows,
            opened: flows,
            tracked: what.datapath.tracks().then_some(flows),
            duration_ns: 9_400_000,
        }),
        offered: Offered::Frames(vec![frames(scenario, sent, pps, flows, 2e9 / pps, (block, cell))]),
        before,
        after,
        cpu_before,
        cpu_after,
    }
}

fn ruleset(scenario: &Scenario, datapath: Datapath) -> String {
    use flowgauge_scenarios::ruleset::{Request, render};
    let request = Request {
        topology: scenario.topology,
        policy: scenario.policy,
        datapath,
        families: scenario.traffic.families,
        lan: if scenario.topology.has_nic() { "nic0" } else { "lan0" },
        wan: if scenario.topology.has_nic() { "nic1" } else { "wan0" },
        control: scenario.control,
        extra_rules: scenario.extra_rules,
        direction: scenario.traffic.direction,
    };
    render(&request).unwrap_or_else(|gap| format!("# {}\n", gap.reason))
}

fn frames(scenario: &Scenario, sent: u64, pps: f64, flows: u64, scale_ns: f64, at: (u32, usize)) -> DirectionReport {
    let mut histogram = time_histogram();
    // A long right tail: the exponential distribution's quantiles, on top of a floor.
    for i in 0..2_000_u32 {
        let u = (f64::from(i) + 0.5) / 2_000.0;
        let ns = scale_ns * (1.2 - (1.0 - u).ln() * 1.1) * (1.0 + 0.06 * wobble(at.0, at.1, 4));
        histogram.saturating_record_n(ns as u64, sent / 2_000);
    }
    let nanoseconds = scenario.method.trial.ms * 1_000_000;
    DirectionReport {
        direction: Direction::Upstream,
        intended_pps: None,
        offered_pps: pps,
        sent,
        sent_bytes_l2: sent * u64::from(scenario.traffic.max_size()),
        send_duration_ns: nanoseconds,
        send_errors: 0,
        received: sent,
        lost: 0,
        duplicated: 0,
        reordered: 0,
        corrupted: 0,
        damage: Damage::default(),
        uncaptured: 0,
        foreign: 0,
        unverified: 0,
        flows,
        flows_with_loss: 0,
        flows_silent: 0,
        received_duration_ns: nanoseconds,
        latency: Latency::of(&histogram),
        pacing: None,
    }
}
