//! The ports of a DUT without testers: dummy ports, and what pktgen handed to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flowgauge_reports::observation::{PortCounters, Ports};
use flowgauge_scenarios::Direction;
use flowgauge_topologies::Netns;

use super::netlink::{Conversation, NETLINK_ROUTE, NetlinkError};
use super::ports::{PortNames, counters};
use super::witness::{Witness, WitnessError};

/// What was handed to the receive path of the DUT's ports, which count only what their driver receives. Shared by the
/// generator, which adds, and the witness, which reads.
#[derive(Debug, Default)]
pub struct Handed {
    upstream: [AtomicU64; 2],
    downstream: [AtomicU64; 2],
}

impl Handed {
    /// Adds packets, and bytes at L2 without FCS, of one direction.
    pub fn add(&self, direction: Direction, packets: u64, bytes: u64) {
        let way = if direction == Direction::Downstream { &self.downstream } else { &self.upstream };
        way[0].fetch_add(packets, Ordering::Relaxed);
        way[1].fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Reads the counters of the dummy ports. Their reception, and the testers, are pktgen's own count; what they transmit is
/// the kernel's, and where it goes there is nobody else to count it.
#[derive(Debug)]
pub struct BarePortWitness {
    dut: Conversation,
    lan: String,
    wan: String,
    handed: Arc<Handed>,
}

impl BarePortWitness {
    /// Opens rtnetlink in the DUT's namespace.
    pub fn open(dut: &Netns, names: &PortNames, handed: Arc<Handed>) -> Result<Self, NetlinkError> {
        let dut = Conversation::open(dut, NETLINK_ROUTE)?;
        Ok(BarePortWitness { dut, lan: names.lan.clone(), wan: names.wan.clone(), handed })
    }
}

impl Witness<Ports> for BarePortWitness {
    fn read(&mut self) -> Result<Ports, WitnessError> {
        let lan = counters(&mut self.dut, &self.lan)?;
        let wan = counters(&mut self.dut, &self.wan)?;
        let read = |way: &[AtomicU64; 2]| (way[0].load(Ordering::Relaxed), way[1].load(Ordering::Relaxed));
        let (up, down) = (read(&self.handed.upstream), read(&self.handed.downstream));
        Ok(Ports {
            client: tester(up, &lan),
            lan: PortCounters { rx_packets: up.0, rx_bytes: up.1, ..lan },
            wan: PortCounters { rx_packets: down.0, rx_bytes: down.1, ..wan },
            server: tester(down, &wan),
        })
    }
}

/// A tester that sent `handed` and received all that the port opposite transmitted.
fn tester(handed: (u64, u64), opposite: &PortCounters) -> PortCounters {
    PortCounters {
        tx_packets: handed.0,
        tx_bytes: handed.1,
        rx_packets: opposite.tx_packets,
        rx_bytes: opposite.tx_bytes,
        ..PortCounters::default()
    }
}
