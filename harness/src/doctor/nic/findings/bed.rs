//! The bed of the findings: a `nic-router` testbed, a client that sends single packets, and the NIC's own counters.

use std::collections::BTreeMap;
use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use flowgauge_scenarios::{Fault, Topology};
use flowgauge_topologies::{Ports, RouterSpec, Testbed};

use super::{FindingError, packets};
use crate::ethtool::EthtoolSocket;
use crate::generators::Wire;
use crate::generators::raw::socket::Port;
use crate::nft;
use crate::witnesses::netlink::{Conversation, NETLINK_NETFILTER, Question, nfgenmsg};

/// NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_DELETE; without a tuple it deletes every entry.
const DELETE_CONNTRACK: u16 = 1 << 8 | 2;
/// Ring of the client's receiver, which nothing is sent to.
const RING_BYTES: usize = 1 << 20;
/// How long a thing may take that the kernel does in work queues, under emulation.
const PATIENCE: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(10);

/// A testbed on the reference NIC.
pub(super) struct Bed {
    // Before the testbed, whose namespaces the sockets hold.
    client: Port,
    ethtool: EthtoolSocket,
    testbed: Testbed,
}

/// Counters of the NIC (`ethtool -S`), summed over the DUT's ports.
#[derive(Clone, Debug, Default)]
pub(super) struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// The value of a counter, or 0 where the driver has none of this name.
    pub(super) fn get(&self, name: &str) -> u64 {
        self.0.get(name).copied().unwrap_or_default()
    }

    /// How far a counter moved since `before`.
    pub(super) fn since(&self, before: &Counters, name: &str) -> u64 {
        self.get(name).saturating_sub(before.get(name))
    }
}

impl Bed {
    /// Takes the ports nic0, wire0, nic1 and wire1 on loan.
    pub(super) fn build() -> Result<Bed, FindingError> {
        let spec = RouterSpec { ports: Ports::from(Topology::NicRouter), ipv6: false, ..RouterSpec::default() };
        let testbed = Testbed::build(&spec)?;
        for tester in [&testbed.client, &testbed.server] {
            nft::mute(&tester.netns, &tester.port.name)?;
        }
        let host = &testbed.client;
        let netns = host.netns.fd().try_clone_to_owned().map_err(io("duplicating a namespace's descriptor"))?;
        let wire = Wire { netns, ifname: host.port.name.clone(), mac: host.port.mac, gateway_mac: host.port.peer_mac };
        let client = Port::open(&wire, RING_BYTES)?;
        Ok(Bed { client, ethtool: EthtoolSocket::open(&testbed.dut.netns)?, testbed })
    }

    /// The DUT's port towards the client.
    pub(super) fn lan(&self) -> &str {
        &self.testbed.dut.lan.name
    }

    /// The DUT's port towards the server.
    pub(super) fn wan(&self) -> &str {
        &self.testbed.dut.wan.name
    }

    /// Replaces the DUT's ruleset.
    pub(super) fn apply(&self, ruleset: &str) -> Result<(), FindingError> {
        Ok(nft::apply(&self.testbed.dut.netns, ruleset)?)
    }

    /// Deletes the DUT's ruleset.
    pub(super) fn remove(&self) -> Result<(), FindingError> {
        Ok(nft::remove(&self.testbed.dut.netns)?)
    }

    /// The DUT's ruleset as nft lists it. Each listing pulls the hardware's statistics into the counters.
    pub(super) fn listing(&self) -> Result<String, FindingError> {
        Ok(nft::read_back(&self.testbed.dut.netns)?.text)
    }

    /// Sends `packets` packets of each of `flows` flows, flow by flow in turn.
    pub(super) fn send(&self, flows: u16, packets: u64) -> Result<(), FindingError> {
        let frames: Vec<Vec<u8>> = (0..flows).map(|flow| packets::frame(&self.testbed.client, flow)).collect();
        for frame in (0..packets).flat_map(|_| &frames) {
            nix::unistd::write(&self.client.tx, frame).map_err(|e| io("sending a packet")(e.into()))?;
        }
        Ok(())
    }

    /// Deletes every conntrack entry of the DUT, and so every flow: the flowtable's garbage collection takes out flows
    /// whose entry is gone.
    pub(super) fn flush_conntrack(&self) -> Result<(), FindingError> {
        let payload = nfgenmsg(0);
        let doing = "deleting the conntrack entries";
        let question = Question { doing, message_type: DELETE_CONNTRACK, dump: false, payload: &payload };
        Conversation::open(&self.testbed.dut.netns, NETLINK_NETFILTER)?.ask(question, || (), |(), _, _| Ok(()))?;
        Ok(())
    }

    /// The NIC's counters.
    pub(super) fn counters(&self) -> Result<Counters, FindingError> {
        let mut sums = Counters::default();
        for port in [self.lan(), self.wan()] {
            for (name, value) in self.ethtool.statistics(port)? {
                *sums.0.entry(name).or_default() += value;
            }
        }
        Ok(sums)
    }

    /// Waits until `watched` is at least `least`, and returns it.
    pub(super) fn wait(
        &self,
        what: &str,
        least: u64,
        mut watched: impl FnMut(&Bed) -> Result<u64, FindingError>,
    ) -> Result<u64, FindingError> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = watched(self)?;
            if seen >= least {
                return Ok(seen);
            }
            if Instant::now() >= deadline {
                return Err(FindingError::InVain { what: what.to_owned(), seconds: PATIENCE.as_secs(), seen });
            }
            // Neither the driver nor nft announces what it counts.
            sleep(POLL);
        }
    }

    /// Switches a fault of the NIC: 0 is off.
    pub(super) fn fault(&self, fault: Fault, value: u32) -> Result<(), FindingError> {
        let file = format!("/sys/module/flowgauge_nic/parameters/{}", fault.parameter());
        fs::write(&file, value.to_string()).map_err(io(format!("writing {value} to {file}")))
    }
}

/// Words for a failed system call.
fn io(doing: impl Into<String>) -> impl FnOnce(std::io::Error) -> FindingError {
    let doing = doing.into();
    move |source| FindingError::Io { doing, source }
}
