//! What the samples of both sides say of a metric: the shift, its intervals, a rank test, the scatter.

use std::collections::BTreeMap;

use super::pooled::PooledMetric;
use crate::stats::{FEW, Intervals, Resampled, mann_whitney, pseudo_median, shift, signed_rank};

/// Logarithms of ratios throughout: 0 is no change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Evidence {
    /// The Hodges-Lehmann shift.
    pub(super) shift: f64,
    pub(super) intervals: Intervals,
    /// Whether the intervals are but the range of what is there, for want of samples.
    pub(super) range_only: bool,
    /// Whether samples of one block of one run were paired.
    pub(super) paired: bool,
    /// Two-sided, of the rank test that fits.
    pub(super) p: f64,
    /// Samples of base and of new; as many pairs where they are paired.
    pub(super) n: [usize; 2],
    /// Standard deviations of base and of new within runs; of what one sample has, none.
    pub(super) scatter: [Option<f64>; 2],
}

/// Pairs are used where at most this share of the samples has no partner.
const LONE: f64 = 0.2;

impl Evidence {
    /// The evidence of two metrics of one unit, or why there is none.
    pub(super) fn of(base: &PooledMetric<'_>, new: &PooledMetric<'_>) -> Result<Evidence, String> {
        if base.unit != new.unit || base.clock != new.clock {
            return Err("the sides measured it in different units".to_owned());
        }
        let (old, young) = (Logs::of(base, "BASE")?, Logs::of(new, "NEW")?);
        let scatter = [old.scatter(), young.scatter()];
        let pairs = old.pairs(&young);
        let enough = |n: usize| (n as f64) >= (1.0 - LONE) * old.len().max(young.len()) as f64;
        let paired = enough(pairs.iter().map(Vec::len).sum());
        Ok(if paired { of_pairs(&pairs, scatter) } else { of_two(&old, &young, scatter) })
    }
}

fn of_pairs(pairs: &[Vec<f64>], scatter: [Option<f64>; 2]) -> Evidence {
    let all = pairs.concat();
    let range_only = all.len() < FEW;
    let shift = pseudo_median(&all).unwrap_or(0.0);
    let intervals = if range_only { range(all.iter().copied()) } else { resampled(Resampled::of_pairs(pairs), shift) };
    let n = [all.len(); 2];
    Evidence { shift, intervals, range_only, paired: true, p: signed_rank(&all), n, scatter }
}

fn of_two(old: &Logs<'_>, young: &Logs<'_>, scatter: [Option<f64>; 2]) -> Evidence {
    let (base, new) = (old.all(), young.all());
    let range_only = base.len().min(new.len()) < FEW;
    let between = shift(&base, &new).unwrap_or(0.0);
    let intervals = if range_only {
        range(new.iter().flat_map(|n| base.iter().map(move |b| n - b)))
    } else {
        resampled(Resampled::of_two(&old.groups(), &young.groups()), between)
    };
    let p = mann_whitney(&base, &new).map_or(1.0, |test| test.p);
    Evidence { shift: between, intervals, range_only, paired: false, p, n: [base.len(), new.len()], scatter }
}

fn range(values: impl Iterator<Item = f64>) -> Intervals {
    let ends = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    Intervals { wide: ends, narrow: ends }
}

/// The intervals, which hold the shift itself however the resamples fell.
fn resampled(resampled: Option<Resampled>, shift: f64) -> Intervals {
    let held = |(low, high): (f64, f64)| (low.min(shift), high.max(shift));
    let intervals =
        resampled.map(|r| r.intervals()).unwrap_or(Intervals { wide: (shift, shift), narrow: (shift, shift) });
    Intervals { wide: held(intervals.wide), narrow: held(intervals.narrow) }
}

/// The logarithms of a side's samples, by run and block.
struct Logs<'a>(BTreeMap<&'a str, Vec<(u32, f64)>>);

impl<'a> Logs<'a> {
    fn of(metric: &PooledMetric<'a>, side: &str) -> Result<Self, String> {
        let mut runs: BTreeMap<&str, Vec<(u32, f64)>> = BTreeMap::new();
        for &(run, block, value) in &metric.samples {
            if value <= 0.0 {
                return Err(format!(
                    "{side} has a sample of {value:.2}, and only of numbers above zero there is a ratio"
                ));
            }
            runs.entry(run).or_default().push((block, value.ln()));
        }
        if runs.is_empty() { Err(format!("{side} has no sample of it")) } else { Ok(Logs(runs)) }
    }

    fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    fn groups(&self) -> Vec<Vec<f64>> {
        self.0.values().map(|run| run.iter().map(|s| s.1).collect()).collect()
    }

    fn all(&self) -> Vec<f64> {
        self.groups().concat()
    }

    /// The standard deviation within runs, pooled over them.
    fn scatter(&self) -> Option<f64> {
        let (mut squares, mut degrees) = (0.0, 0);
        for run in self.groups() {
            let mean = run.iter().sum::<f64>() / run.len() as f64;
            squares += run.iter().map(|v| (v - mean).powi(2)).sum::<f64>();
            degrees += run.len() - 1;
        }
        (degrees > 0).then(|| (squares / degrees as f64).sqrt())
    }

    /// What `other` has more in each block of each run that both have.
    fn pairs(&self, other: &Logs<'_>) -> Vec<Vec<f64>> {
        let in_both = self.0.iter().filter_map(|(run, base)| Some((base, other.0.get(run)?)));
        let pairs = in_both.map(|(base, new)| {
            let base: BTreeMap<u32, f64> = base.iter().copied().collect();
            new.iter().filter_map(|(block, value)| Some(value - base.get(block)?)).collect::<Vec<f64>>()
        });
        pairs.filter(|pairs| !pairs.is_empty()).collect()
    }
}
