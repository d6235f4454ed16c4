//! Mutants: which cases notice what was broken on purpose, and which cases have never been seen to fail.

use std::collections::{BTreeMap, BTreeSet};

use flowgauge_scenarios::Datapath;
use flowgauge_scenarios::conform::{ConformPlan, Group, Instance, Known, Mutation, Outcome};

use super::{CaseResult, ConformResult, MutantResult, sentence};

/// What became of each mutant of the plan, also of one that nothing was run with.
pub(super) fn mutants(plan: &ConformPlan, known: &[Known], results: &[CaseResult]) -> Vec<MutantResult> {
    let mut sound: BTreeMap<(usize, Datapath), &CaseResult> = BTreeMap::new();
    let mut broken: BTreeMap<Mutation, Vec<&CaseResult>> = BTreeMap::new();
    for result in results {
        match result.mutation {
            None => drop(sound.insert((result.instance, result.datapath), result)),
            Some(mutation) => broken.entry(mutation).or_default().push(result),
        }
    }
    let of = |&mutation: &Mutation| {
        let runs = broken.get(&mutation).map_or(&[][..], Vec::as_slice);
        let pairs = runs.iter().filter_map(|run| Some((*sound.get(&(run.instance, run.datapath))?, *run)));
        mutant(plan, known, mutation, pairs)
    };
    plan.mutants.iter().map(of).collect()
}

/// What a mutant made of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Notice {
    /// The instance says nothing: it does not hold without the mutant either, in a way that is not always the same.
    Mute,
    /// The kernel or the NIC cannot be broken in this way, by its word for it.
    Refused(String),
    /// As without the mutant.
    Alike,
    /// Another difference than the mutant explains.
    Elsewhere,
    /// A difference that the mutant explains, as a sentence; and how clear it is, the least the clearest.
    Killed(usize, String),
}

fn mutant<'a>(
    plan: &ConformPlan,
    known: &[Known],
    mutation: Mutation,
    pairs: impl Iterator<Item = (&'a CaseResult, &'a CaseResult)>,
) -> MutantResult {
    let mut result = MutantResult {
        mutation,
        datapath: mutation.datapath(),
        killed_by: Vec::new(),
        instances: 0,
        sign: String::new(),
        elsewhere: Vec::new(),
        refused: None,
    };
    let mut killers: Vec<(usize, usize, String)> = Vec::new();
    let name = |index: usize| plan.instances.get(index).map(|instance: &Instance| instance.id.clone());
    for (sound, broken) in pairs {
        let notice = notice(known, mutation, sound, broken);
        result.instances += usize::from(!matches!(notice, Notice::Mute | Notice::Refused(_)));
        match notice {
            Notice::Killed(clarity, sign) => killers.push((clarity, broken.instance, sign)),
            Notice::Elsewhere => result.elsewhere.extend(name(broken.instance)),
            Notice::Refused(why) => result.refused = Some(why),
            Notice::Mute | Notice::Alike => {}
        }
    }
    killers.sort();
    result.sign = killers.first().map(|(_, _, sign)| sign.clone()).unwrap_or_default();
    result.killed_by = killers.into_iter().filter_map(|(_, index, _)| name(index)).collect();
    if result.instances > 0 {
        result.refused = None;
    }
    result
}

/// Whether an instance noticed a mutant: by what it came to without and with it.
fn notice(known: &[Known], mutation: Mutation, sound: &CaseResult, broken: &CaseResult) -> Notice {
    let steady = |index: usize| known.get(index).is_some_and(|entry| !entry.flaky);
    match sound.outcome {
        Outcome::Pass if !sound.unexpected_pass => {}
        Outcome::Fail | Outcome::Unproven if sound.known.is_some_and(steady) => {}
        _ => return Notice::Mute,
    }
    let signs = mutation.signs();
    match broken.outcome {
        Outcome::Unsupported => return Notice::Refused(broken.why.clone()),
        // It could not be run: the mutant may be why, and so may anything else.
        Outcome::Error => return Notice::Elsewhere,
        // What keeps packets out of the fast path makes good what is lost in it.
        Outcome::Pass if sound.outcome == Outcome::Pass => return Notice::Alike,
        Outcome::Pass if signs.lane => {
            return Notice::Killed(2, format!("passes, which without it is {}", sound.outcome.name()));
        }
        Outcome::Pass => return Notice::Elsewhere,
        Outcome::Unproven if sound.outcome == Outcome::Unproven => return Notice::Alike,
        Outcome::Unproven if signs.lane => return Notice::Killed(1, broken.why.clone()),
        Outcome::Unproven => return Notice::Elsewhere,
        Outcome::Fail => {}
    }
    let before: BTreeSet<(usize, &str)> = sound.findings.iter().map(|f| (f.step, f.field.as_str())).collect();
    let new: Vec<_> = broken.findings.iter().filter(|f| !before.contains(&(f.step, f.field.as_str()))).collect();
    if new.is_empty() {
        return Notice::Alike;
    }
    // The fewer other differences there are, the clearer is the one.
    let clarity = |others: usize| if sound.outcome == Outcome::Pass { 3 * others } else { 3 * others + 2 };
    match new.iter().find(|finding| signs.explain(&finding.field)) {
        Some(finding) => {
            let others = new.iter().filter(|finding| !signs.explain(&finding.field)).count();
            Notice::Killed(clarity(others), sentence::finding(finding))
        }
        None => Notice::Elsewhere,
    }
}

/// A case and the mutants that it notices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Proven<'a> {
    /// Its name.
    pub(super) case: &'a str,
    /// What it is about.
    pub(super) group: Group,
    /// The mutants, in their order.
    pub(super) mutants: Vec<Mutation>,
    /// Whether it is known to fail without any mutant, on this kernel or another. What fails here and is not known may be the
    /// weather.
    pub(super) fails: bool,
}

impl Proven<'_> {
    /// Whether it has never been seen to fail, so that nobody knows whether it can.
    pub(super) fn never(&self) -> bool {
        !self.fails && self.mutants.is_empty()
    }
}

/// Each case of the plan with what shows that it can fail.
pub(super) fn proven(result: &ConformResult) -> Vec<Proven<'_>> {
    let plan = &result.start.plan;
    let case_of = |id: &str| id.split('/').next().unwrap_or_default().to_owned();
    let killers: Vec<(Mutation, BTreeSet<String>)> = result
        .mutants
        .iter()
        .map(|mutant| (mutant.mutation, mutant.killed_by.iter().map(|id| case_of(id)).collect()))
        .collect();
    let all = plan.cases.iter();
    all.map(|case| {
        let known = result.start.known.iter().any(|known| case_of(&known.instances) == case.id);
        let mutants = killers.iter().filter(|(_, cases)| cases.contains(&case.id)).map(|(mutation, _)| *mutation);
        Proven { case: case.id.as_str(), group: case.group, mutants: mutants.collect(), fails: known }
    })
    .collect()
}

/// Of the instances that noticed a mutant, how many are in each group, those groups that have some.
pub(super) fn by_group(plan: &ConformPlan, mutant: &MutantResult) -> Vec<(Group, usize)> {
    let mut groups: BTreeMap<Group, usize> = BTreeMap::new();
    for id in &mutant.killed_by {
        let case = plan.instances.iter().find(|instance| instance.id == *id).and_then(|i| plan.cases.get(i.case));
        if let Some(case) = case {
            *groups.entry(case.group).or_default() += 1;
        }
    }
    groups.into_iter().collect()
}

/// Which cases have never been seen to fail, as a sentence: not with a mutant, and not on any kernel that is known of. None
/// where one mutant or a few were run, for that says nothing of the cases.
pub(super) fn never_failed(result: &ConformResult) -> Option<String> {
    let all = Mutation::all().iter().all(|mutation| result.mutants.iter().any(|one| one.mutation == *mutation));
    if !all {
        return None;
    }
    let proven = proven(result);
    let never: Vec<&str> = proven.iter().filter(|one| one.never()).map(|one| one.case).collect();
    let count = format!(
        "{} of {} cases notice a mutant or are known to fail somewhere",
        proven.len() - never.len(),
        proven.len()
    );
    Some(match never.as_slice() {
        [] => format!("{count}."),
        _ => format!("{count}. These have never been seen to fail: {}.", never.join(", ")),
    })
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::conform::Known;

    use super::*;
    use crate::conform::Finding;

    fn finding(step: usize, field: &str) -> Finding {
        Finding {
            step,
            frame: None,
            reference_frame: None,
            field: field.to_owned(),
            expected: "63".to_owned(),
            got: "62".to_owned(),
            bytes: Vec::new(),
        }
    }

    fn came_to(outcome: Outcome, fields: &[&str]) -> CaseResult {
        CaseResult {
            instance: 0,
            datapath: Datapath::Flowtable,
            mutation: None,
            outcome,
            why: "why".to_owned(),
            findings: fields.iter().map(|field| finding(1, field)).collect(),
            known: None,
            unexpected_pass: false,
        }
    }

    fn known(flaky: bool) -> Vec<Known> {
        vec![Known {
            instances: "a".to_owned(),
            datapaths: vec![Datapath::Flowtable],
            since: None,
            until: None,
            outcome: Outcome::Fail,
            differs: vec!["lost".to_owned()],
            reason: "a test".to_owned(),
            link: "a test".to_owned(),
            flaky,
        }]
    }

    fn noticed(mutation: Mutation, sound: &CaseResult, broken: &CaseResult) -> Notice {
        notice(&known(false), mutation, sound, broken)
    }

    fn killed(notice: Notice) -> bool {
        matches!(notice, Notice::Killed(..))
    }

    #[test]
    fn only_a_difference_that_the_mutant_explains_kills_it() {
        let pass = came_to(Outcome::Pass, &[]);
        let ttl = |broken: &CaseResult| noticed(Mutation::EgressTtl, &pass, broken);
        assert!(killed(ttl(&came_to(Outcome::Fail, &["lost", "ipv4.ttl"]))));
        assert!(killed(ttl(&came_to(Outcome::Fail, &["quoted.ipv4.ttl"]))));
        // A frame that load has lost, a lane that was missed, a case that broke: none of that is the TTL.
        assert_eq!(ttl(&came_to(Outcome::Fail, &["lost"])), Notice::Elsewhere);
        assert_eq!(ttl(&came_to(Outcome::Unproven, &[])), Notice::Elsewhere);
        assert_eq!(ttl(&came_to(Outcome::Error, &[])), Notice::Elsewhere);
        assert_eq!(ttl(&pass), Notice::Alike);
        assert!(killed(noticed(Mutation::MissingPort, &pass, &came_to(Outcome::Unproven, &[]))));
        assert_eq!(noticed(Mutation::MissingPort, &pass, &came_to(Outcome::Fail, &["ipv4.ttl"])), Notice::Elsewhere);
    }

    #[test]
    fn the_clearest_kill_is_the_one_with_the_fewest_other_differences() {
        let pass = came_to(Outcome::Pass, &[]);
        let clarity = |fields: &[&str]| match noticed(Mutation::EgressTtl, &pass, &came_to(Outcome::Fail, fields)) {
            Notice::Killed(clarity, _) => clarity,
            other => panic!("{other:?}"),
        };
        assert!(clarity(&["ipv4.ttl", "ipv4.ttl"]) < clarity(&["lost", "ipv4.ttl"]));
    }

    #[test]
    fn what_is_not_good_without_the_mutant_says_nothing_unless_it_is_known_and_steady() {
        let fails = CaseResult { known: Some(0), ..came_to(Outcome::Fail, &["extra"]) };
        let worse = came_to(Outcome::Fail, &["extra", "ipv4.ttl"]);
        assert!(killed(noticed(Mutation::EgressTtl, &fails, &worse)));
        assert_eq!(noticed(Mutation::EgressTtl, &fails, &came_to(Outcome::Fail, &["extra"])), Notice::Alike);
        assert_eq!(notice(&known(true), Mutation::EgressTtl, &fails, &worse), Notice::Mute);
        assert_eq!(noticed(Mutation::EgressTtl, &came_to(Outcome::Fail, &["extra"]), &worse), Notice::Mute);
        // Without `flow add` a quota holds again: a known failure that passes was noticed, too.
        let pass = came_to(Outcome::Pass, &[]);
        assert!(killed(noticed(Mutation::NoFlowAdd, &fails, &pass)));
        assert_eq!(noticed(Mutation::EgressTtl, &fails, &pass), Notice::Elsewhere);
        let unexpected = CaseResult { unexpected_pass: true, ..pass };
        assert_eq!(noticed(Mutation::EgressTtl, &unexpected, &worse), Notice::Mute);
    }

    #[test]
    fn what_cannot_be_broken_here_is_told_apart_from_what_survives() {
        let refused = came_to(Outcome::Unsupported, &[]);
        let plan = ConformPlan { mutants: vec![Mutation::EgressTtl, Mutation::Deaf], ..ConformPlan::default() };
        let runs = [came_to(Outcome::Pass, &[]), CaseResult { mutation: Some(Mutation::EgressTtl), ..refused }];
        let all = mutants(&plan, &[], &runs);
        assert_eq!((all[0].refused.as_deref(), all[0].survived()), (Some("why"), false));
        // Nothing was run with the other: nobody has noticed it.
        assert_eq!((all[1].instances, all[1].survived()), (0, true));
    }

    #[test]
    fn the_control_is_noticed_by_any_difference() {
        let pass = came_to(Outcome::Pass, &[]);
        let nothing = |broken: &CaseResult| noticed(Mutation::Nothing, &pass, broken);
        assert!(
            killed(nothing(&came_to(Outcome::Fail, &["lost"]))) && killed(nothing(&came_to(Outcome::Unproven, &[])))
        );
        assert_eq!(nothing(&pass), Notice::Alike);
    }
}
