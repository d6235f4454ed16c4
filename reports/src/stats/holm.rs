//! Many tests at once (Holm 1979).

/// The p of each test, raised so that all together are wrong as seldom as one alone: below 5 % every one that is below
/// 0.05. In the order given; values stay within 1.
pub fn holm(ps: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..ps.len()).collect();
    order.sort_unstable_by(|&a, &b| ps[a].total_cmp(&ps[b]));
    let (mut adjusted, mut least) = (vec![1.0; ps.len()], 0.0_f64);
    for (before, &index) in order.iter().enumerate() {
        least = least.max((ps[index] * (ps.len() - before) as f64).min(1.0));
        adjusted[index] = least;
    }
    adjusted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_smallest_is_held_against_all_and_order_is_kept() {
        let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
        let expected = [0.03, 0.06, 0.06, 0.02];
        assert!(adjusted.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-12), "{adjusted:?}");
        assert_eq!(holm(&[0.3, 0.9]), [0.6, 0.9]);
        assert_eq!(holm(&[]), Vec::<f64>::new());
    }
}
