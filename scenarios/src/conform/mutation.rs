//! Mutants: a datapath broken on purpose, to see which cases notice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fault;

/// One thing broken on purpose on the datapath under test, never on the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mutation {
    /// A fault of the reference NIC with its number. On `flowtable-hw`.
    Fault(Fault, u32),
    /// The flowtable lacks the LAN port.
    MissingPort,
    /// No rule adds flows.
    NoFlowAdd,
    /// The flowtable has no `counter`.
    NoCounter,
    /// Addresses are translated to another address.
    WrongNat,
    /// What leaves the WAN port has its TTL set to 63 less one.
    EgressTtl,
    /// What leaves the WAN port has DSCP CS1.
    EgressDscp,
    /// What leaves the WAN port has ECN cleared.
    EgressEcn,
    /// Every fifth packet that leaves the WAN port is dropped.
    EgressDrop,
    /// Every fifth packet that leaves the WAN port is sent twice.
    EgressDuplicate,
    /// What leaves the WAN port has its destination port one higher.
    EgressPort,
    /// ICMP errors do not get out of the LAN port.
    EgressNoIcmp,
    /// Flows stay when they should go: the flowtable's timeouts are an hour.
    NoTimeout,
    /// Every flow is in the flowtable, those that conntrack helpers look after too.
    NoAdmission,
}
