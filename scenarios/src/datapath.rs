//! Datapaths: how the kernel executes a policy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A way of the kernel to execute a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Datapath {
    /// Plain IP forwarding, no netfilter.
    Forward,
    /// nft forward chain with counter rules, without connection tracking.
    Nft,
    /// nft forward chain with connection tracking: the software-only baseline.
    Conntrack,
    /// nft flowtable, software fast path.
    Flowtable,
    /// nft flowtable with `flags offload`: flows move into the NIC.
    FlowtableHw,
    /// nft netdev ingress chain in software.
    Netdev,
    /// nft netdev ingress chain with `flags offload`: its rules move into the NIC.
    NetdevHw,
}

/// One of the three ways through a DUT. Every forwarded packet took exactly one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// Through the IP stack's forward path.
    Classic,
    /// Past it, in software: the CPU saw the packet at the port and sent it on.
    Fast,
    /// Past the CPU: the NIC forwarded it.
    Hardware,
}

impl Lane {
    /// Every lane, slowest first.
    pub const ALL: [Lane; 3] = [Lane::Classic, Lane::Fast, Lane::Hardware];

    /// The word in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Lane::Classic => "classic",
            Lane::Fast => "fast",
            Lane::Hardware => "hardware",
        }
    }

    /// What the packets did, after "took".
    pub const fn about(self) -> &'static str {
        match self {
            Lane::Classic => "the classic path",
            Lane::Fast => "the software fast path",
            Lane::Hardware => "the path through the hardware",
        }
    }
}

impl Datapath {
    /// Every datapath, in the order of tables.
    pub const ALL: [Datapath; 7] = [
        Datapath::Forward,
        Datapath::Nft,
        Datapath::Conntrack,
        Datapath::Flowtable,
        Datapath::FlowtableHw,
        Datapath::Netdev,
        Datapath::NetdevHw,
    ];
    /// What gains are measured against.
    pub const BASELINE: Datapath = Datapath::Conntrack;

    /// The name in scenario files, on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Datapath::Forward => "forward",
            Datapath::Nft => "nft",
            Datapath::Conntrack => "conntrack",
            Datapath::Flowtable => "flowtable",
            Datapath::FlowtableHw => "flowtable-hw",
            Datapath::Netdev => "netdev",
            Datapath::NetdevHw => "netdev-hw",
        }
    }

    /// One sentence for lists and help texts.
    pub const fn about(self) -> &'static str {
        match self {
            Datapath::Forward => "plain IP forwarding, no netfilter",
            Datapath::Nft => "nft forward chain with a counter rule, no connection tracking",
            Datapath::Conntrack => "nft forward chain with connection tracking (the software-only baseline)",
            Datapath::Flowtable => "nft flowtable, software fast path",
            Datapath::FlowtableHw => "nft flowtable with `flags offload`: flows move into the NIC",
            Datapath::Netdev => "nft netdev ingress chain in software",
            Datapath::NetdevHw => "nft netdev ingress chain with `flags offload`: its rules move into the NIC",
        }
    }

    /// The lane that packets of long flows should take.
    pub const fn lane(self) -> Lane {
        match self {
            Datapath::Forward | Datapath::Nft | Datapath::Conntrack => Lane::Classic,
            Datapath::Flowtable | Datapath::Netdev => Lane::Fast,
            Datapath::FlowtableHw | Datapath::NetdevHw => Lane::Hardware,
        }
    }

    /// Whether packets of long flows should bypass the classic path.
    pub const fn offloads(self) -> bool {
        !matches!(self.lane(), Lane::Classic)
    }

    /// Whether it needs a NIC that takes flow rules.
    pub const fn needs_nic(self) -> bool {
        matches!(self.lane(), Lane::Hardware)
    }

    /// Whether a flowtable forwards.
    pub const fn has_flowtable(self) -> bool {
        matches!(self, Datapath::Flowtable | Datapath::FlowtableHw)
    }

    /// Whether chains at the ports' ingress forward.
    pub const fn has_netdev_chain(self) -> bool {
        matches!(self, Datapath::Netdev | Datapath::NetdevHw)
    }

    /// Whether the kernel tracks connections on it.
    pub const fn tracks(self) -> bool {
        matches!(self, Datapath::Conntrack | Datapath::Flowtable | Datapath::FlowtableHw)
    }

    /// Whether it routes: TTL or hop limit less one, MAC addresses of the next link. A netdev chain passes frames on
    /// as they are.
    pub const fn routes(self) -> bool {
        !self.has_netdev_chain()
    }
}
