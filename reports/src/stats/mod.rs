//! Statistics of repeated trials: medians with bootstrap intervals, ratios paired by block, and what tells two samples
//! apart: Hodges-Lehmann shifts with bootstrap intervals, and rank tests. `docs/statistics.md` says when each is used.

mod bootstrap;
mod estimate;
mod hodges_lehmann;
mod holm;
mod mann_whitney;
mod median;
mod normal;
mod paired;
mod random;
mod ranks;
mod resample;
mod signed_rank;
#[cfg(test)]
mod vectors;

pub use bootstrap::{RESAMPLES, interval};
pub use estimate::{Estimate, FEW, Unit};
pub use hodges_lehmann::{pseudo_median, shift};
pub use holm::holm;
pub use mann_whitney::{MannWhitney, mann_whitney};
pub use median::median;
pub use normal::{Z_ONE_TAIL, Z_POWER, Z_TWO_TAILS, student, upper_tail};
pub use paired::paired_ratio;
pub use resample::{Intervals, Resampled};
pub use signed_rank::signed_rank;
