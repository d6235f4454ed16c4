//! What the results of a run are compared with: a baseline, or the first of several kernels.

use flowgauge_reports::RunResult;
use flowgauge_reports::compare::{self, Comparison, Explained, Incomparable, Options, compare};

/// Compares each result with the baseline; without one, each further result with the first. Each comparison bears the
/// name of its kernel where there are several. Nothing to compare gives no comparison. What changed is explained where
/// `explained` says so; a side that was never sampled leaves a note.
///
/// # Errors
/// When two sides are not comparable, with the name.
pub(super) fn all(
    baseline: &[RunResult],
    results: &[RunResult],
    kernels: &[String],
    explained: bool,
) -> Result<Vec<(String, Comparison)>, (String, Incomparable)> {
    let (base, new) = match results {
        [first, further @ ..] if baseline.is_empty() => (std::slice::from_ref(first), further),
        all => (baseline, all),
    };
    let names = &kernels[kernels.len().saturating_sub(new.len())..];
    let options = Options::default();
    let named = |(result, kernel): (&RunResult, &String)| {
        let name = if kernels.len() > 1 { format!("{kernel}: ") } else { String::new() };
        let new = std::slice::from_ref(result);
        let mut comparison = compare(base, new, &options).map_err(|error| (name.clone(), error))?;
        if explained && let Err(why) = compare::explain(base, new, &options, Explained::Changed, &mut comparison) {
            comparison.notes.push(why.to_string());
        }
        Ok((name, comparison))
    };
    new.iter().zip(names).map(named).collect()
}
