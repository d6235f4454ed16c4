//! What the witnesses of the sample read.

use std::collections::BTreeMap;

use flowgauge_scenarios::{Datapath, Family, Lane, Scenario};

use crate::observation::{
    Conntrack, Count, CpuHit, CpuObservation, CpuPorts, CpuTimes, DriverPort, DriverStatistics, IpForwarding,
    Observation, OffloadFlags, PortCounters, Ports, Reading, RuleCounters,
};

/// Packets of a trial that still took the classic path on the flowtable: what a neighbour lookup costs now and then.
const STRAGGLERS: u64 = 2;
/// What the opening and the warm-up left.
const EARLIER: u64 = 9_000;
/// A lookup in the simulated NIC with the actions of a hit, in nanoseconds.
const LOOKUP_NS: u64 = 230;

/// Packets of a moment of a trial.
#[derive(Clone, Copy)]
struct Moment {
    sent: u64,
    /// Of those, on the classic path.
    classic: u64,
    /// Of those, through the hardware.
    hardware: u64,
}

/// The witnesses before and after a trial that sent `sent` frames upstream.
pub(super) fn observations(
    datapath: Datapath,
    scenario: &Scenario,
    sent: u64,
    flows: u64,
) -> (Observation, Observation) {
    let classic = if datapath.offloads() { STRAGGLERS } else { sent };
    let hardware = if datapath.lane() == Lane::Hardware { sent - classic } else { 0 };
    let at = |moment| {
        let seen = in_software(datapath, scenario, moment, flows);
        if scenario.topology.has_nic() { on_a_nic(seen, datapath, scenario, moment, flows) } else { seen }
    };
    (at(Moment { sent: 0, classic: 0, hardware: 0 }), at(Moment { sent, classic, hardware }))
}

/// Packets at L3, of the size that the scenario's frames have there.
fn count(scenario: &Scenario, packets: u64) -> Count {
    Count { packets, bytes: packets * u64::from(scenario.traffic.max_size() - 18) }
}

fn in_software(datapath: Datapath, scenario: &Scenario, moment: Moment, flows: u64) -> Observation {
    let Moment { sent, classic, .. } = moment;
    let bytes = sent * u64::from(scenario.traffic.max_size() - 4);
    let sends = PortCounters { tx_packets: EARLIER + sent, tx_bytes: bytes, ..PortCounters::default() };
    let receives = PortCounters { rx_packets: EARLIER + sent, rx_bytes: bytes, ..PortCounters::default() };
    let ports = Ports { client: sends, lan: receives, wan: sends, server: receives };
    let ipv6 = scenario.traffic.families.each() == [Family::Ipv6];
    let forwarded = if ipv6 { (0, 300 + classic) } else { (300 + classic, 0) };
    let conntrack = Conntrack {
        entries: flows,
        seen_reply: flows,
        assured: flows,
        offload: if datapath.has_flowtable() { flows } else { 0 },
        hw_offload: if datapath == Datapath::FlowtableHw { flows } else { 0 },
        // Flows in hardware are accounted for late.
        original: count(scenario, EARLIER + sent - moment.hardware),
        reply: count(scenario, flows),
    };
    let rules = RuleCounters { upstream: count(scenario, 200 + classic), downstream: count(scenario, 100) };
    Observation {
        ports: Reading::Seen(ports),
        rules: if datapath == Datapath::Forward { Reading::Absent } else { Reading::Seen(rules) },
        ip_forwarding: Reading::Seen(IpForwarding { ipv4: forwarded.0, ipv6: forwarded.1 }),
        conntrack: Reading::Seen(if datapath.tracks() { conntrack } else { Conntrack::default() }),
        ..Observation::default()
    }
}

/// What a NIC and the chains at its ports add.
fn on_a_nic(seen: Observation, datapath: Datapath, scenario: &Scenario, moment: Moment, flows: u64) -> Observation {
    let cpu = EARLIER + moment.sent - moment.hardware;
    let port = |counters: &[(&str, u64)]| DriverPort {
        driver: "flowgauge_nic".to_owned(),
        counters: counters.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
    };
    let rules = if datapath == Datapath::FlowtableHw { flows } else { 0 };
    let driver = DriverStatistics {
        lan: port(&[
            ("hw_rx_packets", moment.hardware),
            ("hw_tx_packets", 0),
            ("cpu_rx_packets", cpu),
            ("lookups", EARLIER + moment.sent),
            ("lookup_hits", moment.hardware),
            ("lookup_ns", (EARLIER + moment.sent) * LOOKUP_NS),
            ("rules", rules),
            ("rules_purged", 0),
        ]),
        wan: port(&[
            ("hw_rx_packets", 0),
            ("hw_tx_packets", moment.hardware),
            ("cpu_tx_packets", cpu),
            ("lookup_hits", 0),
            ("lookup_ns", 0),
            ("rules", rules),
            ("rules_purged", 0),
        ]),
    };
    let hit = |rx: u64, tx: u64| PortCounters { rx_packets: rx, tx_packets: tx, ..PortCounters::default() };
    let chains = ["lan", "wan"].map(|chain| (chain.to_owned(), datapath.needs_nic()));
    let flags = OffloadFlags {
        flowtable: datapath.has_flowtable().then_some(datapath.needs_nic()),
        devices: if datapath.has_flowtable() { vec!["nic0".to_owned(), "nic1".to_owned()] } else { Vec::new() },
        chains: if datapath.has_netdev_chain() { BTreeMap::from(chains) } else { BTreeMap::new() },
    };
    let rules = RuleCounters { upstream: count(scenario, moment.sent), downstream: Count::default() };
    Observation {
        cpu_ports: Reading::Seen(CpuPorts { lan: count(scenario, cpu), wan: Count::default() }),
        cpu_hit: Reading::Seen(CpuHit { lan: hit(cpu, 0), wan: hit(0, cpu), hardware_statistics: None }),
        netdev_rules: if datapath.has_netdev_chain() { Reading::Seen(rules) } else { Reading::Absent },
        driver: Reading::Seen(driver),
        flags: Reading::Seen(flags),
        ..seen
    }
}

/// The CPUs before and after.
pub(super) fn cpu(duration_ns: u64, softirq_ns: u64) -> (CpuObservation, CpuObservation) {
    let busy = CpuTimes { user_ns: duration_ns / 20, softirq_ns: softirq_ns / 2, ..CpuTimes::default() };
    let spent = CpuTimes {
        system_ns: duration_ns / 4,
        idle_ns: duration_ns.saturating_sub(busy.softirq_ns + duration_ns / 20 + duration_ns / 4),
        ..busy
    };
    let observation = |taken_ns, times| CpuObservation {
        taken_ns,
        cpus: vec![times; 2],
        softirqs: BTreeMap::new(),
        softnet: Vec::new(),
    };
    (observation(0, CpuTimes::default()), observation(duration_ns, spent))
}
