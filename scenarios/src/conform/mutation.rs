//! Mutants: a datapath broken on purpose, to see which cases notice.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Datapath, Fault};

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

impl Mutation {
    /// Every mutant: the faults of the reference NIC with a number that shows, then what breaks the software path.
    pub fn all() -> Vec<Mutation> {
        let number = |fault| match fault {
            Fault::RefuseMatch => 31,
            Fault::InstallDelayMs => 1500,
            Fault::DropEvery | Fault::ReorderEvery => 5,
            _ => 1,
        };
        let faults = Fault::ALL.into_iter().map(|fault| Mutation::Fault(fault, number(fault)));
        faults.chain(Mutation::SOFTWARE).collect()
    }

    /// What breaks the software path.
    pub const SOFTWARE: [Mutation; 13] = [
        Mutation::MissingPort,
        Mutation::NoFlowAdd,
        Mutation::NoCounter,
        Mutation::WrongNat,
        Mutation::EgressTtl,
        Mutation::EgressDscp,
        Mutation::EgressEcn,
        Mutation::EgressDrop,
        Mutation::EgressDuplicate,
        Mutation::EgressPort,
        Mutation::EgressNoIcmp,
        Mutation::NoTimeout,
        Mutation::NoAdmission,
    ];

    /// The datapath that it breaks. What leaves a port by hardware passes no egress chain, so those are the software's.
    pub const fn datapath(self) -> Datapath {
        match self {
            Mutation::Fault(..) => Datapath::FlowtableHw,
            _ => Datapath::Flowtable,
        }
    }

    /// The name on the command line and in tables: `fault-forget-ttl`, `wrong-nat`.
    pub fn name(self) -> String {
        let name = match self {
            Mutation::Fault(fault, _) => return format!("fault-{}", fault.name()),
            Mutation::MissingPort => "missing-port",
            Mutation::NoFlowAdd => "no-flow-add",
            Mutation::NoCounter => "no-counter",
            Mutation::WrongNat => "wrong-nat",
            Mutation::EgressTtl => "egress-ttl",
            Mutation::EgressDscp => "egress-dscp",
            Mutation::EgressEcn => "egress-ecn",
            Mutation::EgressDrop => "egress-drop",
            Mutation::EgressDuplicate => "egress-duplicate",
            Mutation::EgressPort => "egress-port",
            Mutation::EgressNoIcmp => "egress-no-icmp",
            Mutation::NoTimeout => "no-timeout",
            Mutation::NoAdmission => "no-admission",
        };
        name.to_owned()
    }

    /// What is broken, as half a sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Mutation::Fault(fault, _) => fault.about(),
            Mutation::MissingPort => "the flowtable lacks the LAN port",
            Mutation::NoFlowAdd => "no rule adds flows",
            Mutation::NoCounter => "the flowtable has no `counter`",
            Mutation::WrongNat => "addresses are translated to another address",
            Mutation::EgressTtl => "what leaves the WAN port has TTL 62",
            Mutation::EgressDscp => "what leaves the WAN port has DSCP CS1",
            Mutation::EgressEcn => "what leaves the WAN port has ECN cleared",
            Mutation::EgressDrop => "every fifth packet that leaves the WAN port is dropped",
            Mutation::EgressDuplicate => "every fifth packet that leaves the WAN port is sent twice",
            Mutation::EgressPort => "what leaves the WAN port for the server goes to the next port",
            Mutation::EgressNoIcmp => "no ICMP leaves the LAN port",
            Mutation::NoTimeout => "the flowtable's timeouts are an hour",
            Mutation::NoAdmission => "no flow gets its conntrack helper, so all are in the flowtable",
        }
    }

    /// Whether a netdev chain at the egress of a port does it.
    pub(super) const fn at_egress(self) -> bool {
        matches!(
            self,
            Mutation::EgressTtl
                | Mutation::EgressDscp
                | Mutation::EgressEcn
                | Mutation::EgressDrop
                | Mutation::EgressDuplicate
                | Mutation::EgressPort
                | Mutation::EgressNoIcmp
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_mutant_has_a_name_of_its_own_and_a_number_that_means_something() {
        let all = Mutation::all();
        let names: HashSet<String> = all.iter().map(|mutation| mutation.name()).collect();
        assert_eq!(names.len(), all.len());
        assert_eq!(all.len(), Fault::ALL.len() + Mutation::SOFTWARE.len());
        for mutation in all {
            match mutation {
                Mutation::Fault(fault, number) => assert_eq!(fault.check(number), Ok(())),
                other => assert_eq!(serde_json::to_value(other).unwrap(), other.name().as_str()),
            }
        }
    }
}
