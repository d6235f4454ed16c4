//! The bench: a testbed that is built for a station, and what acts on it and looks at it.

use std::collections::BTreeSet;

use flowgauge_reports::conform::State;
use flowgauge_reports::observation::Reading;
use flowgauge_scenarios::conform::{Encapsulation, Flow, Station};
use flowgauge_scenarios::{Family, Protocol, Topology};
use flowgauge_topologies::spec::MTU_MIN_IPV6;
use flowgauge_topologies::sysctl;
use flowgauge_topologies::{Control, Host, LinkOffloads, Ports, RouterSpec, Testbed, raise_conntrack_limit};

use super::datapath::Applied;
use super::lanes::Lanes;
use super::settings::Settings;
use super::{Damage, Refused, tables};
use crate::conform::state::{Connections, StateWitness};
use crate::generators::Wire;
use crate::reference_nic::ReferenceNic;
use crate::witnesses::PortNames;

/// Conntrack entries that a station has room for, where the kernel is ours: those of all its instances and of a fuzzer.
const ROOM: u64 = 65_536;

/// What an ICMP error of routing costs of a client's tokens, in jiffies (net/ipv4/route.c).
const ROUTE_ERROR_COST: &str = "net.ipv4.route.error_cost";

/// A live station. Fields are dropped in this order: what holds namespaces before the testbed.
#[derive(Debug)]
pub struct Bench {
    pub(super) station: Station,
    /// What the testbed was built from.
    spec: RouterSpec,
    pub(in crate::conform) control: Control,
    pub(super) lanes: Lanes,
    pub(in crate::conform) connections: Connections,
    pub(in crate::conform) state: StateWitness,
    /// The reference NIC, where the DUT's ports are its.
    pub(super) card: Option<ReferenceNic>,
    pub(super) applied: Option<Applied>,
    /// Whether a flowtable with `flags offload` is in force.
    pub(in crate::conform) offloads: bool,
    /// Whether conntrack has been told to count.
    pub(super) accounts: bool,
    /// Parameters of the station.
    pub(super) settings: Settings,
    /// Parameters that acts changed.
    pub(super) acted_settings: Settings,
    pub(in crate::conform) damage: BTreeSet<Damage>,
    pub(in crate::conform) bed: Testbed,
}

impl Bench {
    /// Builds the testbed of a station, the testers deaf. No ruleset is in force yet.
    pub fn build(station: &Station, topology: Topology) -> Result<Bench, Refused> {
        let spec = spec(station, topology);
        let testbed = Testbed::build(&spec)?;
        for host in [&testbed.client, &testbed.server] {
            tables::deafen(&host.netns, &host.port.name)?;
        }
        let names = PortNames {
            client: testbed.client.port.name.clone(),
            lan: testbed.dut.lan.name.clone(),
            wan: testbed.dut.wan.name.clone(),
            server: testbed.server.port.name.clone(),
        };
        let card = topology.has_nic().then(ReferenceNic::find).transpose()?;
        Ok(Bench {
            station: station.clone(),
            spec: spec.clone(),
            control: Control::open(&testbed, spec.ipv6)?,
            lanes: Lanes::install(&testbed.dut, topology.has_nic())?,
            connections: Connections::open(&testbed.dut.netns)?,
            state: StateWitness::open(&testbed, &names, card.clone())?,
            card,
            applied: None,
            offloads: false,
            accounts: false,
            settings: Settings::default(),
            acted_settings: Settings::default(),
            damage: BTreeSet::new(),
            bed: testbed,
        })
    }

    /// Takes the testbed for another station, if it is what that one needs; a ruleset is to be applied again. False: it is not,
    /// and one must be built, on a NIC after this one is dropped.
    pub fn turn_to(&mut self, station: &Station, topology: Topology) -> Result<bool, Refused> {
        if spec(station, topology) != self.spec {
            return Ok(false);
        }
        self.applied = None;
        self.restore()?;
        self.station = station.clone();
        Ok(true)
    }

    /// Says that the kernel is that of a VM started for this run: its limits may be changed too.
    pub fn kernel_is_ours(&mut self) -> Result<(), Refused> {
        self.settings.kernel_is_ours = true;
        self.acted_settings.kernel_is_ours = true;
        raise_conntrack_limit(&self.bed.dut.netns, ROOM, true)?;
        // Errors of routing have a limit of their own, of all namespaces: five at once, then one a second (ip_error).
        sysctl::write(ROUTE_ERROR_COST, "0").map_err(Refused::broken)?;
        Ok(())
    }

    /// The testers' ports: the client's and the server's.
    pub fn wires(&self) -> Result<(Wire, Wire), Refused> {
        Ok((wire(&self.bed.client)?, wire(&self.bed.server)?))
    }

    /// The testbed, for its fingerprint.
    pub fn testbed(&self) -> &Testbed {
        &self.bed
    }

    /// The native text of the ruleset in force; empty before the first.
    pub fn ruleset(&self) -> &str {
        self.applied.as_ref().map_or("", |applied| &applied.text)
    }

    /// What is known of flows. Call it while nothing is on the way.
    pub fn state(&mut self, flows: &[Flow], protocol: Protocol) -> State {
        let entries = self.connections.entries(flows, protocol);
        self.state.read(entries, flows)
    }

    /// Packets that took the classic path so far. It only grows, whatever becomes of the ruleset, until [`Bench::restore`].
    pub fn classic(&mut self) -> Reading<u64> {
        self.lanes.classic()
    }

    /// Packets that the CPU saw at the DUT's ports so far; absent on veth.
    pub fn cpu(&mut self) -> Reading<u64> {
        self.lanes.cpu()
    }

    /// Whether conntrack says that a flow is offloaded, and that it is so to hardware. A flow without an entry is neither.
    pub fn offloaded(&mut self, flow: &Flow, protocol: Protocol) -> Reading<(bool, bool)> {
        match self.connections.entry(flow, protocol) {
            Ok(entry) => Reading::Seen(entry.map_or((false, false), |e| (e.offloaded(), e.hardware_offloaded()))),
            Err(error) => Reading::Missing { why: error.to_string() },
        }
    }

    /// Lets conntrack forget flows that are done with, so that tables stay small. Those that it does not know are no error.
    pub fn forget(&mut self, flows: &[Flow], protocol: Protocol) -> Result<(), Refused> {
        for flow in flows {
            self.connections.delete(flow, protocol)?;
        }
        Ok(())
    }

    /// Writes a parameter of the DUT's namespace until [`Bench::restore`].
    pub(in crate::conform) fn set(&mut self, key: &str, value: &str) -> Result<(), Refused> {
        self.acted_settings.set(&self.bed.dut.netns, key, value)
    }
}

fn spec(station: &Station, topology: Topology) -> RouterSpec {
    let bed = &station.bed;
    let tunnel = if bed.encapsulation == Encapsulation::Tunnel { station.family } else { Family::Ipv4 };
    RouterSpec {
        ports: Ports::from(topology),
        mtu: bed.lan_mtu,
        server_mtu: Some(bed.wan_mtu),
        encapsulation: bed.encapsulation,
        tunnel,
        client_link: LinkOffloads { gso: bed.segmentation, gro: false, checksum: bed.segmentation },
        // A link too small for IPv6 may still carry IPv4.
        ipv6: station.family == Family::Ipv6 || bed.lan_mtu.min(bed.wan_mtu) >= MTU_MIN_IPV6,
        ..RouterSpec::default()
    }
}

fn wire(host: &Host) -> Result<Wire, Refused> {
    let netns = host.netns.fd().try_clone_to_owned()?;
    Ok(Wire { netns, ifname: host.port.name.clone(), mac: host.port.mac, gateway_mac: host.port.peer_mac })
}
