//! The verdict of a row: from evidence, clock, and the smallest effect that matters.

use super::comparison::{Compared, ComparedRow, RowKey, Shift, percent};
use super::evidence::Evidence;
use super::options::Options;
use super::pooled::{Pooled, PooledMetric};
use crate::environment::Clock;
use crate::judge::Verdict;
use crate::metric::Better;
use crate::stats::{FEW, Z_ONE_TAIL, Z_POWER, Z_TWO_TAILS};

/// The risk of a false alarm by the wall clock, over all rows of a comparison together.
pub const ALPHA: f64 = 0.05;

/// Samples a side below which nothing is claimed by the wall clock: with fewer, a rank test has no p to speak of once many
/// rows are looked at, and an interval says little.
pub const LEAST_WALL: usize = 10;

/// Samples a side below which nothing is claimed by the instruction clock: two show their scatter.
pub const LEAST_INSTRUCTIONS: usize = 2;

/// What the instruction clock may differ by between two boots of one kernel and plan, as a share: six boots on a busy machine
/// gave medians within 0.16 % for the cheapest row, 1129 instructions, and within 0.1 % for the others. What moves is when
/// timers and workers run, and where code and data come to lie; samples of one boot do not show all of it. A shift within it
/// is no change.
pub const NOISE_FLOOR: f64 = 0.002;

/// A row of the instruction clock whose samples scatter (standard deviation, as a share) by more than this does not repeat
/// as that clock does: it is judged by the rules of the wall clock. Sound rows scatter by 0.02 to 0.13 %.
pub const SCATTERED: f64 = 0.003;

/// Samples of new whose standard deviation is more than this many times that of base's are no longer the same thing with
/// more noise. Of ten normal samples a side that scatter alike, 0.15 % are taken for it (F = 9).
const UNSTEADY: f64 = 3.0;

/// More samples than this are not suggested.
const MOST_NEEDED: f64 = 2000.0;

/// By which rules a row is decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Ranks and intervals, and ten samples.
    Wall,
    /// The noise floor and intervals.
    Instructions,
}

/// A row that is weighed and not yet judged: p waits for those of the other rows.
pub(super) struct Weighed {
    row: ComparedRow,
    evidence: Option<Evidence>,
    /// None where there is nothing to decide.
    pub(super) rule: Option<Rule>,
    effect: f64,
    /// The verdicts that the row has by itself on each side.
    standing: [Verdict; 2],
}

/// Weighs one metric of a row.
pub(super) fn weigh(key: &RowKey, name: &str, base: &Pooled<'_>, new: &Pooled<'_>, options: &Options) -> Weighed {
    let sides = [base.metric(name), new.metric(name)];
    let any = sides[0].or(sides[1]);
    let evidence = match sides {
        [Some(base), Some(new)] => Evidence::of(base, new),
        [None, _] => Err("BASE has no sample of it".to_owned()),
        [_, None] => Err("NEW has no sample of it".to_owned()),
    };
    let clock = any.map_or(Clock::Wall, |m| m.clock);
    let rule = evidence.as_ref().ok().map(|e| rule(clock, e));
    let estimate = |metric: Option<&PooledMetric<'_>>| metric.and_then(PooledMetric::estimate);
    let row = ComparedRow {
        key: key.clone(),
        metric: name.to_owned(),
        better: any.map_or(Better::Higher, |m| m.better),
        clock,
        base: estimate(sides[0]),
        new: estimate(sides[1]),
        shift: evidence.as_ref().ok().map(Shift::of),
        p: evidence.as_ref().ok().map(|e| e.p),
        p_adjusted: None,
        verdict: Compared::Inconclusive,
        why: evidence.as_ref().err().cloned(),
        needed: None,
    };
    let standing = [base.standing.clone(), new.standing.clone()];
    Weighed { row, evidence: evidence.ok(), rule, effect: options.effect.of(clock).ln_1p(), standing }
}

fn rule(clock: Clock, evidence: &Evidence) -> Rule {
    let scattered = evidence.scatter.iter().flatten().any(|&s| s > SCATTERED);
    if clock == Clock::Instructions && !scattered { Rule::Instructions } else { Rule::Wall }
}

impl Weighed {
    /// Its p, not adjusted.
    pub(super) fn p(&self) -> Option<f64> {
        self.evidence.map(|e| e.p)
    }

    /// The row with its verdict. `p` is that of the rank test adjusted for all rows, where it decides.
    pub(super) fn judged(self, p: Option<f64>) -> ComparedRow {
        let Weighed { mut row, evidence, rule, effect, standing } = self;
        row.p_adjusted = p;
        if let Some((verdict, why)) = by_standing(&standing) {
            (row.verdict, row.why) = (verdict, Some(why));
            return row;
        }
        let (Some(e), Some(rule)) = (evidence, rule) else { return row };
        let case = Case { e, rule, effect, p: p.unwrap_or(e.p), clock: row.clock };
        row.verdict = case.verdict(row.better);
        if row.verdict == Compared::Inconclusive {
            row.needed = case.needed();
            row.why = Some(case.why(row.needed));
        }
        row
    }
}

/// What is no matter of numbers: a row that is not good by itself is never equivalent, and one that was good and is bad now
/// got worse, whatever its speed.
fn by_standing([base, new]: &[Verdict; 2]) -> Option<(Compared, String)> {
    match (base, new) {
        (Verdict::Good, Verdict::Good) => None,
        (Verdict::Good, Verdict::Bad { why }) => {
            Some((Compared::Regressed, format!("it was good in BASE and is bad in NEW: {why}")))
        }
        (_, Verdict::Bad { why } | Verdict::Unproven { why }) => {
            Some((Compared::Unproven, format!("{} in NEW: {why}", new.name())))
        }
        (Verdict::Bad { why } | Verdict::Unproven { why }, _) => {
            Some((Compared::Unproven, format!("{} in BASE: {why}", base.name())))
        }
    }
}

/// Numbers to decide on.
struct Case {
    e: Evidence,
    rule: Rule,
    effect: f64,
    p: f64,
    clock: Clock,
}

impl Case {
    fn floor(&self) -> f64 {
        if self.clock == Clock::Instructions { NOISE_FLOOR.ln_1p() } else { 0.0 }
    }

    fn least(&self) -> usize {
        if self.rule == Rule::Instructions { LEAST_INSTRUCTIONS } else { LEAST_WALL }
    }

    fn enough(&self) -> bool {
        self.e.n.iter().all(|&n| n >= self.least())
    }

    /// Whether there is a change at all: the interval lies beyond noise, and by the wall clock the ranks say so too.
    fn changed(&self) -> bool {
        let (low, high) = self.e.intervals.wide;
        let beyond = low > self.floor() || high < -self.floor();
        beyond && (self.rule == Rule::Instructions || self.p < ALPHA)
    }

    fn verdict(&self, better: Better) -> Compared {
        let worse = match better {
            Better::Higher => self.e.shift < 0.0,
            Better::Lower => self.e.shift > 0.0,
        };
        match self.enough() {
            true if self.changed() && self.e.shift.abs() >= self.effect => {
                if worse {
                    Compared::Regressed
                } else {
                    Compared::Improved
                }
            }
            true if self.equal() && !self.unsteady() => Compared::Equivalent,
            _ => Compared::Inconclusive,
        }
    }

    /// Whether two one-sided tests show that the shift is within the smallest effect.
    fn equal(&self) -> bool {
        let (low, high) = self.e.intervals.narrow;
        self.enough() && -self.effect < low && high < self.effect
    }

    /// Whether new scatters as base does not: a part of its trials lies apart. The shift, a median, does not see them as long as
    /// they are the fewer, and nothing is equivalent of which a fifth of the trials is another.
    fn unsteady(&self) -> bool {
        let [base, new] = self.e.scatter;
        base.zip(new).is_some_and(|(base, new)| new > self.effect && new > UNSTEADY * base)
    }

    /// How many samples a side would decide with a chance of 80 %, beside those that are there, if the scatter stays and the
    /// shift is what it seems. None where no sensible number would.
    fn needed(&self) -> Option<u32> {
        if self.equal() && self.unsteady() {
            return None;
        }
        let have = self.e.n[0].min(self.e.n[1]);
        let missing = self.least().saturating_sub(have) as f64;
        let half = |(low, high): (f64, f64)| (high - low) / 2.0;
        let shift = self.e.shift.abs();
        // Widths of intervals go with one over the square root of the number of samples.
        let (width, room, power) = if shift >= self.effect {
            (half(self.e.intervals.wide), shift - self.floor(), (Z_TWO_TAILS + Z_POWER) / Z_TWO_TAILS)
        } else {
            (half(self.e.intervals.narrow), self.effect - shift, (Z_ONE_TAIL + Z_POWER) / Z_ONE_TAIL)
        };
        let wanted = have as f64 * (width * power / room).powi(2);
        // Enough for the interval, and still not decided: the ranks want more.
        let wanted = if self.enough() { wanted.max(have as f64 * 1.5) } else { wanted };
        let more = (wanted - have as f64).ceil().max(missing);
        if more.is_finite() && more <= MOST_NEEDED {
            return Some(more as u32);
        }
        // One of few samples that lies apart makes any width, and that of a range does not shrink by this law: before anything
        // is called hopeless, there is to be an interval of as many samples as the verdict asks for.
        let first = if self.e.range_only { self.least().max(FEW) } else { self.least() };
        first.checked_sub(have).filter(|&more| more > 0).map(|more| more as u32)
    }

    fn why(&self, needed: Option<u32>) -> String {
        if self.equal() && self.unsteady() {
            let [base, new] = self.e.scatter.map(|share| percent(share.unwrap_or(0.0)));
            return format!(
                "as a whole it did not change, but the samples of NEW scatter by {new} and those of BASE by {base}: some trials of \
                 NEW lie apart; look at each (flowgauge report NEW --format csv), or run it again"
            );
        }
        let [base, new] = self.e.n;
        let there =
            if base == new { format!("{base} samples a side") } else { format!("{base} samples against {new}") };
        let scattered = if self.clock == Clock::Instructions && self.rule == Rule::Wall {
            let most = self.e.scatter.iter().flatten().fold(0.0, |a: f64, &b| a.max(b));
            format!("the samples scatter by {}, which is not the noise of this clock; ", percent(most))
        } else {
            String::new()
        };
        let first = if self.enough() {
            format!("{there} leave open whether it changed by {} or more", percent(self.effect.exp_m1()))
        } else {
            format!("{there} are too few, {} are the least", self.least())
        };
        match needed {
            Some(1) => format!("{scattered}{first}; about 1 more a side would decide"),
            Some(more) => format!("{scattered}{first}; about {more} more a side would decide"),
            None => format!(
                "{scattered}{first}; no {MOST_NEEDED} more would decide, for the shift lies at the smallest effect or the \
                 samples scatter too much: choose another --effect, or a quieter machine"
            ),
        }
    }
}

#[cfg(test)]
mod simulation;
