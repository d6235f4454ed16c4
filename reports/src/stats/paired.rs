//! Ratios paired by block: what two cells gave within the same block shares its disturbances.

use std::collections::BTreeMap;

use super::estimate::{Estimate, Unit};

/// The median over blocks of `value / baseline`, each a list of (block, value), with its interval.
///
/// Blocks that only one of them has, and pairs whose quotient is not finite, are left out. Resampling the ratios is
/// resampling whole blocks, so the interval is the paired one.
pub fn paired_ratio(values: &[(u32, f64)], baseline: &[(u32, f64)]) -> Option<Estimate> {
    let baseline: BTreeMap<u32, f64> = baseline.iter().copied().collect();
    let ratios: Vec<f64> =
        values.iter().filter_map(|(block, value)| baseline.get(block).map(|base| value / base)).collect();
    Estimate::of(&ratios, Unit::Ratio)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drift_that_both_share_cancels() {
        // The machine gets slower from block to block; the ratio stays.
        let baseline: Vec<(u32, f64)> = (0..10).map(|b| (b, 100.0 - 5.0 * f64::from(b))).collect();
        let values: Vec<(u32, f64)> = baseline.iter().rev().map(|&(b, v)| (b, 2.0 * v)).collect();
        let ratio = paired_ratio(&values, &baseline).unwrap();
        assert_eq!((ratio.median, ratio.low, ratio.high, ratio.n), (2.0, 2.0, 2.0, 10));
    }

    #[test]
    fn lone_blocks_and_zero_baselines_are_left_out() {
        let ratio = paired_ratio(&[(0, 2.0), (1, 9.0), (2, 3.0)], &[(0, 1.0), (2, 0.0), (5, 1.0)]).unwrap();
        assert_eq!((ratio.median, ratio.n), (2.0, 1));
        assert_eq!(paired_ratio(&[(0, 1.0)], &[(1, 1.0)]), None);
    }
}
