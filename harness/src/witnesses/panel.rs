//! All witnesses of a testbed, asked together.

use std::fmt::Display;
use std::sync::Arc;

use flowgauge_reports::observation::{
    Conntrack, CpuHit, CpuObservation, CpuPorts, DriverStatistics, IpForwarding, Observation, OffloadFlags, Ports,
    RuleCounters, StandardStatistics,
};
use flowgauge_topologies::Netns;

use super::bare_ports::{BarePortWitness, Handed};
use super::conntrack::ConntrackWitness;
use super::cpu::CpuWitness;
use super::cpu_hit::CpuHitWitness;
use super::flags::FlagWitness;
use super::ingress_rules::{CpuPortWitness, NetdevRuleWitness};
use super::ip_forwarding::IpForwardingWitness;
use super::port_statistics::{DriverWitness, StandardWitness};
use super::ports::{PortNames, PortWitness};
use super::rules::RuleWitness;
use super::witness::{Witness, WitnessError, reading};

/// One witness of each kind; any of them may be a fake.
#[derive(Debug)]
pub struct Panel {
    /// Port counters.
    pub ports: Box<dyn Witness<Ports>>,
    /// nft rule counters.
    pub rules: Box<dyn Witness<RuleCounters>>,
    /// IP forwarding counters.
    pub ip_forwarding: Box<dyn Witness<IpForwarding>>,
    /// The conntrack table.
    pub conntrack: Box<dyn Witness<Conntrack>>,
    /// What the CPU saw at the DUT's ports, by nft.
    pub cpu_ports: Box<dyn Witness<CpuPorts>>,
    /// What the CPU saw and sent, by the driver.
    pub cpu_hit: Box<dyn Witness<CpuHit>>,
    /// The counters of netdev chains.
    pub netdev_rules: Box<dyn Witness<RuleCounters>>,
    /// The driver's statistics.
    pub driver: Box<dyn Witness<DriverStatistics>>,
    /// The standard statistics.
    pub standard: Box<dyn Witness<StandardStatistics>>,
    /// The offload flags in force.
    pub flags: Box<dyn Witness<OffloadFlags>>,
    /// The CPUs.
    pub cpu: Box<dyn Witness<CpuObservation>>,
}

impl Panel {
    /// The witnesses of a testbed whose ports are veth: those of hardware are absent and cost nothing. One that cannot
    /// be set up says so at every reading.
    pub fn open(client: &Netns, dut: &Netns, server: &Netns, names: &PortNames) -> Self {
        Panel {
            cpu_ports: Box::new(NotHere),
            cpu_hit: Box::new(NotHere),
            netdev_rules: or_silent(NetdevRuleWitness::open(dut)),
            driver: Box::new(NotHere),
            standard: Box::new(NotHere),
            flags: Box::new(NotHere),
            ports: or_silent(PortWitness::open(client, dut, server, names)),
            rules: or_silent(RuleWitness::open(dut)),
            ip_forwarding: or_silent(IpForwardingWitness::open(dut)),
            conntrack: or_silent(ConntrackWitness::open(dut)),
            cpu: or_silent(CpuWitness::open(dut)),
        }
    }

    /// The witnesses of a testbed whose DUT has ports of a NIC. What a driver does not have is absent.
    pub fn open_nic(client: &Netns, dut: &Netns, server: &Netns, names: &PortNames) -> Self {
        Panel {
            cpu_ports: or_silent(CpuPortWitness::open(dut)),
            cpu_hit: or_silent(CpuHitWitness::open(dut, names)),
            driver: or_silent(DriverWitness::open(dut, names)),
            standard: or_silent(StandardWitness::open(dut, names)),
            flags: or_silent(FlagWitness::open(dut)),
            ..Panel::open(client, dut, server, names)
        }
    }

    /// What the path witnesses read now. Call it while the traffic stands still.
    pub fn observe(&mut self) -> Observation {
        Observation {
            ports: reading(self.ports.read()),
            rules: reading(self.rules.read()),
            ip_forwarding: reading(self.ip_forwarding.read()),
            conntrack: reading(self.conntrack.read()),
            cpu_ports: reading(self.cpu_ports.read()),
            cpu_hit: reading(self.cpu_hit.read()),
            netdev_rules: reading(self.netdev_rules.read()),
            driver: reading(self.driver.read()),
            standard: reading(self.standard.read()),
            flags: reading(self.flags.read()),
        }
    }

    /// What the CPU witnesses read now.
    pub fn cpu(&mut self) -> Result<CpuObservation, WitnessError> {
        self.cpu.read()
    }
}

/// The witnesses of a testbed, and the DUT's conntrack table to count and empty.
#[derive(Debug)]
pub struct Witnesses {
    panel: Panel,
    table: Result<ConntrackWitness, String>,
}

impl Witnesses {
    /// Opens every witness of a testbed of veth. One that cannot be set up says so at every reading.
    pub fn new(client: &Netns, dut: &Netns, server: &Netns, names: &PortNames) -> Self {
        Self::of(Panel::open(client, dut, server, names), dut)
    }

    /// Opens every witness of a testbed whose DUT has ports of a NIC.
    pub fn of_nic(client: &Netns, dut: &Netns, server: &Netns, names: &PortNames) -> Self {
        Self::of(Panel::open_nic(client, dut, server, names), dut)
    }

    /// Opens every witness of a DUT without testers, to whose ports pktgen hands frames.
    pub fn of_bare(dut: &Netns, names: &PortNames, handed: Arc<Handed>) -> Self {
        let ports = or_silent(BarePortWitness::open(dut, names, handed));
        Self::of(Panel { ports, ..Panel::open(dut, dut, dut, names) }, dut)
    }

    fn of(panel: Panel, dut: &Netns) -> Self {
        Witnesses { panel, table: ConntrackWitness::open(dut).map_err(|error| error.to_string()) }
    }

    /// What the path witnesses read now. Call it while the traffic stands still.
    pub fn observe(&mut self) -> Observation {
        self.panel.observe()
    }

    /// What the CPU witnesses read now.
    pub fn cpu(&mut self) -> Result<CpuObservation, WitnessError> {
        self.panel.cpu()
    }

    /// How many entries the DUT's conntrack table has, whatever their protocol.
    pub fn connections(&mut self) -> Result<u64, WitnessError> {
        self.table()?.count()
    }

    /// Deletes every entry of the DUT's conntrack table. Replace the ruleset first: see [`ConntrackWitness::flush`].
    pub fn forget_connections(&mut self) -> Result<(), WitnessError> {
        self.table()?.flush()
    }

    /// The DUT's conntrack table alone, for who polls it while flows are opened.
    pub fn conntrack(&mut self) -> Result<Conntrack, WitnessError> {
        self.table()?.read()
    }

    fn table(&mut self) -> Result<&mut ConntrackWitness, WitnessError> {
        self.table.as_mut().map_err(|why| WitnessError::Unavailable(why.clone()))
    }
}

/// Stands in for a witness that could not be set up.
#[derive(Debug)]
struct Silent(String);

impl<T> Witness<T> for Silent {
    fn read(&mut self) -> Result<T, WitnessError> {
        Err(WitnessError::Unavailable(self.0.clone()))
    }
}

/// Stands for a witness that does not exist on this kind of port.
#[derive(Debug)]
struct NotHere;

impl<T> Witness<T> for NotHere {
    fn read(&mut self) -> Result<T, WitnessError> {
        Err(WitnessError::Absent)
    }
}

fn or_silent<T, W: Witness<T> + 'static>(opened: Result<W, impl Display>) -> Box<dyn Witness<T>> {
    match opened {
        Ok(witness) => Box::new(witness),
        Err(why) => Box::new(Silent(why.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use flowgauge_reports::observation::Reading;

    use super::super::fake::FakeWitness;
    use super::*;

    #[test]
    fn each_witness_fails_alone_and_says_why() {
        let ports = Ports::default();
        let mut panel = Panel {
            ports: Box::new(FakeWitness::new([Ok(ports), Ok(ports)])),
            rules: Box::new(FakeWitness::new([Err(WitnessError::Absent)])),
            ip_forwarding: Box::new(Silent("no /proc here".to_owned())),
            conntrack: Box::new(FakeWitness::new([Ok(Conntrack { entries: 7, ..Conntrack::default() })])),
            cpu_ports: Box::new(NotHere),
            cpu_hit: Box::new(Silent("no driver".to_owned())),
            netdev_rules: Box::new(FakeWitness::new([Ok(RuleCounters::default())])),
            driver: Box::new(NotHere),
            standard: Box::new(NotHere),
            flags: Box::new(NotHere),
            cpu: Box::new(FakeWitness::new([])),
        };
        let seen = panel.observe();
        assert_eq!(seen.ports, Reading::Seen(ports));
        assert_eq!(seen.rules, Reading::Absent);
        assert_eq!(seen.ip_forwarding, Reading::Missing { why: "no /proc here".to_owned() });
        assert_eq!(seen.cpu_ports, Reading::Absent);
        assert_eq!(seen.cpu_hit, Reading::Missing { why: "no driver".to_owned() });
        assert_eq!(seen.netdev_rules, Reading::Seen(RuleCounters::default()));
        assert_eq!(seen.conntrack.seen().map(|table| table.entries), Some(7));
        let later = panel.observe();
        assert_eq!(later.ports, Reading::Seen(ports));
        assert!(matches!(later.conntrack, Reading::Missing { .. }));
        assert!(panel.cpu().is_err());
    }
}
