//! The percentile bootstrap of the median (Efron, Tibshirani 1993, chapter 13).

use super::median::{middle, sorted_finite};
use super::random::SplitMix64;

/// Resamples per interval.
pub const RESAMPLES: usize = 2000;

/// A constant: the same samples give the same interval whenever they are judged.
const SEED: u64 = 0x666c_6f77_6761_7567;

/// The 95 % interval of the median of the finite values by [`RESAMPLES`] resamples; none without values.
///
/// With fewer than five values the interval is too narrow to be believed; [`super::Estimate`] does not use it then.
pub fn interval(values: &[f64]) -> Option<(f64, f64)> {
    let sorted = sorted_finite(values);
    let n = u32::try_from(sorted.len()).ok()?;
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    if first == last {
        return Some((first, last));
    }
    let mut random = SplitMix64::new(SEED);
    let mut ranks = vec![0_u32; sorted.len()];
    let mut medians: Vec<f64> = (0..RESAMPLES)
        .filter_map(|_| {
            // Values are sorted, so a resample of ranks is a resample of values, and integers sort faster.
            ranks.iter_mut().for_each(|rank| *rank = random.below(n));
            median_of_ranks(&sorted, &mut ranks)
        })
        .collect();
    medians.sort_unstable_by(f64::total_cmp);
    let tail = (RESAMPLES as f64 * 0.025) as usize;
    Some((*medians.get(tail)?, *medians.get(RESAMPLES - 1 - tail)?))
}

fn median_of_ranks(sorted: &[f64], ranks: &mut [u32]) -> Option<f64> {
    let half = ranks.len() / 2;
    let odd = ranks.len() % 2 == 1;
    let (below, &mut upper, _) = ranks.select_nth_unstable(half);
    let upper = sorted[upper as usize];
    if odd {
        return Some(upper);
    }
    let lower = sorted[*below.iter().max()? as usize];
    middle(&[lower, upper])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::median;

    #[test]
    fn nothing_has_no_interval_and_a_constant_a_point() {
        assert_eq!(interval(&[]), None);
        assert_eq!(interval(&[f64::NAN]), None);
        assert_eq!(interval(&[2.0; 7]), Some((2.0, 2.0)));
    }

    #[test]
    fn it_covers_the_true_median_about_as_often_as_it_says() {
        // 400 samples of n = 15 from a uniform distribution whose median is 0.5.
        let mut random = SplitMix64::new(1);
        let covered = (0..400)
            .filter(|_| {
                let sample: Vec<f64> = (0..15).map(|_| f64::from(random.below(1_000_000)) / 1e6).collect();
                interval(&sample).is_some_and(|(low, high)| low <= 0.5 && 0.5 <= high)
            })
            .count();
        // 95 % nominal; the percentile bootstrap of a median is known to be off by a few percent at this n.
        assert!((360..=396).contains(&covered), "{covered} of 400");
    }

    proptest! {
        #[test]
        fn it_holds_the_median_and_stays_within_the_sample(values in prop::collection::vec(-1e9..1e9_f64, 1..40)) {
            let (low, high) = interval(&values).unwrap();
            let middle = median(&values).unwrap();
            let (least, most) = values.iter().fold((f64::MAX, f64::MIN), |(a, b), &v| (a.min(v), b.max(v)));
            prop_assert!(least <= low && low <= middle && middle <= high && high <= most);
            prop_assert_eq!(interval(&values), Some((low, high)));
        }
    }
}
