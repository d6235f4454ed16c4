//! E-divisive: where the distribution of a series changes, without assuming which distribution it has.
//!
//! Matteson and James, "A Nonparametric Approach for Multiple Change Point Analysis of Multivariate Data", JASA 109 (2014),
//! <https://arxiv.org/abs/1306.4933>, with the distance |x - y| (alpha = 1) on numbers. A stretch is split where the energy
//! statistic between what lies left and right of the split is greatest; the split counts if random orders of the same
//! values seldom give as great a one; then the parts are split again. MongoDB and Apache Otava watch their performance so.

use flowgauge_scenarios::plan::SplitMix64;

/// How to look for change points.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// A split counts if its probability under chance is at most this.
    pub level: f64,
    /// Random orders that a split is held against; by the length of the series where none is given.
    pub permutations: Option<u32>,
    /// The fewest values on either side of a split, at least 1. With 2 a single stray last value is no change.
    pub shortest: usize,
    /// Seed of the random orders: the same series gives the same change points.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Options { level: 0.01, permutations: None, shortest: 2, seed: 1 }
    }
}

/// Where a series changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ChangePoint {
    /// Index of the first value that is of the new kind.
    pub at: usize,
    /// The energy statistic between the two sides.
    pub q: f64,
    /// The probability of so great a statistic in a random order of the same values: (1 + as great ones) / (1 + orders).
    pub p: f64,
}

/// The change points of finite values, in the order of the series.
///
/// # Panics
/// Where a value is not finite: leave those out before.
pub fn change_points(values: &[f64], options: &Options) -> Vec<ChangePoint> {
    assert!(values.iter().all(|value| value.is_finite()), "only finite values can be compared");
    let orders = options.permutations.unwrap_or(if values.len() <= SHORT { 999 } else { 199 });
    let mut parts = vec![Part::new(values, 0, options)];
    let mut found: Vec<ChangePoint> = Vec::new();
    while let Some((index, split)) = best(&parts) {
        let Some(p) = probability(&mut parts, split.q, orders, options.level) else { break };
        let whole = parts.remove(index);
        found.push(ChangePoint { at: whole.start + split.at, q: split.q, p });
        let (left, right) = whole.values.split_at(split.at);
        parts.push(Part::new(left, whole.start, options));
        parts.push(Part::new(right, whole.start + split.at, options));
    }
    found.sort_by_key(|change| change.at);
    found
}

/// Up to this length a thousand orders take no time worth the name, and give a finer probability.
const SHORT: usize = 400;

/// The fewest values that can show a change at `level`: half of each kind, against every way to put them in two halves.
pub fn fewest(level: f64) -> usize {
    let ways = |n: usize| (0..n / 2).fold(1.0, |product, i| product * (n - i) as f64 / (i + 1) as f64);
    // The mirrored order of two kinds gives the same statistic.
    (4..64).find(|&n| 2.0 / ways(n) <= level).unwrap_or(64)
}

/// The best split of a part.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Split {
    /// Values left of it.
    at: usize,
    q: f64,
}

/// A stretch between two change points. What random orders of it give is kept: it is asked for again in each round.
struct Part<'a> {
    values: &'a [f64],
    start: usize,
    shortest: usize,
    best: Option<Split>,
    random: SplitMix64,
    shuffled: Vec<f64>,
    /// The greatest statistic of each order so far.
    greatest: Vec<f64>,
    room: Room,
}

impl<'a> Part<'a> {
    fn new(values: &'a [f64], start: usize, options: &Options) -> Self {
        let mut room = Room::default();
        let shortest = options.shortest.max(1);
        // Parts of one series draw from different streams.
        let random = SplitMix64::new(options.seed ^ ((start as u64) << 32) ^ values.len() as u64);
        let best = room.split(values, shortest);
        Part { values, start, shortest, best, random, shuffled: values.to_vec(), greatest: Vec::new(), room }
    }

    /// The greatest statistic in random order `order`; 0 where the part cannot be split.
    fn greatest(&mut self, order: usize) -> f64 {
        if self.best.is_none() {
            return 0.0;
        }
        while self.greatest.len() <= order {
            self.random.shuffle(&mut self.shuffled);
            let split = self.room.split(&self.shuffled, self.shortest);
            self.greatest.push(split.map_or(0.0, |split| split.q));
        }
        self.greatest[order]
    }
}

/// The part whose best split is the best of all.
fn best(parts: &[Part<'_>]) -> Option<(usize, Split)> {
    let splits = parts.iter().enumerate().filter_map(|(index, part)| Some((index, part.best?)));
    splits.max_by(|a, b| a.1.q.total_cmp(&b.1.q))
}

/// The probability of a statistic of `q` when the values of each part come in random order; none where it is above
/// `level`, which is known as soon as enough orders were as great.
fn probability(parts: &mut [Part<'_>], q: f64, orders: u32, level: f64) -> Option<f64> {
    let all = f64::from(orders) + 1.0;
    let mut as_great = 0_u32;
    for order in 0..orders as usize {
        let greatest = parts.iter_mut().map(|part| part.greatest(order)).fold(0.0, f64::max);
        // The same split of the same values, added up in another order, is the same.
        as_great += u32::from(greatest >= q * (1.0 - 1e-9));
        if f64::from(as_great + 1) / all > level {
            return None;
        }
    }
    let p = f64::from(as_great + 1) / all;
    (p <= level).then_some(p)
}

/// Room for the sums of a split, reused from order to order.
#[derive(Default)]
struct Room {
    /// Mean distance within the first k values, times k - 1: what of the statistic depends on the end alone.
    all: Vec<f64>,
    /// Sum of the distances within the first k values.
    within: Vec<f64>,
    /// Sum of the distances within the values from the split to before k.
    right: Vec<f64>,
    /// 1 / (k - 1): a mean within k values is their sum times 2 / k times this.
    inverse: Vec<f64>,
    /// 2 (k - 1) / k.
    share: Vec<f64>,
}

impl Room {
    /// The split with the greatest statistic, the first of equals; none where there is no room for one.
    ///
    /// For every split t and every end k of the right side (the paper's kappa: what comes after a second change must not
    /// blur the first), with n = t and m = k - t,
    /// Q = nm / (n + m) * (2 / nm * between - 2 / n(n-1) * left - 2 / m(m-1) * right)
    ///   = 2 / k * (all - (k - 1) * (left / (n - 1) + right / (m - 1))),
    /// where `all`, `left` and `right` are the sums of distances within the first k, the first t, and the others.
    fn split(&mut self, values: &[f64], shortest: usize) -> Option<Split> {
        let n = values.len();
        if n < 2 * shortest || n < 2 {
            return None;
        }
        self.prepare(values);
        let mut best: Option<Split> = None;
        for at in (1..n).rev() {
            self.widen(values, at);
            if at < shortest || n - at < shortest {
                continue;
            }
            let left = self.within[at] * self.inverse[at];
            let ends = at + shortest..=n;
            let q = greatest(
                left,
                &self.all[ends.clone()],
                &self.share[ends.clone()],
                &self.right[ends],
                &self.inverse[shortest..],
            );
            if best.is_none_or(|best| q >= best.q) {
                best = Some(Split { at, q });
            }
        }
        best
    }

    /// Takes the value at `at` into the right side of every end.
    fn widen(&mut self, values: &[f64], at: usize) {
        let here = values[at];
        let mut sum = 0.0;
        for (right, value) in self.right[at + 2..].iter_mut().zip(&values[at + 1..]) {
            sum += (here - value).abs();
            *right += sum;
        }
    }

    fn prepare(&mut self, values: &[f64]) {
        let n = values.len();
        self.right.clear();
        self.right.resize(n + 1, 0.0);
        if self.inverse.len() != n + 1 {
            // A single value has no distance within, and its mean is none: 0 / 0 counts as 0.
            self.inverse = (0..=n).map(|k| if k < 2 { 0.0 } else { 1.0 / (k - 1) as f64 }).collect();
            self.share = (0..=n).map(|k| 2.0 - 2.0 / k.max(1) as f64).collect();
        }
        self.within.clear();
        self.within.push(0.0);
        let mut sum = 0.0;
        for (end, value) in values.iter().enumerate() {
            sum += distances(&values[..end], *value);
            self.within.push(sum);
        }
        self.all.clear();
        self.all.extend(self.within.iter().enumerate().map(|(k, within)| 2.0 * within / k.max(1) as f64));
    }
}

/// Sums and maxima are taken in lanes, which a compiler may not do by itself: it would change the order of additions.
const LANES: usize = 4;

/// The sum of the distances of `value` to others.
fn distances(others: &[f64], value: f64) -> f64 {
    let mut lanes = [0.0; LANES];
    let (chunks, rest) = others.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, other) in lanes.iter_mut().zip(chunk) {
            *lane += (other - value).abs();
        }
    }
    lanes.iter().sum::<f64>() + rest.iter().map(|other| (other - value).abs()).sum::<f64>()
}

/// The greatest statistic over the ends of a right side.
fn greatest(left: f64, all: &[f64], share: &[f64], right: &[f64], inverse: &[f64]) -> f64 {
    let n = all.len();
    let (all, share, right, inverse) = (&all[..n], &share[..n], &right[..n], &inverse[..n]);
    let q = |k: usize| all[k] - share[k] * (left + right[k] * inverse[k]);
    let more = |a: f64, b: f64| if b > a { b } else { a };
    let mut lanes = [f64::NEG_INFINITY; LANES];
    let whole = n - n % LANES;
    for k in (0..whole).step_by(LANES) {
        for (lane, most) in lanes.iter_mut().enumerate() {
            *most = more(*most, q(k + lane));
        }
    }
    (whole..n).map(q).chain(lanes).fold(f64::NEG_INFINITY, more)
}

#[cfg(test)]
mod tests;
