//! Mutants: which cases notice what was broken on purpose.

use std::collections::BTreeMap;

use flowgauge_scenarios::Datapath;
use flowgauge_scenarios::conform::{ConformPlan, Mutation, Outcome};

use super::{CaseResult, MutantResult};

/// What became of each mutant. An instance notices it where it passes without, and does not with it.
pub(super) fn mutants(plan: &ConformPlan, results: &[CaseResult]) -> Vec<MutantResult> {
    let sound: BTreeMap<(usize, Datapath), Outcome> = results
        .iter()
        .filter(|result| result.mutation.is_none())
        .map(|result| ((result.instance, result.datapath), result.outcome))
        .collect();
    let mut mutants: BTreeMap<(Mutation, Datapath), MutantResult> = BTreeMap::new();
    for result in results {
        let Some(mutation) = result.mutation else { continue };
        if sound.get(&(result.instance, result.datapath)) != Some(&Outcome::Pass) {
            continue;
        }
        let mutant = mutants.entry((mutation, result.datapath)).or_insert_with(|| MutantResult {
            mutation,
            datapath: result.datapath,
            killed_by: Vec::new(),
            instances: 0,
        });
        mutant.instances += 1;
        if matches!(result.outcome, Outcome::Fail | Outcome::Unproven) {
            mutant.killed_by.extend(plan.instances.get(result.instance).map(|instance| instance.id.clone()));
        }
    }
    mutants.into_values().collect()
}
