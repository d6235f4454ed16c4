//! The answer in one sentence per scenario.

use crate::judge::{Row, Verdict};
use crate::numbers::both;
use crate::proof::{Path, percent};
use crate::result::RunResult;
use crate::wording;

/// One sentence per scenario, what matters first.
pub(super) fn answers(result: &RunResult) -> Vec<String> {
    let mut answers = Vec::new();
    for (index, scenario) in result.plan.scenarios.iter().enumerate() {
        let rows: Vec<&Row> = result.judgement.rows_of(index).collect();
        let offloading = rows.iter().find(|r| r.datapath.offloads()).or(rows.first());
        let Some(row) = offloading else { continue };
        let traffic = format!(
            "{} {}{}",
            wording::families(scenario.traffic.families),
            wording::protocol(scenario.traffic.protocol),
            if scenario.policy == flowgauge_scenarios::Policy::Route {
                String::new()
            } else {
                format!(" ({})", scenario.policy.name())
            }
        );
        answers.push(format!("{}; {}.", gain(row, &traffic), proof(row)));
    }
    if answers.is_empty() {
        answers.push("Nothing was measured.".to_owned());
    }
    answers
}

fn gain(row: &Row, traffic: &str) -> String {
    let name = row.datapath.name();
    let Some(gain) = row.gain else {
        return match row.throughput {
            Some(t) => format!("{name} carries {} of {traffic}", both(&t)),
            None => format!("{name} was not measured for {traffic}"),
        };
    };
    let baseline = gain.baseline.name();
    let paced = row.offered_pps.zip(row.throughput).is_some_and(|(o, t)| t.median > 0.99 * o.median)
        && gain.throughput.is_some_and(|g| (g.median - 1.0).abs() < 0.01);
    match (gain.throughput, gain.cost) {
        (_, Some(cost)) if paced => {
            format!(
                "{name} costs {} of the CPU time per packet of {baseline} for {traffic} at the same load",
                both(&cost)
            )
        }
        (Some(throughput), _) => {
            let least = if gain.lower_bound { "at least " } else { "" };
            format!("{name} forwards {least}{} what {baseline} does for {traffic}", both(&throughput))
        }
        (None, Some(cost)) => format!("{name} costs {} of {baseline} per packet for {traffic}", both(&cost)),
        (None, None) => format!("{name} was not compared with {baseline} for {traffic}"),
    }
}

fn proof(row: &Row) -> String {
    let agree = match (row.proof.agreeing, row.proof.witnesses.len()) {
        (2, 2) => "two witnesses agree".to_owned(),
        (a, n) => format!("{a} of {n} witnesses agree"),
    };
    match (&row.proof.path, row.proof.bypass, &row.verdict) {
        (Path::Unproven { why }, ..) => format!("which path the packets took is unproven: {why}"),
        (Path::Disagree { why }, ..) => why.clone(),
        (_, Some(bypass), Verdict::Good) => format!("{} of its packets took the fast path, {agree}", percent(bypass)),
        (_, Some(bypass), verdict) => format!(
            "{} of its packets took the fast path, and the verdict is {}: {}",
            percent(bypass),
            verdict.name(),
            verdict.why().unwrap_or_default()
        ),
        (_, None, _) => "nothing is known about the path".to_owned(),
    }
}
