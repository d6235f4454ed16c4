//! What must hold beyond being equal to the reference.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A layer in which packets are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Counter {
    /// Conntrack accounting of the flow (skbs, L3 bytes).
    Conntrack,
    /// Rules of the case's own, by their comment `counted` (skbs, L3 bytes).
    Rule,
    /// The DUT's ports (L2 bytes without FCS).
    Port,
    /// The rules in the hardware.
    Hardware,
}

/// What must hold on the datapath under test. Steps are counted from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Expect {
    /// After a step conntrack marks the flow as offloaded, or does not. Of datapaths that offload.
    Offloaded {
        /// After which step.
        step: usize,
        /// Which.
        is: bool,
    },
    /// After a step conntrack marks the flow as offloaded to hardware, or does not. Of `flowtable-hw`.
    HardwareOffloaded {
        /// After which step.
        step: usize,
        /// Which.
        is: bool,
    },
    /// A layer counts exactly what the tester sent from the end of `from` to the end of `to`, packets and bytes.
    Counted {
        /// Which layer.
        by: Counter,
        /// Counted from the end of this step.
        from: usize,
        /// To the end of this step. Where a counter lags behind, the case waits before it looks.
        to: usize,
    },
    /// In a stream nothing was forwarded for at most so many milliseconds longer than on the reference.
    BlockedMs {
        /// Which step.
        step: usize,
        /// At most.
        most: u32,
    },
    /// In a stream what must not be forwarded after the act was forwarded for at most so many milliseconds longer than on the
    /// reference.
    StaleMs {
        /// Which step.
        step: usize,
        /// At most.
        most: u32,
    },
    /// After a step conntrack holds the flow for assured (IPS_ASSURED), or does not. Of UDP that depends on time, so it is not compared
    /// with the reference.
    Assured {
        /// After which step.
        step: usize,
        /// Which.
        is: bool,
    },
    /// The flow has a conntrack entry after a step, or has none.
    Tracked {
        /// After which step.
        step: usize,
        /// Which.
        is: bool,
    },
    /// What conntrack claims after a step is what the step's packets did: where it claims hardware, the CPU saw none of them;
    /// where it claims offload, none took the classic path.
    Claimed {
        /// Which step.
        step: usize,
    },
    /// The NIC holds so many rules after a step. Of `flowtable-hw`.
    HardwareRules {
        /// After which step.
        step: usize,
        /// How many.
        is: u64,
    },
}
