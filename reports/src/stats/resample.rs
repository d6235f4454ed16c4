//! Bootstrap intervals of Hodges-Lehmann shifts (Efron, Tibshirani 1993, chapters 8 and 13), with tails widened for small
//! samples (Hesterberg 2015, "What Teachers Should Know About the Bootstrap": the expanded percentile interval).

use super::hodges_lehmann::{pseudo_median_sorted, shift_sorted};
use super::normal::{Z_ONE_TAIL, Z_TWO_TAILS, student, upper_tail};
use super::random::SplitMix64;

/// Resamples at most.
const MOST: usize = 2000;
/// Resamples at least, for samples of thousands.
const LEAST: usize = 200;
/// Values touched at most: what an interval may take is bounded, and large samples need fewer resamples.
const TOUCHED: usize = 4_000_000;

/// A constant: the same samples give the same interval whenever they are compared.
const SEED: u64 = 0x636f_6d70_6172_6531;

/// Two intervals of one shift.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Intervals {
    /// 95 %: outside of it, the shift is not.
    pub wide: (f64, f64),
    /// 90 %: within limits when two one-sided tests at 5 % say so (Schuirmann 1987).
    pub narrow: (f64, f64),
}

/// The resampled shifts of two samples or of pairs, in ascending order.
#[derive(Clone, Debug)]
pub struct Resampled {
    shifts: Vec<f64>,
    n: f64,
    degrees: f64,
}

impl Resampled {
    /// Two samples, each a list of groups (runs) of finite values: groups are drawn first, then values within each, for
    /// what disturbs a run disturbs all of it. None where a side has no value.
    pub fn of_two(first: &[Vec<f64>], second: &[Vec<f64>]) -> Option<Resampled> {
        let sizes = [first, second].map(|side| side.iter().map(Vec::len).sum::<usize>());
        let (mut random, mut drawn, mut pairs) = (SplitMix64::new(SEED), [Vec::new(), Vec::new()], Vec::new());
        let sides = [Side::new(first)?, Side::new(second)?];
        let mut shifts = Vec::new();
        for _ in 0..resamples(sizes[0] + sizes[1]) {
            for (side, drawn) in sides.iter().zip(&mut drawn) {
                side.draw(&mut random, drawn);
            }
            shifts.push(shift_sorted(&drawn[0], &drawn[1], &mut pairs)?);
        }
        shifts.sort_unstable_by(f64::total_cmp);
        Some(Resampled { shifts, n: sizes[0].min(sizes[1]) as f64, degrees: (sizes[0] + sizes[1]) as f64 - 2.0 })
    }

    /// Finite differences of pairs in groups (runs). None without any.
    pub fn of_pairs(differences: &[Vec<f64>]) -> Option<Resampled> {
        let size: usize = differences.iter().map(Vec::len).sum();
        let (mut random, mut drawn, mut pairs) = (SplitMix64::new(SEED), Vec::new(), Vec::new());
        let side = Side::new(differences)?;
        let mut shifts = Vec::new();
        for _ in 0..resamples(size) {
            side.draw(&mut random, &mut drawn);
            shifts.push(pseudo_median_sorted(&drawn, &mut pairs)?);
        }
        shifts.sort_unstable_by(f64::total_cmp);
        Some(Resampled { shifts, n: size as f64, degrees: size as f64 - 1.0 })
    }

    /// The plain percentile interval that leaves `tail` on each side.
    pub fn percentile(&self, tail: f64) -> (f64, f64) {
        let last = self.shifts.len() - 1;
        let cut = ((self.shifts.len() as f64 * tail) as usize).min(last / 2);
        (self.shifts[cut], self.shifts[last - cut])
    }

    /// The intervals, their tails made thinner for small samples: a percentile interval is too narrow by the factor
    /// sqrt((n-1)/n), and takes the normal quantile where Student's is due.
    pub fn intervals(&self) -> Intervals {
        let tail = |z: f64| upper_tail(student(z, self.degrees) * (self.n / (self.n - 1.0)).sqrt());
        Intervals { wide: self.percentile(tail(Z_TWO_TAILS)), narrow: self.percentile(tail(Z_ONE_TAIL)) }
    }
}

fn resamples(values: usize) -> usize {
    (TOUCHED / values.max(1)).clamp(LEAST, MOST)
}

/// One side, its values in order, so that a draw counts how often each comes and need not sort.
struct Side {
    /// All values, ascending.
    sorted: Vec<f64>,
    /// Places in `sorted` of each group's values.
    groups: Vec<Vec<usize>>,
}

impl Side {
    fn new(groups: &[Vec<f64>]) -> Option<Side> {
        let mut all: Vec<(f64, usize)> =
            groups.iter().enumerate().flat_map(|(g, values)| values.iter().map(move |&v| (v, g))).collect();
        all.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        let mut places = vec![Vec::new(); groups.len()];
        for (place, &(_, group)) in all.iter().enumerate() {
            places[group].push(place);
        }
        places.retain(|places| !places.is_empty());
        (!all.is_empty()).then(|| Side { sorted: all.into_iter().map(|(value, _)| value).collect(), groups: places })
    }

    /// A resample, ascending.
    fn draw(&self, random: &mut SplitMix64, into: &mut Vec<f64>) {
        let mut times = vec![0_u32; self.sorted.len()];
        for _ in 0..self.groups.len() {
            let group = &self.groups[random.below(self.groups.len() as u32) as usize];
            for _ in 0..group.len() {
                times[group[random.below(group.len() as u32) as usize]] += 1;
            }
        }
        into.clear();
        for (&value, &times) in self.sorted.iter().zip(&times) {
            into.extend((0..times).map(|_| value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values around zero that look normal: the sum of twelve uniform ones.
    fn noise(random: &mut SplitMix64, n: usize) -> Vec<f64> {
        (0..n)
            .map(|_| (0..12).map(|_| f64::from(random.below(1 << 24)) / f64::from(1 << 24)).sum::<f64>() - 6.0)
            .collect()
    }

    fn covered(draw: impl Fn(&mut SplitMix64) -> Resampled) -> [usize; 2] {
        let mut random = SplitMix64::new(11);
        let mut held = [0; 2];
        for _ in 0..400 {
            let Intervals { wide, narrow } = draw(&mut random).intervals();
            for (held, (low, high)) in held.iter_mut().zip([wide, narrow]) {
                *held += usize::from(low <= 0.0 && 0.0 <= high);
            }
        }
        held
    }

    #[test]
    fn intervals_hold_the_truth_as_often_as_they_say() {
        // 95 % of 400 are 380, 90 % are 360; three standard deviations are 13 and 18.
        let two = covered(|random| Resampled::of_two(&[noise(random, 10)], &[noise(random, 10)]).unwrap());
        let pairs = covered(|random| Resampled::of_pairs(&[noise(random, 10)]).unwrap());
        for [wide, narrow] in [two, pairs] {
            assert!((367..=396).contains(&wide) && (342..=378).contains(&narrow), "{wide} and {narrow} of 400");
        }
    }

    #[test]
    fn runs_that_differ_widen_the_interval() {
        let mut random = SplitMix64::new(5);
        let apart: Vec<Vec<f64>> =
            (0..6).map(|run| noise(&mut random, 10).iter().map(|v| v + 5.0 * f64::from(run % 2)).collect()).collect();
        let flat = vec![apart.concat()];
        let width = |side: &[Vec<f64>]| {
            let (low, high) = Resampled::of_two(side, side).unwrap().intervals().wide;
            high - low
        };
        assert!(width(&apart) > 1.3 * width(&flat), "{} against {}", width(&apart), width(&flat));
    }

    #[test]
    fn a_constant_has_a_point_and_nothing_has_none() {
        let intervals = Resampled::of_two(&[vec![1.0; 8]], &[vec![3.0; 8]]).unwrap().intervals();
        assert_eq!((intervals.wide, intervals.narrow), ((2.0, 2.0), (2.0, 2.0)));
        assert!(Resampled::of_two(&[vec![]], &[vec![1.0]]).is_none() && Resampled::of_pairs(&[]).is_none());
    }
}
