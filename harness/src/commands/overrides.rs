//! Flags that change single values of the scenarios named.

use clap::Args;
use flowgauge_scenarios::{
    Control, Datapath, Direction, Engine, Families, Fault, Frame, Load, MethodKind, Policy, Protocol, Scenario,
    ScenarioError, Span, Topology,
};

use super::values;

/// Values in place of the scenario's own.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Instead of the scenario's own")]
pub(super) struct Overrides {
    /// What the DUT's ports are; with a NIC, datapaths that use it are added
    #[arg(long, value_parser = values::topology())]
    pub(super) topology: Option<Topology>,
    /// What the DUT does with packets
    #[arg(long, value_parser = values::policy())]
    policy: Option<Policy>,
    /// Datapaths to compare (repeat, or separate by commas)
    #[arg(long = "datapath", value_delimiter = ',', value_parser = values::datapath())]
    datapaths: Vec<Datapath>,
    /// Address families
    #[arg(long = "family", value_parser = values::families())]
    families: Option<Families>,
    /// Transport protocol
    #[arg(long, value_parser = values::protocol())]
    protocol: Option<Protocol>,
    /// Frame size in bytes with FCS, or `imix`
    #[arg(long, value_name = "BYTES|imix")]
    frame: Option<Frame>,
    /// Number of flows, 1 to 1000000
    #[arg(long, value_name = "N")]
    flows: Option<u32>,
    /// Who sends
    #[arg(long, value_parser = values::direction())]
    direction: Option<Direction>,
    /// Offered load of each sending direction: max, 20kpps, 100mbit
    #[arg(long, value_name = "RATE")]
    load: Option<Load>,
    /// The engine that offers the traffic
    #[arg(long, value_parser = values::engine())]
    engine: Option<Engine>,
    /// Length of a trial: 800ms, 60s
    #[arg(long, value_name = "TIME")]
    trial: Option<Span>,
    /// Warm-up before each trial
    #[arg(long, value_name = "TIME")]
    warmup: Option<Span>,
    /// Number of blocks; each holds every datapath once
    #[arg(long, value_name = "N")]
    blocks: Option<u32>,
    /// Packets of each direction in a trial of a scenario whose method is cost
    #[arg(long, value_name = "N")]
    packets: Option<u32>,
    /// Put so many cheap rules that match nothing ahead of the forward chain's own: a slowdown of known cause
    #[arg(long, value_name = "N")]
    extra_rules: Option<u32>,
    /// MTU of the links in bytes
    #[arg(long, value_name = "BYTES")]
    mtu: Option<u32>,
    /// Links segment in software as late as they can (counters then count skbs, not wire packets)
    #[arg(long, value_name = "BOOL")]
    gso: Option<bool>,
    /// Links join what they receive
    #[arg(long, value_name = "BOOL")]
    gro: Option<bool>,
    /// Links leave checksums to each other
    #[arg(long, value_name = "BOOL")]
    checksum: Option<bool>,
    /// Break the setup on purpose; the verdict must turn
    #[arg(long, value_parser = values::control())]
    control: Option<Control>,
    /// Let the reference NIC do something wrong on purpose (repeat, or separate by commas; `flowgauge list faults`)
    #[arg(long = "fault", value_name = "NAME[=N]", value_delimiter = ',', value_parser = values::fault)]
    faults: Vec<(Fault, u32)>,
}

impl Overrides {
    /// Changes `scenario` and checks that it still fits together.
    pub(super) fn apply(&self, scenario: &mut Scenario) -> Result<(), ScenarioError> {
        fn set<T: Copy>(to: &mut T, from: Option<T>) {
            if let Some(value) = from {
                *to = value;
            }
        }
        set(&mut scenario.policy, self.policy);
        set(&mut scenario.traffic.families, self.families);
        set(&mut scenario.traffic.protocol, self.protocol);
        set(&mut scenario.traffic.frame, self.frame);
        set(&mut scenario.traffic.flows, self.flows);
        set(&mut scenario.traffic.direction, self.direction);
        set(&mut scenario.traffic.load, self.load);
        set(&mut scenario.engine, self.engine);
        set(&mut scenario.method.trial, self.trial);
        set(&mut scenario.method.warmup, self.warmup);
        set(&mut scenario.method.blocks, self.blocks);
        set(&mut scenario.method.packets, self.packets);
        set(&mut scenario.extra_rules, self.extra_rules);
        set(&mut scenario.links.mtu, self.mtu);
        set(&mut scenario.links.gso, self.gso);
        set(&mut scenario.links.gro, self.gro);
        set(&mut scenario.links.checksum, self.checksum);
        set(&mut scenario.control, self.control);
        scenario.faults.extend(self.faults.iter().copied());
        if let Some(topology) = self.topology.filter(|&topology| topology != scenario.topology) {
            scenario.move_to(topology);
        }
        if !self.datapaths.is_empty() {
            scenario.datapaths.clone_from(&self.datapaths);
        }
        scenario.settle()
    }

    /// A flag that changes nothing in any of `scenarios`, with what to do.
    pub(super) fn idle(&self, scenarios: &[Scenario]) -> Option<String> {
        let of = |kind| scenarios.iter().any(|scenario| scenario.method.kind == kind);
        if self.packets.is_some() && !of(MethodKind::Cost) {
            return Some(
                "--packets is for scenarios whose method is cost: give --trial TIME, or take one of them".to_owned(),
            );
        }
        if (self.trial.is_some() || self.warmup.is_some()) && !of(MethodKind::Rate) {
            let text = "--trial and --warmup are for scenarios that offer a load for a time: the method cost takes --packets N";
            return Some(text.to_owned());
        }
        None
    }
}
