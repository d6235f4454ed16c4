//! The cases that come with flowgauge: the files of `scenarios/conform/`.

use super::check::DATAPATHS;
use super::expand::expand;
use super::pattern::matches;
use super::stations::stations;
use super::{Case, CaseError, ConformPlan, Group, Instance, Known, Mutation, load};
use crate::Datapath;
use crate::nearest::{nearest, suggestion};

const FILES: [(&str, &str); 8] = [
    ("forwarding.toml", include_str!("../../conform/forwarding.toml")),
    ("encapsulation.toml", include_str!("../../conform/encapsulation.toml")),
    ("life.toml", include_str!("../../conform/life.toml")),
    ("counters.toml", include_str!("../../conform/counters.toml")),
    ("losses.toml", include_str!("../../conform/losses.toml")),
    ("capacity.toml", include_str!("../../conform/capacity.toml")),
    ("claims.toml", include_str!("../../conform/claims.toml")),
    ("known.toml", include_str!("../../conform/known.toml")),
];

/// Cases with what is known of their failures.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Catalogue {
    /// Every case.
    pub cases: Vec<Case>,
    /// Every known failure.
    pub known: Vec<Known>,
}

impl Catalogue {
    /// The built-in cases.
    pub fn builtin() -> Result<Catalogue, CaseError> {
        let mut all = Catalogue::default();
        for (file, text) in FILES {
            let part = load::parse(file, text)?;
            if let Some(twice) = part.cases.iter().find(|case| all.cases.iter().any(|other| other.id == case.id)) {
                return Err(CaseError::Syntax {
                    file: file.to_owned(),
                    message: format!("another file has a case `{}`, too: give it another id", twice.id),
                });
            }
            all.cases.extend(part.cases);
            all.known.extend(part.known);
        }
        Ok(all)
    }

    /// The cases of one file, for a case of the user's own or one that the fuzzer wrote.
    pub fn parse(file: &str, text: &str) -> Result<Catalogue, CaseError> {
        load::parse(file, text)
    }

    /// The plan for what `patterns` select (`*` stands for anything; a case id, an instance id, a group; all where empty) on
    /// `datapaths` (all that cases can be run on where empty).
    ///
    /// # Errors
    /// A pattern that selects nothing, with the nearest names, and a datapath that conformance does not run on.
    pub fn plan(
        &self,
        patterns: &[String],
        datapaths: &[Datapath],
        mutants: &[Mutation],
    ) -> Result<ConformPlan, CaseError> {
        let datapaths = on(datapaths)?;
        let mut plan = ConformPlan { mutants: mutants.to_vec(), ..ConformPlan::default() };
        let mut used = vec![false; patterns.len()];
        for case in &self.cases {
            let mut instances = expand(case, plan.cases.len(), &datapaths);
            instances.retain(|instance| selected(patterns, &mut used, case, instance));
            if !instances.is_empty() {
                plan.cases.push(case.clone());
                plan.instances.extend(instances);
            }
        }
        if let Some((pattern, _)) = patterns.iter().zip(&used).find(|(_, used)| !**used) {
            return Err(CaseError::Selection(self.nothing_for(pattern, &datapaths)));
        }
        if plan.instances.is_empty() {
            return Err(CaseError::Selection("there is no case to run: the file has none".to_owned()));
        }
        plan.stations = stations(&plan.cases, &mut plan.instances);
        Ok(plan)
    }

    /// Why a pattern selects nothing, and what was meant perhaps.
    fn nothing_for(&self, pattern: &str, datapaths: &[Datapath]) -> String {
        let groups = Group::ALL.map(Group::name);
        let everywhere: Vec<Instance> =
            self.cases.iter().enumerate().flat_map(|(index, case)| expand(case, index, &DATAPATHS)).collect();
        let exists = |instance: &Instance| {
            let case = &self.cases[instance.case];
            selected(&[pattern.to_owned()], &mut [false], case, instance)
        };
        let elsewhere: Vec<&Instance> = everywhere.iter().filter(|instance| exists(instance)).collect();
        if !elsewhere.is_empty() {
            let names = |wanted: &dyn Fn(&Datapath) -> bool| {
                DATAPATHS.iter().filter(|datapath| wanted(datapath)).map(|d| d.name()).collect::<Vec<_>>().join(", ")
            };
            let (asked, there) = (
                names(&|datapath| datapaths.contains(datapath)),
                names(&|datapath| elsewhere.iter().any(|instance| instance.datapaths.contains(datapath))),
            );
            return format!("no case of `{pattern}` applies to {asked}: take {there}");
        }
        let hint = if pattern.contains('/') {
            let case = pattern.split('/').next().unwrap_or_default();
            let of_case = everywhere.iter().map(|i| i.id.as_str()).filter(|id| id.split('/').next() == Some(case));
            match nearest(pattern, of_case) {
                near if near.is_empty() => suggestion(case, groups),
                near => format!("did you mean {}?", near.join(" or ")),
            }
        } else {
            match nearest(pattern, self.cases.iter().map(|case| case.id.as_str()).chain(groups)) {
                near if near.is_empty() => format!("groups are {}", groups.join(", ")),
                near => format!("did you mean {}?", near.join(" or ")),
            }
        };
        format!("no case is named `{pattern}`: {hint} (`*` stands for anything; `--list` shows all)")
    }
}

/// The datapaths asked for, in the order of tables.
fn on(asked: &[Datapath]) -> Result<Vec<Datapath>, CaseError> {
    if let Some(other) = asked.iter().find(|d| !DATAPATHS.contains(d)) {
        return Err(CaseError::Selection(format!(
            "conformance does not run on `{}`: {}",
            other.name(),
            suggestion(other.name(), DATAPATHS.map(Datapath::name))
        )));
    }
    Ok(DATAPATHS.into_iter().filter(|d| asked.is_empty() || asked.contains(d)).collect())
}

/// Whether an instance is asked for; every pattern that asks for it is noted.
fn selected(patterns: &[String], used: &mut [bool], case: &Case, instance: &Instance) -> bool {
    let mut wanted = patterns.is_empty();
    for (pattern, used) in patterns.iter().zip(used) {
        if [case.id.as_str(), instance.id.as_str(), case.group.name()].iter().any(|name| matches(pattern, name)) {
            *used = true;
            wanted = true;
        }
    }
    wanted
}
