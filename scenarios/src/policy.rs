//! Policies: what should happen to packets, whatever executes it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the DUT does with the packets between its LAN and its WAN port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// Everything is forwarded.
    Route,
    /// The LAN may open flows, the WAN may only answer; the rest is dropped.
    Stateful,
    /// As `route`, with the LAN's addresses hidden behind the WAN port's address (source NAT).
    Masquerade,
    /// As `route`, with virtual addresses that stand for the servers' ([`crate::dnat`]; destination NAT).
    Dnat,
}

impl Policy {
    /// Every policy, in the order of help texts.
    pub const ALL: [Policy; 4] = [Policy::Route, Policy::Stateful, Policy::Masquerade, Policy::Dnat];

    /// The name in scenario files, on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Policy::Route => "route",
            Policy::Stateful => "stateful",
            Policy::Masquerade => "masquerade",
            Policy::Dnat => "dnat",
        }
    }

    /// One sentence for lists and help texts.
    pub const fn about(self) -> &'static str {
        match self {
            Policy::Route => "forward everything between LAN and WAN",
            Policy::Stateful => "the LAN opens flows, the WAN only answers, the rest is dropped",
            Policy::Masquerade => "forward everything, LAN addresses hidden behind the WAN port's address",
            Policy::Dnat => "forward everything, servers reached by virtual addresses",
        }
    }
}
