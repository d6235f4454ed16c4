//! Which instances a mutant can show in: what is broken must be something that they use.

use std::collections::BTreeSet;

use flowgauge_scenarios::conform::{
    Case, ConformPlan, Counter, Ecn, Expect, Group, Instance, LaneWanted, Mutation, Station, Step, Translation,
};
use flowgauge_scenarios::{Datapath, Family, Fault, Protocol};

/// The datapath of a station that a mutant is made of, and the instances that it can show in: of each case one, for what
/// another family or direction would add is not worth its time.
pub fn chances(plan: &ConformPlan, station: &Station, mutation: Mutation) -> Option<(Datapath, Vec<usize>)> {
    let datapath = mutation.datapath();
    if !station.datapaths.contains(&datapath) {
        return None;
    }
    let mut cases = BTreeSet::new();
    let taken = earlier(plan, station, mutation, datapath);
    let instances = station.instances.iter().copied().filter(|&index| {
        let Some(instance) = plan.instances.get(index) else { return false };
        let Some(case) = plan.cases.get(instance.case) else { return false };
        instance.datapaths.contains(&datapath)
            && can_show(mutation, case, instance)
            && !taken.contains(&instance.case)
            && cases.insert(instance.case)
    });
    let instances: Vec<usize> = instances.collect();
    Some((datapath, instances))
}

/// Cases that stations before this one have an instance of in which the mutant can show.
fn earlier(plan: &ConformPlan, station: &Station, mutation: Mutation, datapath: Datapath) -> BTreeSet<usize> {
    let before = plan.stations.iter().take_while(|other| *other != station);
    let instances = before.filter(|other| other.datapaths.contains(&datapath)).flat_map(|other| &other.instances);
    let showing = |index: &usize| {
        let instance = plan.instances.get(*index)?;
        let case = plan.cases.get(instance.case)?;
        (instance.datapaths.contains(&datapath) && can_show(mutation, case, instance)).then_some(instance.case)
    };
    instances.filter_map(showing).collect()
}

/// Whether a case could tell. One that cannot costs time and says nothing; one that can and does not is a hole.
fn can_show(mutation: Mutation, case: &Case, instance: &Instance) -> bool {
    let sends = |wanted: &dyn Fn(&Step) -> bool| case.steps.iter().any(wanted);
    let translated = instance.translation != Translation::None;
    let counts = |by: &[Counter]| {
        case.expect.iter().any(|expect| matches!(expect, Expect::Counted { by: counter, .. } if by.contains(counter)))
    };
    let acts = sends(&|step| matches!(step, Step::Act(_) | Step::Stream { .. }));
    let waits = sends(&|step| matches!(step, Step::Wait(ms) if *ms >= 500));
    let classic = sends(&|step| {
        matches!(step, Step::Send { lane: LaneWanted::Classic, .. } | Step::Open { offloaded: false, .. })
    });
    match mutation {
        Mutation::Fault(fault, number) => match fault {
            Fault::RefuseMatch => {
                let bit = |bit: u32, holds: bool| number & bit != 0 && holds;
                bit(1, instance.family == Family::Ipv6)
                    || bit(2, instance.protocol == Protocol::Udp)
                    || bit(4, instance.protocol == Protocol::Tcp)
                    || bit(8, case.group == Group::Encapsulation)
                    || bit(16, translated)
            }
            Fault::WrongNatPort => translated,
            Fault::RefuseAt => case.group == Group::Capacity || case.group == Group::Claims,
            Fault::FreezeCounters | Fault::DoubleCounters | Fault::CountL2 => {
                case.group == Group::Counters || counts(&[Counter::Conntrack, Counter::Hardware])
            }
            Fault::NoAging => waits,
            Fault::LeakAtUnbind | Fault::StaleAfterDelete => acts || case.group == Group::Life,
            Fault::InstallDelayMs => matches!(case.group, Group::Claims | Group::Capacity) || acts,
            Fault::RefuseDirection
            | Fault::ForgetTtl
            | Fault::WrongChecksum
            | Fault::DropEvery
            | Fault::ReorderEvery => matches!(case.group, Group::Forwarding | Group::Claims | Group::Counters),
        },
        Mutation::NoCounter => case.group == Group::Counters || counts(&[Counter::Conntrack]),
        Mutation::WrongNat => translated,
        Mutation::EgressEcn => sends(&|step| matches!(step, Step::Send { packet, .. } if packet.ecn != Ecn::NotEct)),
        Mutation::EgressNoIcmp => sends(&|step| matches!(step, Step::Send { answers: 1.., .. })),
        Mutation::NoTimeout => waits || case.group == Group::Life,
        Mutation::NoAdmission => classic,
        Mutation::MissingPort
        | Mutation::NoFlowAdd
        | Mutation::EgressTtl
        | Mutation::EgressDscp
        | Mutation::EgressDrop
        | Mutation::EgressDuplicate
        | Mutation::EgressPort => {
            matches!(case.group, Group::Forwarding | Group::Claims | Group::Counters | Group::Encapsulation)
        }
    }
}
