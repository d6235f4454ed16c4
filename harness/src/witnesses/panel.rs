//! All witnesses of a testbed, asked together.

use std::fmt::Display;

use flowgauge_reports::observation::{Conntrack, CpuObservation, IpForwarding, Observation, Ports, RuleCounters};
use flowgauge_topologies::Netns;

use super::conntrack::ConntrackWitness;
use super::cpu::CpuWitness;
use super::ip_forwarding::IpForwardingWitness;
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
    /// The CPUs.
    pub cpu: Box<dyn Witness<CpuObservation>>,
}

impl Panel {
    /// The witnesses of a router testbed. One that cannot be set up says so at every reading.
    pub fn open(client: &Netns, dut: &Netns, server: &Netns, names: &PortNames) -> Self {
        Panel {
            ports: or_silent(PortWitness::open(client, dut, server, names)),
            rules: or_silent(RuleWitness::open(dut)),
            ip_forwarding: or_silent(IpForwardingWitness::open(dut)),
            conntrack: or_silent(ConntrackWitness::open(dut)),
            cpu: or_silent(CpuWitness::open(dut)),
        }
    }

    /// What the path witnesses read now. Call it while the traffic stands still.
    pub fn observe(&mut self) -> Observation {
        Observation {
            ports: reading(self.ports.read()),
            rules: reading(self.rules.read()),
            ip_forwarding: reading(self.ip_forwarding.read()),
            conntrack: reading(self.conntrack.read()),
            ..Observation::default()
        }
    }

    /// What the CPU witnesses read now.
    pub fn cpu(&mut self) -> Result<CpuObservation, WitnessError> {
        self.cpu.read()
    }
}

/// The witnesses of a router testbed, and the DUT's conntrack table to count and empty.
#[derive(Debug)]
pub struct Witnesses {
    panel: Panel,
    table: Result<ConntrackWitness, String>,
}

impl Witnesses {
    /// Opens every witness. One that cannot be set up says so at every reading.
    pub fn new(client: &Netns, dut: &Netns, server: &Netns, names: &PortNames) -> Self {
        let table = ConntrackWitness::open(dut).map_err(|error| error.to_string());
        Witnesses { panel: Panel::open(client, dut, server, names), table }
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
            cpu: Box::new(FakeWitness::new([])),
        };
        let seen = panel.observe();
        assert_eq!(seen.ports, Reading::Seen(ports));
        assert_eq!(seen.rules, Reading::Absent);
        assert_eq!(seen.ip_forwarding, Reading::Missing { why: "no /proc here".to_owned() });
        assert_eq!(seen.conntrack.seen().map(|table| table.entries), Some(7));
        let later = panel.observe();
        assert_eq!(later.ports, Reading::Seen(ports));
        assert!(matches!(later.conntrack, Reading::Missing { .. }));
        assert!(panel.cpu().is_err());
    }
}
