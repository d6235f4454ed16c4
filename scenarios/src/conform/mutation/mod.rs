//! Mutants: a datapath broken on purpose, to see which cases notice.

mod signs;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Datapath, Fault};

pub use signs::Signs;

/// One thing broken on purpose on the datapath under test, never on the reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mutation {
    /// Nothing at all: the control. No case may notice it.
    Nothing,
    /// A fault of the reference NIC with its number. On `flowtable-hw`.
    Fault(Fault, u32),
    /// The NIC has none of the faults that a case wants. On `flowtable-hw`.
    NoBedFaults,
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
    /// What leaves the WAN port has an IPv4 identification of 7.
    EgressId,
    /// What leaves the WAN port may be fragmented.
    EgressDontFragment,
    /// What leaves the WAN port has an IPv6 flow label of 5.
    EgressFlowLabel,
    /// TCP that leaves the WAN port has the flags PSH and ACK.
    EgressTcpFlags,
    /// TCP that leaves the WAN port has a window of 1.
    EgressTcpWindow,
    /// What leaves the WAN port has two bytes of its payload overwritten.
    EgressPayload,
    /// What leaves either port has another source MAC address.
    EgressMac,
    /// Every fifth packet that leaves the WAN port is dropped.
    EgressDrop,
    /// Every fifth packet that leaves the WAN port is sent twice.
    EgressDuplicate,
    /// What leaves the WAN port has its destination port one higher.
    EgressPort,
    /// ICMP errors do not get out of either port.
    EgressNoIcmp,
    /// Segments with FIN or RST do not get out of either port.
    EgressNoEnd,
    /// What comes to either port goes out of the other as it is, too, whatever it is.
    IngressCopy,
    /// Packets of offloaded flows that fall back to the classic path are dropped.
    FallbackDrop,
    /// Flows stay when they should go: the flowtable's timeouts are an hour.
    NoTimeout,
    /// Every flow is in the flowtable, those that helpers look after and those that no rule of the case adds, too.
    NoAdmission,
    /// The rules of the case's own are missing.
    NoOwnRules,
    /// What a case does to the DUT is not done: the datapath does not hear of it.
    Deaf,
}

impl Mutation {
    /// Every mutant: the faults of the reference NIC with a number that shows, then the others. The control is not among them.
    pub fn all() -> Vec<Mutation> {
        let number = |fault| match fault {
            Fault::RefuseMatch => 31,
            Fault::InstallDelayMs => 1500,
            Fault::DropEvery | Fault::ReorderEvery => 5,
            _ => 1,
        };
        let faults = Fault::ALL.into_iter().map(|fault| Mutation::Fault(fault, number(fault)));
        faults.chain([Mutation::NoBedFaults]).chain(Mutation::SOFTWARE).collect()
    }

    /// What breaks the software path.
    pub const SOFTWARE: [Mutation; 25] = [
        Mutation::MissingPort,
        Mutation::NoFlowAdd,
        Mutation::NoCounter,
        Mutation::WrongNat,
        Mutation::EgressTtl,
        Mutation::EgressDscp,
        Mutation::EgressEcn,
        Mutation::EgressId,
        Mutation::EgressDontFragment,
        Mutation::EgressFlowLabel,
        Mutation::EgressTcpFlags,
        Mutation::EgressTcpWindow,
        Mutation::EgressPayload,
        Mutation::EgressMac,
        Mutation::EgressDrop,
        Mutation::EgressDuplicate,
        Mutation::EgressPort,
        Mutation::EgressNoIcmp,
        Mutation::EgressNoEnd,
        Mutation::IngressCopy,
        Mutation::FallbackDrop,
        Mutation::NoTimeout,
        Mutation::NoAdmission,
        Mutation::NoOwnRules,
        Mutation::Deaf,
    ];

    /// The mutant of a name; `nothing`, the control, has one, too.
    pub fn of_name(name: &str) -> Option<Mutation> {
        Mutation::all().into_iter().chain([Mutation::Nothing]).find(|mutation| mutation.name() == name)
    }

    /// The datapaths that it breaks, the first of them where a case can be run on it. What leaves a port by hardware passes no
    /// chain; of what breaks the software path, cases that are about hardware can notice what the NIC leaves to the software.
    pub const fn datapaths(self) -> &'static [Datapath] {
        match self {
            Mutation::Fault(..) | Mutation::NoBedFaults => &[Datapath::FlowtableHw],
            Mutation::MissingPort | Mutation::NoFlowAdd | Mutation::NoCounter | Mutation::NoTimeout => {
                &[Datapath::Flowtable]
            }
            _ => &[Datapath::Flowtable, Datapath::FlowtableHw],
        }
    }

    /// The first of [`Mutation::datapaths`].
    pub const fn datapath(self) -> Datapath {
        self.datapaths()[0]
    }

    /// The name on the command line and in tables: `fault-forget-ttl`, `wrong-nat`.
    pub fn name(self) -> String {
        let name = match self {
            Mutation::Fault(fault, _) => return format!("fault-{}", fault.name()),
            Mutation::Nothing => "nothing",
            Mutation::NoBedFaults => "no-bed-faults",
            Mutation::MissingPort => "missing-port",
            Mutation::NoFlowAdd => "no-flow-add",
            Mutation::NoCounter => "no-counter",
            Mutation::WrongNat => "wrong-nat",
            Mutation::EgressTtl => "egress-ttl",
            Mutation::EgressDscp => "egress-dscp",
            Mutation::EgressEcn => "egress-ecn",
            Mutation::EgressId => "egress-id",
            Mutation::EgressDontFragment => "egress-dont-fragment",
            Mutation::EgressFlowLabel => "egress-flow-label",
            Mutation::EgressTcpFlags => "egress-tcp-flags",
            Mutation::EgressTcpWindow => "egress-tcp-window",
            Mutation::EgressPayload => "egress-payload",
            Mutation::EgressMac => "egress-mac",
            Mutation::EgressDrop => "egress-drop",
            Mutation::EgressDuplicate => "egress-duplicate",
            Mutation::EgressPort => "egress-port",
            Mutation::EgressNoIcmp => "egress-no-icmp",
            Mutation::EgressNoEnd => "egress-no-end",
            Mutation::IngressCopy => "ingress-copy",
            Mutation::FallbackDrop => "fallback-drop",
            Mutation::NoTimeout => "no-timeout",
            Mutation::NoAdmission => "no-admission",
            Mutation::NoOwnRules => "no-own-rules",
            Mutation::Deaf => "deaf",
        };
        name.to_owned()
    }

    /// What is broken, as half a sentence.
    pub const fn about(self) -> &'static str {
        match self {
            Mutation::Fault(fault, _) => fault.about(),
            Mutation::Nothing => "nothing is broken: the control, which must survive",
            Mutation::NoBedFaults => "the NIC takes what a case has it refuse, and at once",
            Mutation::MissingPort => "the flowtable lacks the LAN port",
            Mutation::NoFlowAdd => "no rule adds flows",
            Mutation::NoCounter => "the flowtable has no `counter`",
            Mutation::WrongNat => "addresses are translated to another address",
            Mutation::EgressTtl => "what leaves the WAN port has TTL 62",
            Mutation::EgressDscp => "what leaves the WAN port has DSCP CS1",
            Mutation::EgressEcn => "what leaves the WAN port has ECN cleared",
            Mutation::EgressId => "what leaves the WAN port has the IPv4 identification 7",
            Mutation::EgressDontFragment => "what leaves the WAN port has `don't fragment` cleared",
            Mutation::EgressFlowLabel => "what leaves the WAN port has the IPv6 flow label 5",
            Mutation::EgressTcpFlags => "TCP that leaves the WAN port has the flags PSH and ACK",
            Mutation::EgressTcpWindow => "TCP that leaves the WAN port has a window of 1",
            Mutation::EgressPayload => "two bytes of the payload that leaves the WAN port are overwritten",
            Mutation::EgressMac => "what leaves either port has another source MAC address",
            Mutation::EgressDrop => "every fifth packet that leaves the WAN port is dropped",
            Mutation::EgressDuplicate => "every fifth packet that leaves the WAN port is sent twice",
            Mutation::EgressPort => "what leaves the WAN port for the server goes to the next port",
            Mutation::EgressNoIcmp => "no ICMP error leaves either port",
            Mutation::EgressNoEnd => "no segment with FIN or RST leaves either port",
            Mutation::IngressCopy => "what comes to a port also leaves the other as it is, whatever it is",
            Mutation::FallbackDrop => "packets of offloaded flows that fall back to the classic path are dropped",
            Mutation::NoTimeout => "the flowtable's timeouts are an hour",
            Mutation::NoAdmission => "all flows are in the flowtable: no helper, no choice by rules",
            Mutation::NoOwnRules => "the rules of the case's own are missing",
            Mutation::Deaf => "what a case does to the router is not done: nothing follows it",
        }
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
        assert!(!all.contains(&Mutation::Nothing));
        for mutation in all.into_iter().chain([Mutation::Nothing]) {
            assert_eq!(Mutation::of_name(&mutation.name()), Some(mutation));
            match mutation {
                Mutation::Fault(fault, number) => assert_eq!(fault.check(number), Ok(())),
                other => assert_eq!(serde_json::to_value(other).unwrap(), other.name().as_str()),
            }
        }
    }

    #[test]
    fn every_fault_of_the_reference_nic_is_a_mutant() {
        // What the driver has, by its own source: a fault that is added there and nowhere else must not go unnoticed.
        let source = include_str!("../../../../topologies/nic/fault.c");
        let named = source.lines().filter_map(|line| line.strip_prefix("FG_FAULT(")?.strip_suffix(','));
        let mut faults: Vec<String> = named.map(|name| format!("fault-{}", name.replace('_', "-"))).collect();
        let mut mutants: Vec<String> = Mutation::all().into_iter().map(Mutation::name).collect();
        mutants.retain(|name| name.starts_with("fault-"));
        faults.sort();
        mutants.sort();
        assert_eq!(faults, mutants);
    }
}
