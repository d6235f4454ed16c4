//! Which policy exists on which datapath, as data, with the reason for each hole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::datapath::Datapath;
use crate::policy::Policy;

/// Why a policy does not exist on a datapath, and what to take in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The reason, as a sentence without a full stop.
    pub reason: String,
    /// What to do about it, as a sentence without a full stop.
    pub instead: String,
}

const GAPS: [(Policy, Datapath, &str, &str); 2] = [
    (
        Policy::Stateful,
        Datapath::Forward,
        "plain forwarding keeps no connection state, so it cannot tell an answer from a new flow",
        "compare with `route` on forward, or take `conntrack` as the baseline",
    ),
    (
        Policy::Masquerade,
        Datapath::Forward,
        "address translation is done by netfilter, which plain forwarding does without",
        "compare with `route` on forward, or take `conntrack` as the baseline",
    ),
];

/// The reason why `policy` does not exist on `datapath`, or none where it does.
pub fn gap(policy: Policy, datapath: Datapath) -> Option<Gap> {
    GAPS.iter()
        .find(|g| g.0 == policy && g.1 == datapath)
        .map(|g| Gap { reason: g.2.to_owned(), instead: g.3.to_owned() })
}
