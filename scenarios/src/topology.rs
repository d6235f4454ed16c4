//! Topologies: what the DUT's ports are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where the DUT stands: client and server, and between them the DUT with a port towards each.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Topology {
    /// The DUT's ports are veth links: no NIC, no hardware offload.
    #[default]
    Router,
    /// The DUT's ports are those of a NIC that takes flow rules, the testers are at its cables.
    NicRouter,
    /// The DUT alone, without testers: the kernel's own generator hands frames to the receive path of a port, and a dummy
    /// port takes what is sent. What is left to measure is the stack.
    Bare,
}

impl Topology {
    /// Every topology, in the order of help texts.
    pub const ALL: [Topology; 3] = [Topology::Router, Topology::NicRouter, Topology::Bare];

    /// The name in scenario files, on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Topology::Router => "router",
            Topology::NicRouter => "nic-router",
            Topology::Bare => "bare",
        }
    }

    /// One sentence for lists and help texts.
    pub const fn about(self) -> &'static str {
        match self {
            Topology::Router => "the DUT routes between two veth links",
            Topology::NicRouter => "the DUT routes between two ports of the reference NIC, which offloads (simulated)",
            Topology::Bare => "the DUT alone, between dummy ports: pktgen hands it frames, nothing but the stack costs",
        }
    }

    /// Whether the DUT's ports take flow rules.
    pub const fn has_nic(self) -> bool {
        matches!(self, Topology::NicRouter)
    }
}
