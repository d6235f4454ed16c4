//! The Mann-Whitney U test (Mann, Whitney 1947): whether values of one sample tend to be larger than those of another.

use super::normal::upper_tail;
use super::ranks::Ranks;

/// Up to so many values a side the distribution of U is counted out: 2^53 holds every count of it.
const EXACT: usize = 25;

/// U and its p.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// Pairs of which the first sample's value is the larger; equal ones count half.
    pub u: f64,
    /// Two-sided p: how often samples of one distribution give a U as far from its middle.
    pub p: f64,
}

/// The test of finite values: exact for up to 25 a side without ties, else by the normal distribution with the
/// corrections for ties and for continuity, as scipy's `mannwhitneyu` has them. None where a side has no value.
pub fn mann_whitney(first: &[f64], second: &[f64]) -> Option<MannWhitney> {
    let (n, m) = (first.len(), second.len());
    if n == 0 || m == 0 {
        return None;
    }
    let both: Vec<f64> = first.iter().chain(second).copied().collect();
    let ranks = Ranks::new(&both);
    let (nf, mf) = (n as f64, m as f64);
    let u = ranks.of[..n].iter().sum::<f64>() - nf * (nf + 1.0) / 2.0;
    let far = u.max(nf * mf - u);
    let p = if ranks.ties == 0.0 && n <= EXACT && m <= EXACT {
        exact(n, m, (nf * mf - far) as usize)
    } else {
        let all = nf + mf;
        let variance = nf * mf / 12.0 * (all + 1.0 - ranks.ties / (all * (all - 1.0)));
        // Every value equal: nothing tells the sides apart.
        if variance <= 0.0 { 1.0 } else { 2.0 * upper_tail((far - nf * mf / 2.0 - 0.5) / variance.sqrt()) }
    };
    Some(MannWhitney { u, p: p.min(1.0) })
}

/// Twice the share of orders of n and m values whose U is at most `least`.
fn exact(n: usize, m: usize, least: usize) -> f64 {
    // The counts by U are the coefficients of the Gaussian binomial: the product over i of (1 - q^(m+i)) / (1 - q^i).
    let size = n * m + 1;
    let mut counts = vec![0.0; size];
    counts[0] = 1.0;
    for i in 1..=n {
        for u in (m + i..size).rev() {
            counts[u] -= counts[u - m - i];
        }
        for u in i..size {
            counts[u] += counts[u - i];
        }
    }
    2.0 * counts[..=least].iter().sum::<f64>() / counts.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_p_is_that_of_the_number_of_orders() {
        let test = mann_whitney(&[1.0, 2.0, 3.0], &[4.0, 5.0, 6.0]).unwrap();
        // 6 over 3 is 20.
        assert_eq!((test.u, test.p), (0.0, 0.1));
        assert_eq!(mann_whitney(&[4.0, 5.0, 6.0], &[1.0, 2.0, 3.0]).unwrap().p, 0.1, "either way");
    }

    #[test]
    fn nothing_and_all_equal_tell_nothing() {
        assert_eq!(mann_whitney(&[], &[1.0]), None);
        assert_eq!(mann_whitney(&[2.0; 30], &[2.0; 30]).unwrap().p, 1.0);
        assert_eq!(mann_whitney(&[2.0], &[2.0]).unwrap().p, 1.0);
    }

    #[test]
    fn ten_thousand_values_take_no_time() {
        let values =
            |salt: u32| -> Vec<f64> { (0..10_000_u32).map(|i| f64::from((i * 7919 + salt) % 10_007)).collect() };
        assert!(mann_whitney(&values(1), &values(2)).unwrap().p > 0.5);
    }
}
