//! Comparing results: what changed between two kernels, two builds, two days.
//!
//! [`load`] reads a file or a folder of results; [`compare`](fn@compare) pools what each side has of a row, refuses what is not
//! comparable, and gives every row a verdict; [`render`] shows it. [`explain`] names the functions that a change comes from. Everything but [`load`] is pure. The statistics are those
//! of [`crate::stats`]; `docs/statistics.md` says why they are these and what they cannot tell.

mod causes;
mod comparison;
mod decide;
mod difference;
mod evidence;
mod explanation;
mod facts;
mod incomparable;
mod load;
mod options;
mod pooled;
mod side;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use causes::pictures;
pub use causes::{explained_svg, render_explained};
pub use comparison::{COMPARISON_VERSION, Compared, ComparedRow, Comparison, FailOn, RowKey, Shift, decided};
pub use decide::{ALPHA, LEAST_INSTRUCTIONS, LEAST_WALL, NOISE_FLOOR, SCATTERED};
pub use difference::{Aspect, Difference, Standing};
pub use explanation::{Explained, Explanation, explain};
pub use incomparable::Incomparable;
pub use load::{LoadError, load};
pub use options::{Effect, Metrics, Options};
pub use table::render;

use crate::RunResult;
use crate::stats::holm;
use decide::Rule;
use side::{Matched, Side};

/// Compares `new` with `base`, each one or several runs whose samples are pooled by row.
///
/// # Errors
/// When the sides are not comparable and [`Options::allow`] does not say to compare them all the same, or when there is
/// nothing to compare.
pub fn compare(base: &[RunResult], new: &[RunResult], options: &Options) -> Result<Comparison, Incomparable> {
    let base = Side::new("BASE", base, options.base_kernel.as_deref())?;
    let new = Side::new("NEW", new, options.new_kernel.as_deref())?;
    options.check(&side::clocks(&base, &new))?;
    let differences = difference::between(&base, &new, &options.allow)?;
    let Matched { both, only_in_base, only_in_new } = side::matched(&base, &new);
    if both.is_empty() {
        return Err(Incomparable::NothingInCommon { base: only_in_base, new: only_in_new });
    }
    let mut rows = Vec::new();
    for (key, base, new) in &both {
        rows.extend(
            options.metrics.of(base, new).into_iter().map(|metric| decide::weigh(key, &metric, base, new, options)),
        );
    }
    if rows.is_empty() {
        return Err(options.metrics.unknown(&both));
    }
    // Only where p decides can many rows make a false alarm likely.
    let deciding: Vec<usize> = (0..rows.len()).filter(|&row| rows[row].rule == Some(Rule::Wall)).collect();
    let ps: Vec<f64> = deciding.iter().filter_map(|&row| rows[row].p()).collect();
    let mut adjusted = vec![None; rows.len()];
    for (&row, p) in deciding.iter().filter(|&&row| rows[row].p().is_some()).zip(holm(&ps)) {
        adjusted[row] = Some(p);
    }
    let rows = rows.into_iter().zip(adjusted).map(|(row, p)| row.judged(p)).collect();
    let notes = side::notes(&base, &new);
    Ok(Comparison {
        comparison_version: COMPARISON_VERSION,
        base: base.runs(),
        new: new.runs(),
        base_kernels: base.kernels(),
        new_kernels: new.kernels(),
        effect: options.effect,
        noise_floor: NOISE_FLOOR,
        rows,
        differences,
        only_in_base,
        only_in_new,
        notes,
        explained: Vec::new(),
    })
}
