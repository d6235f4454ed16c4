//! What the runs of a side have together of one row.

use crate::RunResult;
use crate::environment::Clock;
use crate::judge::{Row, Verdict};
use crate::metric::Better;
use crate::stats::{Estimate, Unit};

/// One metric of a row, of all runs of a side.
pub(super) struct PooledMetric<'a> {
    pub(super) name: &'static str,
    pub(super) better: Better,
    pub(super) clock: Clock,
    pub(super) unit: Unit,
    /// The run, the block and the value of each finite sample.
    pub(super) samples: Vec<(&'a str, u32, f64)>,
}

impl PooledMetric<'_> {
    pub(super) fn estimate(&self) -> Option<Estimate> {
        Estimate::of(&self.samples.iter().map(|s| s.2).collect::<Vec<f64>>(), self.unit)
    }
}

/// A row of all runs of a side.
pub(super) struct Pooled<'a> {
    /// The worst of its runs' verdicts.
    pub(super) standing: Verdict,
    /// What they have, that which stands for the row first.
    pub(super) metrics: Vec<PooledMetric<'a>>,
    /// The row in each run.
    pub(super) rows: Vec<(&'a RunResult, &'a Row)>,
}

impl<'a> Pooled<'a> {
    pub(super) fn new(rows: &[(&'a RunResult, &'a Row)]) -> Pooled<'a> {
        // A shard has rows that another shard measured; they say nothing where some run did measure.
        let measured = rows.iter().any(|(_, row)| row.trials > 0);
        let (mut metrics, mut standing): (Vec<PooledMetric<'a>>, _) = (Vec::new(), Verdict::Good);
        for (result, row) in rows.iter().filter(|(_, row)| row.trials > 0 || !measured) {
            standing = worse(standing, standing_of(result, row));
            for metric in row.metrics() {
                let samples = metric.samples.iter().filter(|(_, value)| value.is_finite());
                let samples = samples.map(|&(block, value)| (result.run.as_str(), block, value));
                match metrics.iter_mut().find(|m| (m.name, m.unit) == (metric.name, metric.unit())) {
                    Some(pooled) => pooled.samples.extend(samples),
                    None => metrics.push(PooledMetric {
                        name: metric.name,
                        better: metric.better,
                        clock: metric.clock,
                        unit: metric.unit(),
                        samples: samples.collect(),
                    }),
                }
            }
        }
        if !measured {
            standing = worse(standing, Verdict::Unproven { why: "it was not measured".to_owned() });
        }
        Pooled { standing, metrics, rows: rows.to_vec() }
    }

    pub(super) fn metric(&self, name: &str) -> Option<&PooledMetric<'a>> {
        self.metrics.iter().find(|m| m.name == name)
    }
}

/// A row's own verdict; on a kernel that complained none is good.
fn standing_of(result: &RunResult, row: &Row) -> Verdict {
    match (&row.verdict, result.complaints.first()) {
        (Verdict::Good, Some(complaint)) => {
            let first = complaint.lines().next().unwrap_or_default();
            Verdict::Bad { why: format!("the kernel under test complained: {first}") }
        }
        (verdict, _) => verdict.clone(),
    }
}

fn worse(one: Verdict, other: Verdict) -> Verdict {
    let rank = |verdict: &Verdict| match verdict {
        Verdict::Good => 0,
        Verdict::Unproven { .. } => 1,
        Verdict::Bad { .. } => 2,
    };
    if rank(&other) > rank(&one) { other } else { one }
}
