//! Hodges-Lehmann estimates (Hodges, Lehmann 1963): how far one sample lies from another, and the middle of differences.
//!
//! Both are medians of many pairs. For small samples the pairs are listed; for large ones the median is searched for by
//! counting, so that ten thousand values a side take milliseconds and not a list of 10^8.

use super::median::{middle, sorted_finite};

/// Up to so many pairs are listed.
const LISTED: usize = 1 << 11;

/// The median of all differences `second - first`; none where a side has no finite value.
pub fn shift(first: &[f64], second: &[f64]) -> Option<f64> {
    shift_sorted(&sorted_finite(first), &sorted_finite(second), &mut Vec::new())
}

/// [`shift`] of values in ascending order. `pairs` is room to work in.
pub(super) fn shift_sorted(first: &[f64], second: &[f64], pairs: &mut Vec<f64>) -> Option<f64> {
    let total = first.len() * second.len();
    if total == 0 {
        return None;
    }
    if total <= LISTED {
        pairs.clear();
        pairs.extend(second.iter().flat_map(|y| first.iter().map(move |x| y - x)));
        return middle_of(pairs);
    }
    // Differences do not fall when `second` rises or `first` falls, and rounding keeps that: one sweep counts them.
    let count = |most: f64| {
        let (mut below, mut x) = (0, 0);
        for y in second {
            while x < first.len() && y - first[x] > most {
                x += 1;
            }
            below += first.len() - x;
        }
        below
    };
    let (low, high) = (second[0] - first[first.len() - 1], second[second.len() - 1] - first[0]);
    Some(searched(total, low, high, count))
}

/// The median of the means of all pairs of finite values, each with itself too (Walsh averages); none without any.
pub fn pseudo_median(values: &[f64]) -> Option<f64> {
    pseudo_median_sorted(&sorted_finite(values), &mut Vec::new())
}

/// [`pseudo_median`] of values in ascending order. `pairs` is room to work in.
pub(super) fn pseudo_median_sorted(sorted: &[f64], pairs: &mut Vec<f64>) -> Option<f64> {
    let n = sorted.len();
    let total = n * (n + 1) / 2;
    if total <= LISTED {
        pairs.clear();
        pairs.extend((0..n).flat_map(|i| (i..n).map(move |j| (sorted[i] + sorted[j]) / 2.0)));
        return middle_of(pairs);
    }
    let count = |most: f64| {
        let (mut below, mut end) = (0, n);
        for (i, value) in sorted.iter().enumerate() {
            while end > i && (value + sorted[end - 1]) / 2.0 > most {
                end -= 1;
            }
            if end <= i {
                break;
            }
            below += end - i;
        }
        below
    };
    Some(searched(total, sorted[0], sorted[n - 1], count))
}

/// The median of values in any order, which are put into another.
fn middle_of(values: &mut [f64]) -> Option<f64> {
    let half = values.len().checked_sub(1)? / 2;
    let even = values.len().is_multiple_of(2);
    let (_, &mut lower, above) = values.select_nth_unstable_by(half, f64::total_cmp);
    let upper = above.iter().copied().filter(|_| even).fold(f64::INFINITY, f64::min);
    if even { middle(&[lower, upper]) } else { Some(lower) }
}

/// The median of `total` values between `low` and `high`, of which `count` tells how many are at most a number.
fn searched(total: usize, low: f64, high: f64, count: impl Fn(f64) -> usize) -> f64 {
    let nth = |rank: usize| {
        // Every double has a place among the others: the search is over places, and ends at the value itself.
        let (mut low, mut high) = (place(low), place(high));
        while low < high {
            let between = low + (high - low) / 2;
            if count(at(between)) >= rank { high = between } else { low = between + 1 }
        }
        (at(low), count(at(low)))
    };
    let (lower, up_to) = nth(total.div_ceil(2));
    if total % 2 == 1 || up_to > total / 2 { lower } else { lower / 2.0 + nth(total / 2 + 1).0 / 2.0 }
}

/// The place of a double among all, from the lowest.
fn place(value: f64) -> u64 {
    let bits = value.to_bits();
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// The double at a place.
fn at(place: u64) -> f64 {
    f64::from_bits(if place >> 63 == 1 { place & !(1 << 63) } else { !place })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::stats::median;

    fn differences(first: &[f64], second: &[f64]) -> Vec<f64> {
        second.iter().flat_map(|y| first.iter().map(move |x| y - x)).collect()
    }

    #[test]
    fn it_is_the_median_of_the_pairs() {
        assert_eq!(shift(&[1.0, 2.0], &[4.0, 8.0, f64::NAN]), Some(4.5));
        assert_eq!(shift(&[], &[1.0]), None);
        assert_eq!(pseudo_median(&[1.0, 2.0, 9.0]), Some(3.5));
        assert_eq!(pseudo_median(&[]), None);
    }

    #[test]
    fn ten_thousand_a_side_take_no_time() {
        let values = |add: f64| -> Vec<f64> { (0..10_000).map(|i| f64::from(i * 7919 % 10_007) + add).collect() };
        assert_eq!(shift(&values(0.0), &values(3.5)), Some(3.5));
        assert_eq!(pseudo_median(&values(3.5)).map(|m| (m - 5006.5).abs() < 20.0), Some(true));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn counting_finds_what_listing_finds(
            first in prop::collection::vec(-1e3..1e3_f64, 40..60), second in prop::collection::vec(-1e3..1e3_f64, 60..70)
        ) {
            prop_assert_eq!(shift(&first, &second), median(&differences(&first, &second)));
            let many: Vec<f64> = first.iter().chain(&second).copied().collect();
            let walsh: Vec<f64> = (0..many.len()).flat_map(|i| {
                let many = &many;
                (i..many.len()).map(move |j| (many[i] + many[j]) / 2.0)
            }).collect();
            prop_assert_eq!(pseudo_median(&many), median(&walsh));
        }

        #[test]
        fn whole_numbers_tie_and_are_counted_once_each(values in prop::collection::vec(-9..9_i32, 64..80)) {
            let values: Vec<f64> = values.into_iter().map(f64::from).collect();
            prop_assert_eq!(shift(&values, &values[..63]), median(&differences(&values, &values[..63])));
        }
    }
}
