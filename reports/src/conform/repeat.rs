//! The command line that repeats a cell, made from the one of the run.

use super::{CaseResult, ConformResult};
use crate::html::quoted;

/// Options of the run that belong to every cell.
const KEPT: [&str; 2] = ["--modules", "--case-file"];

/// The command that runs one cell again; none where the plan has no such instance. `index` is the number of the result among
/// those of the run.
pub fn repeat(result: &ConformResult, index: usize, case: &CaseResult) -> Option<String> {
    let words = &result.start.command;
    let instance = result.start.plan.instances.get(case.instance)?;
    let mut command = vec!["flowgauge", "conform", &instance.id, "--datapath", case.datapath.name()];
    let kernels = values(words, "--kernel");
    let origin = result.environment.as_ref().map_or("", |environment| environment.kernel_origin.as_str());
    let named = kernels.iter().find(|kernel| origin.split_whitespace().next() == Some(**kernel));
    let kernel = named.or_else(|| if kernels.len() == 1 { kernels.first() } else { kernels.get(index) });
    command.extend(kernel.iter().flat_map(|kernel| ["--kernel", **kernel]));
    for option in KEPT {
        command.extend(values(words, option).into_iter().flat_map(|value| [option, value]));
    }
    let mutation = case.mutation.map(|mutation| mutation.name());
    command.extend(mutation.iter().flat_map(|name| ["--mutant", name.as_str()]));
    Some(command.into_iter().map(quoted).collect::<Vec<_>>().join(" "))
}

/// What stands behind an option, each time that it is there: `--kernel 6.12` or `--kernel=6.12`.
fn values<'a>(words: &'a [String], option: &str) -> Vec<&'a str> {
    let mut values = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == option {
            values.extend(words.next().map(String::as_str));
        } else if let Some(value) = word.strip_prefix(option).and_then(|rest| rest.strip_prefix('=')) {
            values.push(value);
        }
    }
    values
}
