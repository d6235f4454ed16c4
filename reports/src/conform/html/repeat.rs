//! The command line that repeats a cell, made from the one of the run.

use crate::conform::ConformResult;
use crate::conform::cell::Cell;
use crate::html::quoted;

/// Options of the run that belong to every cell.
const KEPT: [&str; 2] = ["--modules", "--case-file"];

/// The command that runs one cell again. `index` is the number of the result among those of the run.
pub(super) fn command(result: &ConformResult, index: usize, cell: &Cell<'_>) -> String {
    let words = &result.start.command;
    let mut command = vec!["flowgauge", "conform", &cell.instance.id, "--datapath", cell.result.datapath.name()];
    let kernels = values(words, "--kernel");
    let origin = result.environment.as_ref().map_or("", |environment| environment.kernel_origin.as_str());
    let named = kernels.iter().find(|kernel| origin.split_whitespace().next() == Some(**kernel));
    let kernel = named.or_else(|| if kernels.len() == 1 { kernels.first() } else { kernels.get(index) });
    command.extend(kernel.iter().flat_map(|kernel| ["--kernel", **kernel]));
    for option in KEPT {
        command.extend(values(words, option).into_iter().flat_map(|value| [option, value]));
    }
    command.into_iter().map(quoted).collect::<Vec<_>>().join(" ")
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
