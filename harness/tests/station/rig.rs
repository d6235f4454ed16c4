//! A station with a socket at each end, and rulesets for it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use flowgauge::conform::station::{Bench, Refused};
use flowgauge_reports::conform::Entry;
use flowgauge_reports::observation::Reading;
use flowgauge_scenarios::conform::{Bed, Encapsulation, Flow, Side, Station, Translation};
use flowgauge_scenarios::{Datapath, Family, Protocol, Topology};
use libtest_mimic::Failed;

use crate::frame::{Datagram, Opened, layers};
use crate::port::Port;
use crate::{Outcome, check};

/// A frame takes milliseconds at most; a loss is believed only after this.
const PATIENCE: Duration = Duration::from_secs(3);
/// How long nothing must arrive for it to be lost.
const SILENCE: Duration = Duration::from_millis(150);
/// Bytes behind the UDP header, and of the IPv4 packet.
const PAYLOAD: usize = 32;

pub(crate) struct Rig {
    pub(crate) bench: Bench,
    client: Port,
    server: Port,
    encapsulation: Encapsulation,
    family: Family,
}

/// Flow `number` of a family, nobody's addresses changed.
pub(crate) fn flow(family: Family, number: u16) -> Flow {
    let (client, server) = match family {
        Family::Ipv4 => (format!("198.18.128.1:{}", 10_000 + number), "198.19.128.1:20000"),
        Family::Ipv6 => (format!("[2001:2:0:1001::1]:{}", 10_000 + number), "[2001:2:0:1002::1]:20000"),
    };
    let (client, server): (SocketAddr, SocketAddr) = (client.parse().unwrap(), server.parse().unwrap());
    Flow { client, server, client_seen: client, server_real: server }
}

pub(crate) fn station(topology: Topology, family: Family, bed: Bed) -> Station {
    let datapaths = vec![Datapath::Conntrack, Datapath::Flowtable];
    Station { topology, bed, translation: Translation::None, family, datapaths, instances: Vec::new() }
}

impl Rig {
    pub(crate) fn new(topology: Topology, family: Family, bed: Bed) -> Result<Rig, Refused> {
        let (encapsulation, began) = (bed.encapsulation, Instant::now());
        let bench = Bench::build(&station(topology, family, bed), topology)?;
        println!("built in {:?}", began.elapsed());
        let (client, server) = bench.wires()?;
        let open = |wire| Port::open(wire).map_err(|error| Refused::Broken(error.to_string()));
        Ok(Rig { client: open(&client)?, server: open(&server)?, bench, encapsulation, family })
    }

    pub(crate) fn plain(topology: Topology) -> Result<Rig, Refused> {
        Rig::new(topology, Family::Ipv4, Bed::default())
    }

    /// The ruleset that tracks, and with `flowtable` that offloads.
    pub(crate) fn text(&self, datapath: Datapath) -> String {
        let dut = &self.bench.testbed().dut;
        let (port, lan, wan) = (&dut.lan.name, &dut.lan_device.name, &dut.wan.name);
        let flags = if datapath == Datapath::FlowtableHw { "flags offload\n" } else { "" };
        let flowtable = format!(
            "flowtable fast {{\nhook ingress priority filter\ndevices = {{ \"{port}\", \"{wan}\" }}\n{flags}counter\n}}\n"
        );
        let (flowtable, add) = match datapath {
            Datapath::Conntrack => (String::new(), ""),
            _ => (flowtable, "meta l4proto { tcp, udp } flow add @fast\n"),
        };
        format!(
            "table inet flowgauge {{\n{flowtable}chain forward {{\ntype filter hook forward priority filter; policy \
             accept;\niifname \"{lan}\" counter comment \"classic upstream\"\niifname \"{wan}\" counter comment \"classic \
             downstream\"\n{add}ct state established,related accept\ncounter comment \"new\"\n}}\n}}\n"
        )
    }

    pub(crate) fn apply(&mut self, datapath: Datapath) -> Result<(), Refused> {
        let began = Instant::now();
        let outcome = self.bench.apply_text(self.text(datapath), None);
        println!("{} applied in {:?}", datapath.name(), began.elapsed());
        outcome
    }

    /// Applies a flowtable's ruleset. False: this machine's kernel lacks it; a guest's must not.
    pub(crate) fn offloads(&mut self, datapath: Datapath) -> Result<bool, Failed> {
        match self.apply(datapath) {
            Err(refused) if refused.is_unsupported() && !crate::guest::is_guest() => {
                println!("{refused}");
                Ok(false)
            }
            outcome => Ok(outcome.map(|()| true)?),
        }
    }

    pub(crate) fn flow(&self, number: u16) -> Flow {
        flow(self.family, number)
    }

    /// Sends a datagram of a flow.
    pub(crate) fn send(&self, side: Side, number: u16) -> Result<Datagram, Failed> {
        let flow = self.flow(number);
        let up = Datagram { from: flow.client, to: flow.server, hops: 64, payload: PAYLOAD };
        let (port, datagram, encapsulation) = match side {
            Side::Client => (&self.client, up, self.encapsulation),
            Side::Server => (&self.server, up.reversed(), Encapsulation::None),
        };
        port.send(&datagram.frame(port.mac, port.gateway, encapsulation))?;
        Ok(datagram)
    }

    /// What arrives next at a side; none if nothing does.
    pub(crate) fn arrival(&self, side: Side) -> Result<Option<Opened>, Failed> {
        let port = if side == Side::Client { &self.client } else { &self.server };
        Ok(port.next(SILENCE)?)
    }

    /// Sends a datagram of a flow and sees it arrive at the other end, whole and one hop older.
    pub(crate) fn crosses(&self, side: Side, number: u16) -> Outcome {
        let sent = self.send(side, number)?;
        let (port, encapsulation) = match side {
            Side::Client => (&self.server, Encapsulation::None),
            Side::Server => (&self.client, self.encapsulation),
        };
        let arrived = port.next(PATIENCE)?.ok_or(format!("{sent:?} did not arrive"))?;
        let carried_in = layers(encapsulation, self.family == Family::Ipv6);
        check(arrived.datagram == sent.forwarded(), (&arrived, sent))?;
        check(arrived.carried_in == carried_in, (&arrived, carried_in))?;
        check(arrived.to_mac == port.mac, (&arrived, port.mac))
    }

    /// Opens a flow: a datagram each way, and one more, after which it may be offloaded.
    pub(crate) fn opens(&self, number: u16) -> Outcome {
        [Side::Client, Side::Server, Side::Client].into_iter().try_for_each(|side| self.crosses(side, number))
    }

    pub(crate) fn classic(&mut self) -> Result<u64, Failed> {
        seen(self.bench.classic())
    }

    pub(crate) fn cpu(&mut self) -> Result<u64, Failed> {
        seen(self.bench.cpu())
    }

    /// The entry of a flow.
    pub(crate) fn entry(&mut self, number: u16) -> Result<Option<Entry>, Failed> {
        let flows = [self.flow(number)];
        Ok(seen(self.bench.state(&flows, Protocol::Udp).entries)?.pop())
    }

    pub(crate) fn offloaded(&mut self, number: u16) -> Result<(bool, bool), Failed> {
        let flow = self.flow(number);
        seen(self.bench.offloaded(&flow, Protocol::Udp))
    }

    /// Waits until the NIC holds both directions of a flow: workqueues hand them over.
    pub(crate) fn in_hardware(&mut self, number: u16) -> Outcome {
        for _ in 0..300 {
            let state = self.bench.state(&[self.flow(number)], Protocol::Udp);
            if seen(state.hardware)?.rules == 2 {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Err(format!("flow {number} did not come to the NIC").into())
    }
}

pub(crate) fn seen<T: std::fmt::Debug>(reading: Reading<T>) -> Result<T, Failed> {
    match reading {
        Reading::Seen(value) => Ok(value),
        other => Err(format!("{other:?}").into()),
    }
}
