//! Datapaths: how the kernel executes a policy.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A way of the kernel to execute a policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Datapath {
    /// Plain IP forwarding, no netfilter.
    Forward,
    /// nft forward chain with connection tracking: the software-only baseline.
    Conntrack,
    /// nft flowtable, software fast path.
    Flowtable,
}

impl Datapath {
    /// Every datapath, in the order of tables.
    pub const ALL: [Datapath; 3] = [Datapath::Forward, Datapath::Conntrack, Datapath::Flowtable];
    /// What gains are measured against.
    pub const BASELINE: Datapath = Datapath::Conntrack;

    /// The name in scenario files, on the command line and in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Datapath::Forward => "forward",
            Datapath::Conntrack => "conntrack",
            Datapath::Flowtable => "flowtable",
        }
    }

    /// One sentence for lists and help texts.
    pub const fn about(self) -> &'static str {
        match self {
            Datapath::Forward => "plain IP forwarding, no netfilter",
            Datapath::Conntrack => "nft forward chain with connection tracking (the software-only baseline)",
            Datapath::Flowtable => "nft flowtable, software fast path",
        }
    }

    /// Whether packets of long flows should bypass the classic path.
    pub const fn offloads(self) -> bool {
        matches!(self, Datapath::Flowtable)
    }
}
