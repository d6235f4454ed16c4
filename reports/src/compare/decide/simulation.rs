//! How often the wall clock's rules are right, by simulation with a fixed seed: the rates that `docs/statistics.md` states.

use super::*;
use crate::compare::options::Effect;
use crate::stats::{Unit, mann_whitney};

/// Numbers from 0 to 1, the same in every run of the test.
struct Uniform(u64);

impl Uniform {
    fn next(&mut self) -> f64 {
        // Knuth's MMIX generator; the low bits are the weak ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A normal value (Box, Muller 1958).
    fn normal(&mut self) -> f64 {
        (-2.0 * (1.0 - self.next()).ln()).sqrt() * (std::f64::consts::TAU * self.next()).cos()
    }

    /// Throughputs of `n` trials about `mean` with a coefficient of variation, log-normal.
    fn trials(&mut self, mean: f64, cv: f64, n: usize) -> Vec<f64> {
        (0..n).map(|_| mean * (cv * self.normal()).exp()).collect()
    }
}

fn metric<'a>(run: &'a str, values: &[f64]) -> PooledMetric<'a> {
    PooledMetric {
        name: "throughput",
        better: Better::Higher,
        clock: Clock::Wall,
        unit: Unit::FramesPerSecond,
        samples: (0..).zip(values).map(|(block, &value)| (run, block, value)).collect(),
    }
}

/// The verdict of one row, and how many more samples it asks for.
fn judged(base: &[f64], new: &[f64]) -> (Compared, Option<u32>) {
    let e = Evidence::of(&metric("base", base), &metric("new", new)).unwrap();
    let effect = Effect::default().wall.ln_1p();
    let case = Case { e, rule: Rule::Wall, effect, p: e.p, clock: Clock::Wall };
    (case.verdict(Better::Higher), case.needed())
}

/// The share of `rounds` in which a row with this change, scatter and number of samples gets each verdict.
fn shares(seed: u64, rounds: u32, change: f64, cv: f64, n: usize) -> impl Fn(Compared) -> f64 {
    let mut random = Uniform(seed);
    let verdicts: Vec<Compared> =
        (0..rounds).map(|_| judged(&random.trials(1.0, cv, n), &random.trials(1.0 + change, cv, n)).0).collect();
    move |verdict| verdicts.iter().filter(|v| **v == verdict).count() as f64 / f64::from(rounds)
}

#[test]
fn no_change_is_seldom_an_alarm() {
    // 2.5 % of comparisons may be called regressed and as many improved; of 1000, three standard deviations are 1.5 %.
    for (cv, n) in [(0.05, 10), (0.10, 10)] {
        let share = shares(1, 1000, 0.0, cv, n);
        let alarms = [share(Compared::Regressed), share(Compared::Improved)];
        assert!(alarms.iter().all(|&a| a <= 0.025 + 0.015), "{cv}, {n}: {alarms:?}");
        // The control: at this scatter the smallest effect alone does not keep alarms down, the tests do.
        assert!(share(Compared::Inconclusive) > 0.5);
    }
    // Where samples scatter little there is none, and most are told to be equivalent.
    let share = shares(2, 300, 0.0, 0.02, 10);
    assert!(share(Compared::Regressed) == 0.0 && share(Compared::Equivalent) > 0.8, "{}", share(Compared::Equivalent));
}

#[test]
fn a_change_as_large_as_the_smallest_effect_is_seldom_called_equivalent() {
    for (cv, n) in [(0.02, 10), (0.03, 20)] {
        let share = shares(3, 600, -0.03, cv, n)(Compared::Equivalent);
        // 5 %; three standard deviations of 600 are 2.7 %.
        assert!(share <= 0.05 + 0.027, "{cv}, {n}: {share}");
    }
}

#[test]
fn large_changes_are_seen() {
    for (change, cv, n, least) in [(-0.08, 0.05, 10, 0.8), (-0.05, 0.02, 10, 0.95), (-0.05, 0.05, 20, 0.75)] {
        let share = shares(4, 200, change, cv, n)(Compared::Regressed);
        assert!(share >= least, "{change}, {cv}, {n}: {share}");
    }
}

#[test]
fn the_rank_test_has_the_power_of_the_table() {
    // Scatter, samples a side, and the change that is seen in 80 % of comparisons.
    let table = [
        (0.01, 5, 0.024),
        (0.01, 10, 0.014),
        (0.01, 20, 0.010),
        (0.01, 30, 0.008),
        (0.05, 5, 0.115),
        (0.05, 10, 0.07),
        (0.05, 20, 0.048),
        (0.05, 30, 0.038),
    ];
    let mut random = Uniform(5);
    for (cv, n, change) in table {
        let seen = (0..1000).filter(|_| {
            let (base, new) = (random.trials(1.0, cv, n), random.trials(1.0 + change, cv, n));
            mann_whitney(&base, &new).is_some_and(|test| test.p < ALPHA)
        });
        let share = seen.count() as f64 / 1000.0;
        assert!((0.74..=0.93).contains(&share), "{cv}, {n}, {change}: {share}");
    }
}

#[test]
fn as_many_samples_as_are_asked_for_decide() {
    let (mut random, mut asked, mut decided) = (Uniform(6), 0, 0);
    for change in [0.0, -0.06] {
        for _ in 0..60 {
            let (mut base, mut new) = (random.trials(1.0, 0.06, 12), random.trials(1.0 + change, 0.06, 12));
            let (Compared::Inconclusive, Some(more)) = judged(&base, &new) else { continue };
            asked += 1;
            base.extend(random.trials(1.0, 0.06, more as usize));
            new.extend(random.trials(1.0 + change, 0.06, more as usize));
            decided += u32::from(judged(&base, &new).0 != Compared::Inconclusive);
        }
    }
    // 80 % are meant; the first samples tell scatter and shift only roughly.
    assert!(asked > 50 && f64::from(decided) >= 0.6 * f64::from(asked), "{decided} of {asked}");
}

/// Prints the table of rates in `docs/statistics.md`:
/// `cargo test --release -p flowgauge-reports --lib rates -- --ignored --nocapture`.
#[test]
#[ignore = "a study of a minute; its table is in docs/statistics.md"]
fn rates() {
    println!("| scatter | samples | change | regressed | improved | equivalent | inconclusive |");
    for cv in [0.01, 0.02, 0.05] {
        for n in [10, 20, 30] {
            for change in [0.0, -0.03, -0.05, -0.08] {
                let share = shares(7, 400, change, cv, n);
                let [regressed, improved, equivalent, inconclusive] =
                    [Compared::Regressed, Compared::Improved, Compared::Equivalent, Compared::Inconclusive]
                        .map(|verdict| format!("{:.1} %", share(verdict) * 100.0));
                println!(
                    "| {:.0} % | {n} | {:.0} % | {regressed} | {improved} | {equivalent} | {inconclusive} |",
                    cv * 100.0,
                    change * 100.0
                );
            }
        }
    }
}
