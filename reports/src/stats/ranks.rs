//! Ranks with ties, as rank tests take them.

/// Values in order with their ranks from 1; equal values share the mean of theirs.
pub(super) struct Ranks {
    /// The rank of each value, in the order they were given.
    pub(super) of: Vec<f64>,
    /// The sum of t^3 - t over groups of t equal values: what ties take from the variance of a rank sum. Zero without ties.
    pub(super) ties: f64,
}

impl Ranks {
    /// Ranks finite values.
    pub(super) fn new(values: &[f64]) -> Ranks {
        let mut order: Vec<usize> = (0..values.len()).collect();
        order.sort_unstable_by(|&a, &b| values[a].total_cmp(&values[b]));
        let (mut of, mut ties, mut before) = (vec![0.0; values.len()], 0.0, 0);
        for group in order.chunk_by(|&a, &b| values[a] == values[b]) {
            let size = group.len() as f64;
            for &index in group {
                of[index] = before as f64 + (size + 1.0) / 2.0;
            }
            ties += size.powi(3) - size;
            before += group.len();
        }
        Ranks { of, ties }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_values_share_a_rank() {
        let ranks = Ranks::new(&[3.0, 1.0, 3.0, 2.0, 3.0]);
        assert_eq!(ranks.of, [4.0, 1.0, 4.0, 2.0, 4.0]);
        assert_eq!(ranks.ties, 24.0);
        assert_eq!(Ranks::new(&[0.0, -0.0]).of, [1.5, 1.5], "both are zero");
        assert_eq!(Ranks::new(&[2.0, 1.0]).ties, 0.0);
    }
}
