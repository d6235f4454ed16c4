//! The parts of a testbed that is alive: hosts, the DUT and their ports.

use std::net::{Ipv4Addr, Ipv6Addr};

use serde::{Deserialize, Serialize};

use crate::encapsulation::{Bridge, Session};
use crate::netns::{Netns, NetnsError};
use crate::quiet;
use crate::sysctl::SysctlError;

/// One end of a link.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// Name inside its namespace.
    pub name: String,
    /// Its driver (`veth`, `flowgauge_nic`, ...), as `ethtool -i` shows it; empty where a driver does not say.
    #[serde(default)]
    pub driver: String,
    /// Index inside its namespace.
    pub ifindex: u32,
    /// Its own MAC address.
    pub mac: [u8; 6],
    /// The MAC address at the other end: what a frame sent from here must be addressed to.
    pub peer_mac: [u8; 6],
    /// Its IPv4 address.
    pub ipv4: Ipv4Addr,
    /// Its IPv6 address; held only if the testbed was asked for IPv6.
    pub ipv6: Ipv6Addr,
}

/// A tester: what sends and receives the traffic.
#[derive(Debug)]
pub struct Host {
    /// Its namespace.
    pub netns: Netns,
    /// Its port.
    pub port: Port,
}

/// The device under test: a forwarding kernel with two ports.
#[derive(Debug)]
pub struct Dut {
    /// Its namespace.
    pub netns: Netns,
    /// The port towards the client.
    pub lan: Port,
    /// The port towards the server.
    pub wan: Port,
    /// The device that has the addresses towards the client: the port itself, or what is stacked on it.
    pub lan_device: Port,
    /// The bridge that the port is in, if it is in one.
    pub(crate) bridge: Option<Bridge>,
    /// What a device of PPPoE lives by.
    pub(crate) _session: Option<Session>,
}

impl Dut {
    /// Turns conntrack accounting on (net.netfilter.nf_conntrack_acct), which a testbed built before nf_conntrack was
    /// loaded lacks. It holds for entries made from now on. Returns whether this kernel has it yet.
    pub fn enable_conntrack_accounting(&self) -> Result<bool, DutError> {
        Ok(self.netns.run(quiet::account)??)
    }
}

/// Why the DUT could not be set as asked.
#[derive(Debug, thiserror::Error)]
pub enum DutError {
    /// Its namespace could not be entered.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// A parameter was refused.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
}
