//! What the results of a run are compared with: a baseline, or the first of several kernels.

use flowgauge_reports::RunResult;
use flowgauge_reports::compare::{Comparison, Incomparable, Options, compare};

/// Compares each result with the baseline; without one, each further result with the first. Each comparison bears the
/// name of its kernel where there are several. Nothing to compare gives no comparison.
///
/// # Errors
/// When two sides are not comparable, with the name.
pub(super) fn all(
    baseline: &[RunResult],
    results: &[RunResult],
    kernels: &[String],
) -> Result<Vec<(String, Comparison)>, (String, Incomparable)> {
    let (base, new) = match results {
        [first, further @ ..] if baseline.is_empty() => (std::slice::from_ref(first), further),
        all => (baseline, all),
    };
    let names = &kernels[kernels.len().saturating_sub(new.len())..];
    let options = Options::default();
    let named = |(result, kernel): (&RunResult, &String)| {
        let name = if kernels.len() > 1 { format!("{kernel}: ") } else { String::new() };
        match compare(base, std::slice::from_ref(result), &options) {
            Ok(comparison) => Ok((name, comparison)),
            Err(error) => Err((name, error)),
        }
    };
    new.iter().zip(names).map(named).collect()
}
