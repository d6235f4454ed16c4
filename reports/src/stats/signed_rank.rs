//! The signed-rank test (Wilcoxon 1945): whether paired differences tend to one side of zero.

use super::normal::upper_tail;
use super::ranks::Ranks;

/// Up to so many differences the distribution is counted out.
const EXACT: usize = 50;

/// Two-sided p of the finite differences; zeros are left out, and nothing but zeros has p = 1.
///
/// Exact for up to 50 without ties and zeros, else by the normal distribution with the correction for ties, as scipy's
/// `wilcoxon` has it.
pub fn signed_rank(differences: &[f64]) -> f64 {
    let moved: Vec<f64> = differences.iter().copied().filter(|d| *d != 0.0).collect();
    let n = moved.len();
    if n == 0 {
        return 1.0;
    }
    let ranks = Ranks::new(&moved.iter().map(|d| d.abs()).collect::<Vec<f64>>());
    let total = (n * (n + 1)) as f64 / 2.0;
    let up: f64 = ranks.of.iter().zip(&moved).filter(|(_, d)| **d > 0.0).map(|(rank, _)| rank).sum();
    let least = up.min(total - up);
    let p = if ranks.ties == 0.0 && n <= EXACT && n == differences.len() {
        exact(n, least as usize)
    } else {
        let variance = (total * (2 * n + 1) as f64 - ranks.ties / 4.0) / 12.0;
        2.0 * upper_tail((total / 2.0 - least) / variance.sqrt())
    };
    p.min(1.0)
}

/// Twice the share of the signs of n ranks whose positive ones sum to at most `least`.
fn exact(n: usize, least: usize) -> f64 {
    let mut counts = vec![0.0; n * (n + 1) / 2 + 1];
    counts[0] = 1.0;
    for rank in 1..=n {
        for sum in (rank..counts.len()).rev() {
            counts[sum] += counts[sum - rank];
        }
    }
    2.0 * counts[..=least].iter().sum::<f64>() / counts.iter().sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_p_is_that_of_the_number_of_signs() {
        assert_eq!(signed_rank(&[1.0, 2.0, 3.0, 4.0, 5.0]), 2.0 / 32.0);
        assert_eq!(signed_rank(&[-1.0, -2.0, -3.0, -4.0, -5.0]), 2.0 / 32.0);
    }

    #[test]
    fn no_difference_is_none() {
        assert_eq!(signed_rank(&[]), 1.0);
        assert_eq!(signed_rank(&[0.0; 12]), 1.0);
        assert!(signed_rank(&[1.0, -1.0, 1.0, -1.0]) > 0.9);
    }
}
