//! A conformance result as a run would give it, made up: three cases of the catalogue on three datapaths, with one cell of each
//! kind. For tests and for looking at pages.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use flowgauge_scenarios::conform::{Catalogue, Flow, Instance, Known, Mutation, Outcome, REFERENCE, Side, Step};
use flowgauge_scenarios::{Datapath, Direction, Family, Topology};

use super::{ActRun, Arrived, CaseRun, ConformResult, ConformStart, Entry, Hardware, Sent, State, StepRun, Tuple};
use crate::event::{Event, SCHEMA_VERSION};
use crate::observation::{Count, Reading};

/// The cases: one that differs under test, one that is known to, one that cannot be had.
const CASES: [&str; 3] = ["ttl-decrements", "foreign-mac", "vlan"];

/// The events of a complete run.
///
/// # Panics
/// When the catalogue cannot be read, which is a fault of flowgauge.
pub fn events() -> Vec<Event> {
    let catalogue = Catalogue::builtin().expect("the built-in cases are sound");
    let wanted = CASES.map(str::to_owned);
    let mutants = [Mutation::EgressTtl, Mutation::EgressDscp];
    let plan = catalogue.plan(&wanted, &[], &mutants).expect("the cases of the sample can be planned");
    let passing = Known {
        instances: "ttl-decrements/ipv4-tcp-plain-up".to_owned(),
        datapaths: vec![Datapath::Flowtable],
        since: None,
        until: None,
        outcome: Outcome::Fail,
        differs: vec!["ipv4.ttl".to_owned()],
        reason: "Made up: it is said to fail and does not.".to_owned(),
        link: "https://example.org/thread".to_owned(),
        flaky: false,
    };
    let start = ConformStart {
        schema_version: SCHEMA_VERSION,
        run: "2026-01-01-sample".to_owned(),
        unix_s: 1_767_225_600.0,
        command: ["flowgauge", "conform", "--kernel", "debian:6.12", "--mutants"].map(str::to_owned).to_vec(),
        known: catalogue.known.into_iter().chain([passing]).collect(),
        plan: plan.clone(),
    };
    let mut events = vec![Event::ConformStarted(Box::new(start))];
    events.push(Event::Environment(Box::new(crate::sample::environment_of(Topology::Router))));
    for station in &plan.stations {
        for &datapath in &station.datapaths {
            for &index in &station.instances {
                let run = run(&plan.cases, &plan.instances, index, station.topology, datapath, None);
                let itself = datapath == REFERENCE && station.topology == Topology::Router;
                let again = itself.then(|| CaseRun { again: true, ..run.clone() });
                events.extend([Some(run), again].into_iter().flatten().map(|run| Event::CaseRun(Box::new(run))));
            }
        }
    }
    for mutation in mutants {
        for index in plan.stations.iter().filter(|s| s.topology == Topology::Router).flat_map(|s| s.instances.clone()) {
            let tested =
                run(&plan.cases, &plan.instances, index, Topology::Router, mutation.datapath(), Some(mutation));
            events.push(Event::CaseRun(Box::new(tested)));
        }
    }
    events.push(Event::Finished);
    events
}

/// The result of [`events`].
///
/// # Panics
/// As [`events`].
pub fn result() -> ConformResult {
    ConformResult::from_events(events()).expect("the events of the sample are a run")
}

fn run(
    cases: &[flowgauge_scenarios::conform::Case],
    instances: &[Instance],
    index: usize,
    topology: Topology,
    datapath: Datapath,
    mutation: Option<Mutation>,
) -> CaseRun {
    let instance = &instances[index];
    let case = &cases[instance.case];
    let refused = (case.id.starts_with("vlan") && datapath != REFERENCE)
        .then(|| "the kernel refused the flowtable: Operation not supported".to_owned());
    let steps = if refused.is_some() { Vec::new() } else { case.steps.iter().collect() };
    let steps = steps.into_iter().map(|step| step_run(case, instance, step, datapath, mutation));
    CaseRun {
        instance: index,
        topology,
        datapath,
        mutation,
        again: false,
        steps: steps.collect(),
        refused,
        broken: None,
        duration_ns: 61_000_000,
    }
}

fn step_run(
    case: &flowgauge_scenarios::conform::Case,
    instance: &Instance,
    step: &Step,
    datapath: Datapath,
    mutation: Option<Mutation>,
) -> StepRun {
    let flow = instance.flow(0);
    let upstream = instance.direction != Direction::Downstream;
    let (from, to) = if upstream { (Side::Client, Side::Server) } else { (Side::Server, Side::Client) };
    let offloads = datapath.offloads();
    let mut run = StepRun { state: state(&flow, datapath), ..StepRun::default() };
    let (count, arrive, keeps) = match step {
        Step::Open { .. } => (2, 2, false),
        Step::Send { packet, arrive, .. } => {
            // The one that fails: the fast path does not count the TTL down.
            let ttl = case.id == "ttl-decrements" && instance.id.contains("ipv4-udp-plain-up");
            (packet.count, arrive.unwrap_or(packet.count), ttl && datapath == Datapath::FlowtableHw)
        }
        Step::Act(_) => {
            run.act = Some(ActRun { done: true, said: String::new(), duration_ns: 2_000_000 });
            (0, 0, false)
        }
        _ => (0, 0, false),
    };
    // What is forwarded though it is for another MAC address is the known failure.
    let leaks = case.id == "foreign-mac" && offloads && arrive == 0 && count > 0;
    for n in 0..count {
        let at_ns = u64::from(n) * 40_000;
        run.sent.push(Sent { side: from, at_ns, frame: frame(instance, &flow, upstream, 64, n as u8) });
        if n < arrive || leaks {
            let ttl = if keeps { 64 } else { 63 } - u8::from(mutation == Some(Mutation::EgressTtl));
            let frame = frame(instance, &flow, upstream, ttl, n as u8);
            run.arrived.push(Arrived { side: to, at_ns: at_ns + 90_000, frame });
        }
    }
    let opens = matches!(step, Step::Open { .. });
    run.classic = Reading::Seen(if offloads && !opens { 0 } else { arrive.into() });
    if datapath == Datapath::FlowtableHw {
        run.cpu = Reading::Seen(0);
    }
    run
}

/// A frame of a flow with 16 bytes of payload. Its checksums are not worked out.
fn frame(instance: &Instance, flow: &Flow, upstream: bool, ttl: u8, n: u8) -> Vec<u8> {
    let (source, destination): (SocketAddr, SocketAddr) =
        if upstream { (flow.client, flow.server_real) } else { (flow.server_real, flow.client) };
    let tcp = instance.protocol.name() == "tcp";
    let transport: u16 = if tcp { 20 } else { 8 };
    let mut frame = vec![2, 0x66, 0x67, 0, 0, 1, 2, 0x66, 0x67, 0, 0, 2];
    let protocol = if tcp { 6 } else { 17 };
    match instance.family {
        Family::Ipv4 => {
            frame.extend([8, 0, 0x45, 0]);
            frame.extend((20 + transport + 16).to_be_bytes());
            frame.extend([0, n, 0x40, 0, ttl, protocol, 0, 0]);
        }
        Family::Ipv6 => {
            frame.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
            frame.extend((transport + 16).to_be_bytes());
            frame.extend([protocol, ttl]);
        }
    }
    for address in [source, destination] {
        match address.ip() {
            std::net::IpAddr::V4(ip) => frame.extend(ip.octets()),
            std::net::IpAddr::V6(ip) => frame.extend(ip.octets()),
        }
    }
    frame.extend(source.port().to_be_bytes());
    frame.extend(destination.port().to_be_bytes());
    if tcp {
        frame.extend([0, 0, 0, n, 0, 0, 0, 1, 0x50, 0x18, 0xff, 0xff, 0, 0, 0, 0]);
    } else {
        frame.extend((transport + 16).to_be_bytes());
        frame.extend([0, 0]);
    }
    frame.extend((0..16).map(|at| at + n));
    frame
}

fn state(flow: &Flow, datapath: Datapath) -> State {
    let bits = match datapath {
        Datapath::Flowtable => 1 << 14,
        Datapath::FlowtableHw => 3 << 14,
        _ => 0,
    };
    let count = Count { packets: 4, bytes: 176 };
    let entry = Entry {
        flow: 0,
        original: Tuple { source: flow.client, destination: flow.server },
        reply: Tuple { source: flow.server_real, destination: flow.client_seen },
        status: 0x18e | bits,
        timeout_s: (bits == 0).then_some(117),
        tcp_state: None,
        mark: 0,
        original_count: count,
        reply_count: count,
    };
    let hardware = Hardware { rules: 2, count };
    State {
        entries: Reading::Seen(vec![entry]),
        rules: Reading::Seen(BTreeMap::new()),
        ports: Reading::Absent,
        hardware: if datapath == Datapath::FlowtableHw { Reading::Seen(hardware) } else { Reading::Absent },
    }
}
