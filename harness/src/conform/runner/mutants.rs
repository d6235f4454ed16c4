//! Which instances a mutant can show in: what is broken must be something that they use.

use std::collections::{BTreeMap, HashSet};

use flowgauge_scenarios::conform::{
    Case, ConformPlan, Counter, Ecn, Expect, Group, Instance, LaneWanted, Mutation, Step, Translation,
};
use flowgauge_scenarios::{Datapath, Direction, Family, Fault, Protocol};

/// The instances that the mutants of a plan are let loose on: of each case one, for what another family or direction would
/// add is not worth its time.
#[derive(Clone, Debug, Default)]
pub struct Chances {
    /// By station, then by the mutant's place in the plan.
    all: BTreeMap<(usize, usize), Chance>,
}

/// What a mutant is run on at one station.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chance {
    /// What is broken.
    pub mutation: Mutation,
    /// The datapath that is broken.
    pub datapath: Datapath,
    /// Indices of instances.
    pub instances: Vec<usize>,
}

impl Chances {
    /// Of a plan.
    pub fn of(plan: &ConformPlan) -> Chances {
        let mut all = BTreeMap::new();
        for (place, &mutation) in plan.mutants.iter().enumerate() {
            let mut taken = HashSet::new();
            for &datapath in mutation.datapaths() {
                for (number, station) in plan.stations.iter().enumerate() {
                    if !station.datapaths.contains(&datapath) {
                        continue;
                    }
                    let showing = |index: &usize| {
                        let Some(instance) = plan.instances.get(*index) else { return false };
                        let Some(case) = plan.cases.get(instance.case) else { return false };
                        instance.datapaths.contains(&datapath)
                            && can_show(mutation, datapath, case, instance)
                            && taken.insert(instance.case)
                    };
                    let instances: Vec<usize> = station.instances.iter().copied().filter(showing).collect();
                    if !instances.is_empty() {
                        all.insert((number, place), Chance { mutation, datapath, instances });
                    }
                }
            }
        }
        Chances { all }
    }

    /// Those at a station, by its number, in the order of the mutants.
    pub fn at(&self, station: usize) -> impl Iterator<Item = &Chance> {
        self.all.range((station, 0)..(station + 1, 0)).map(|(_, chance)| chance)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = &Chance> {
        self.all.values()
    }
}

/// Whether a case could tell. One that cannot costs time and says nothing; one that can and does not is a hole.
fn can_show(mutation: Mutation, datapath: Datapath, case: &Case, instance: &Instance) -> bool {
    let any = |wanted: &dyn Fn(&Step) -> bool| case.steps.iter().any(wanted);
    let expects = |wanted: &dyn Fn(&Expect) -> bool| case.expect.iter().any(wanted);
    let in_groups = |groups: &[Group]| groups.contains(&case.group);
    let counts = |by: &[Counter]| {
        expects(&|expect| matches!(expect, Expect::Counted { by: counter, .. } if by.contains(counter)))
    };
    let acts = any(&|step| matches!(step, Step::Act(_) | Step::Stream { .. }));
    let waits = any(&|step| matches!(step, Step::Wait(ms) if *ms >= 500));
    // What takes seconds is run only where nothing else would tell.
    let quick = !waits && !any(&|step| matches!(step, Step::Stream { .. }));
    let arrives = any(&|step| matches!(step, Step::Send { arrive, .. } if *arrive != Some(0)));
    let upstream = instance.direction != Direction::Downstream && instance.translation != Translation::Hairpin;
    // Where the NIC refuses flows the software forwards them.
    let in_software = datapath == Datapath::Flowtable || !case.bed.faults.is_empty();
    let packets = || quick && !acts && arrives && in_software;
    let headers = || packets() && upstream && in_groups(&[Group::Forwarding, Group::Encapsulation]);
    let translated = instance.translation != Translation::None;
    let fast = any(&|step| {
        matches!(
            step,
            Step::Open { offloaded: true, .. } | Step::Send { lane: LaneWanted::Own | LaneWanted::Bypassed, .. }
        )
    }) || expects(&|expect| matches!(expect, Expect::Offloaded { is: true, .. }));
    match mutation {
        Mutation::Nothing => quick && datapath == Datapath::Flowtable,
        Mutation::Fault(fault, number) => {
            of_fault(fault, number, case, instance) || {
                let hardware = counts(&[Counter::Conntrack, Counter::Hardware, Counter::Port]);
                match fault {
                    Fault::FreezeCounters | Fault::DoubleCounters | Fault::CountL2 => hardware,
                    Fault::NoAging => waits,
                    Fault::LeakAtUnbind | Fault::StaleAfterDelete => acts || case.group == Group::Life,
                    Fault::InstallDelayMs => in_groups(&[Group::Claims, Group::Capacity]) || acts,
                    _ => false,
                }
            }
        }
        Mutation::NoBedFaults => !case.bed.faults.is_empty(),
        Mutation::NoFlowAdd => fast,
        Mutation::MissingPort => fast && quick && case.group != Group::Life,
        Mutation::NoCounter => counts(&[Counter::Conntrack]),
        Mutation::WrongNat => translated && in_software,
        Mutation::EgressTtl | Mutation::EgressDrop | Mutation::EgressDuplicate | Mutation::EgressPort => {
            packets() && upstream
        }
        Mutation::EgressMac => packets(),
        Mutation::EgressDscp | Mutation::EgressPayload => headers(),
        Mutation::EgressEcn => {
            upstream && any(&|step| matches!(step, Step::Send { packet, .. } if packet.ecn != Ecn::NotEct))
        }
        Mutation::EgressId | Mutation::EgressDontFragment => headers() && instance.family == Family::Ipv4,
        Mutation::EgressFlowLabel => headers() && instance.family == Family::Ipv6,
        Mutation::EgressTcpFlags => {
            headers() && any(&|step| matches!(step, Step::Send { packet, .. } if packet.flags.is_some()))
        }
        Mutation::EgressTcpWindow => headers() && instance.protocol == Protocol::Tcp,
        Mutation::EgressNoIcmp => {
            any(&|step| matches!(step, Step::Send { answers: 1.., .. })) && (in_software || arrives)
        }
        Mutation::EgressNoEnd => {
            let ends = |flags: &Option<String>| flags.as_deref().is_some_and(|flags| flags.contains(['F', 'R']));
            any(&|step| matches!(step, Step::Send { packet, arrive: None, .. } if ends(&packet.flags)))
        }
        Mutation::IngressCopy => any(&|step| matches!(step, Step::Send { arrive: Some(0), .. })) && in_software,
        Mutation::FallbackDrop => {
            let falls_back = |step: &Step| matches!(step, Step::Send { lane: LaneWanted::Classic | LaneWanted::Any, arrive, .. } if *arrive != Some(0));
            quick && !acts && any(&falls_back)
        }
        Mutation::NoTimeout => waits,
        Mutation::NoAdmission => any(&|step| {
            matches!(step, Step::Send { lane: LaneWanted::Classic, .. } | Step::Open { offloaded: false, .. })
        }),
        Mutation::NoOwnRules => {
            let rules = &case.bed.rules;
            !rules.before.is_empty()
                || !rules.after.is_empty()
                || rules.table.iter().any(|line| line.starts_with("chain "))
        }
        Mutation::Deaf => acts,
    }
}

/// Faults that show in packets, or in where they go.
fn of_fault(fault: Fault, number: u32, case: &Case, instance: &Instance) -> bool {
    let in_groups = |groups: &[Group]| groups.contains(&case.group);
    let translated = instance.translation != Translation::None;
    match fault {
        Fault::RefuseMatch => {
            let bit = |bit: u32, holds: bool| number & bit != 0 && holds;
            bit(1, instance.family == Family::Ipv6)
                || bit(2, instance.protocol == Protocol::Udp)
                || bit(4, instance.protocol == Protocol::Tcp)
                || bit(8, case.group == Group::Encapsulation)
                || bit(16, translated)
        }
        Fault::WrongNatPort => translated,
        Fault::RefuseAt => in_groups(&[Group::Capacity, Group::Claims]),
        Fault::FreezeCounters | Fault::DoubleCounters | Fault::CountL2 => case.group == Group::Counters,
        Fault::ForgetTtl => in_groups(&[Group::Forwarding, Group::Encapsulation, Group::Claims, Group::Counters]),
        Fault::RefuseDirection | Fault::WrongChecksum | Fault::DropEvery | Fault::ReorderEvery => {
            in_groups(&[Group::Forwarding, Group::Claims, Group::Counters])
        }
        Fault::NoAging | Fault::LeakAtUnbind | Fault::StaleAfterDelete | Fault::InstallDelayMs => false,
    }
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::conform::Catalogue;

    use super::*;

    fn plan(mutants: Vec<Mutation>) -> ConformPlan {
        Catalogue::builtin().unwrap().plan(&[], &[], &mutants).unwrap()
    }

    #[test]
    fn every_mutant_has_a_case_that_could_tell_and_each_case_is_asked_once() {
        let plan = plan(Mutation::all().into_iter().chain([Mutation::Nothing]).collect());
        let chances = Chances::of(&plan);
        for &mutation in &plan.mutants {
            let of: Vec<&Chance> = chances.all().filter(|chance| chance.mutation == mutation).collect();
            let mut cases: Vec<usize> =
                of.iter().flat_map(|chance| &chance.instances).map(|&index| plan.instances[index].case).collect();
            assert!(!cases.is_empty(), "no case could notice {}", mutation.name());
            let all = cases.len();
            cases.sort_unstable();
            cases.dedup();
            assert_eq!(cases.len(), all, "{}", mutation.name());
            assert!(of.iter().all(|chance| mutation.datapaths().contains(&chance.datapath)));
        }
    }

    #[test]
    fn what_spoils_the_software_path_is_asked_of_what_takes_it() {
        let plan = plan(vec![Mutation::EgressTtl, Mutation::EgressFlowLabel, Mutation::Deaf]);
        let chances = Chances::of(&plan);
        let ids = |mutation: Mutation, datapath: Datapath| {
            let of = chances.all().filter(move |chance| (chance.mutation, chance.datapath) == (mutation, datapath));
            of.flat_map(|chance| &chance.instances).map(|&index| plan.instances[index].id.as_str()).collect::<Vec<_>>()
        };
        let software = ids(Mutation::EgressTtl, Datapath::Flowtable);
        assert!(
            software.contains(&"ttl-decrements/ipv4-udp-plain-up") && !software.iter().any(|id| id.ends_with("-down"))
        );
        // The NIC refuses these flows, so the software has them.
        let hardware = ids(Mutation::EgressTtl, Datapath::FlowtableHw);
        assert!(hardware.iter().any(|id| id.starts_with("refused-protocol/")));
        assert!(!hardware.iter().any(|id| id.starts_with("ttl-decrements/")));
        assert!(ids(Mutation::EgressFlowLabel, Datapath::Flowtable).iter().all(|id| id.contains("/ipv6-")));
        assert!(ids(Mutation::Deaf, Datapath::FlowtableHw).iter().any(|id| id.starts_with("offload-switched-off/")));
    }
}
