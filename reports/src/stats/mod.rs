//! Statistics of repeated trials: medians with bootstrap intervals, and ratios paired by block.

mod bootstrap;
mod estimate;
mod median;
mod paired;
mod random;

pub use bootstrap::{RESAMPLES, interval};
pub use estimate::{Estimate, FEW, Unit};
pub use median::median;
pub use paired::paired_ratio;
