//! Which policy exists on which datapath, as data, with the reason for each hole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::control::Control;
use crate::datapath::Datapath;
use crate::fault::Fault;
use crate::policy::Policy;
use crate::scenario::Scenario;
use crate::topology::Topology;

/// Why a policy does not exist on a datapath, and what to take in its place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Gap {
    /// The reason, as a sentence without a full stop.
    pub reason: String,
    /// What to do about it, as a sentence without a full stop.
    pub instead: String,
}

const NO_STATE: &str = "plain forwarding keeps no connection state, so it cannot tell an answer from a new flow";
const NO_NAT: &str = "address translation is done by netfilter, which plain forwarding does without";
const INGRESS_NO_STATE: &str =
    "at ingress no connection is known yet, and an offloaded chain refuses `ct state` (EPROTO)";
const INGRESS_NO_NAT: &str = "a netdev chain cannot translate addresses: nat chains exist only in the IP stack's hooks";
const NFT_NO_STATE: &str =
    "it is the forward chain without connection tracking, which cannot tell an answer from a new flow";
const NFT_NO_NAT: &str = "it is the forward chain without connection tracking, and translation needs that";
const NFT_INSTEAD: &str = "take `conntrack`";
const FORWARD_INSTEAD: &str = "compare with `route` on forward, or take `conntrack` as the baseline";
const FLOWTABLE_INSTEAD: &str = "take `flowtable` or `flowtable-hw`, whose flows were judged by conntrack";
const VETH_NO_OFFLOAD: &str = "veth takes no flow rules: the kernel refuses `flags offload` on it (EOPNOTSUPP)";
const NIC_INSTEAD: &str = "take --topology nic-router";

/// The policies that lack a datapath: policy, datapaths, reason, what instead.
const GAPS: [(Policy, &[Datapath], &str, &str); 9] = [
    (Policy::Stateful, &[Datapath::Nft], NFT_NO_STATE, NFT_INSTEAD),
    (Policy::Masquerade, &[Datapath::Nft], NFT_NO_NAT, NFT_INSTEAD),
    (Policy::Dnat, &[Datapath::Nft], NFT_NO_NAT, NFT_INSTEAD),
    (Policy::Stateful, &[Datapath::Forward], NO_STATE, FORWARD_INSTEAD),
    (Policy::Masquerade, &[Datapath::Forward], NO_NAT, FORWARD_INSTEAD),
    (Policy::Dnat, &[Datapath::Forward], NO_NAT, FORWARD_INSTEAD),
    (Policy::Stateful, &[Datapath::Netdev, Datapath::NetdevHw], INGRESS_NO_STATE, FLOWTABLE_INSTEAD),
    (Policy::Masquerade, &[Datapath::Netdev, Datapath::NetdevHw], INGRESS_NO_NAT, FLOWTABLE_INSTEAD),
    (Policy::Dnat, &[Datapath::Netdev, Datapath::NetdevHw], INGRESS_NO_NAT, FLOWTABLE_INSTEAD),
];

/// The reason why `policy` does not exist on `datapath` in `topology`, or none where it does.
pub fn gap(topology: Topology, policy: Policy, datapath: Datapath) -> Option<Gap> {
    let made = |reason: &str, instead: &str| Some(Gap { reason: reason.to_owned(), instead: instead.to_owned() });
    if let Some(gap) = GAPS.iter().find(|g| g.0 == policy && g.1.contains(&datapath)) {
        return made(gap.2, gap.3);
    }
    if datapath.needs_nic() && !topology.has_nic() {
        return made(VETH_NO_OFFLOAD, NIC_INSTEAD);
    }
    None
}

/// The reason why `scenario` cannot be measured on `datapath`: its policy is not there, or what is broken on purpose would
/// leave nothing to measure.
pub fn hole(scenario: &Scenario, datapath: Datapath) -> Option<Gap> {
    let made = |reason: &str, instead: &str| Some(Gap { reason: reason.to_owned(), instead: instead.to_owned() });
    if let Some(gap) = gap(scenario.topology, scenario.policy, datapath) {
        return Some(gap);
    }
    let refuses = |fault: &Fault| matches!(fault, Fault::RefuseMatch | Fault::RefuseAt | Fault::RefuseDirection);
    if datapath == Datapath::NetdevHw && scenario.faults.keys().any(refuses) {
        return made(
            "an offloaded chain is taken whole or not at all: where the NIC refuses a rule, nft refuses the ruleset",
            "see what is refused on `flowtable-hw`, whose flows stay in software",
        );
    }
    if datapath.has_netdev_chain() && scenario.control != Control::None {
        return made(
            "this control breaks flowtables; where a netdev chain passes nothing on, the stack routes in its place and \
             frames change on one way only",
            "take the control on `flowtable` or `flowtable-hw`",
        );
    }
    None
}

/// In what a datapath falls short of its policy although it carries it, as a sentence without a full stop.
pub fn shortfall(policy: Policy, datapath: Datapath) -> Option<&'static str> {
    let passes_frames = policy == Policy::Route && datapath.has_netdev_chain();
    passes_frames.then_some(
        "`fwd` passes frames on as they are: TTL and MAC addresses stay, which a router must change (RFC 1812 section 5)",
    )
}

/// What a netdev chain cannot match or do when it is offloaded, as far as has been seen.
pub const NETDEV_HW_LACKS: &str = "sets, ranges, !=, ttl, dscp, tcp flags, icmp type, limit, a counter alone and meta \
                                   mark set (EOPNOTSUPP); ct state (EPROTO); any rule but at the end of the chain";
