//! The answer in one sentence per scenario.

use flowgauge_scenarios::{Datapath, Lane, Policy};

use crate::judge::{Row, Verdict};
use crate::numbers::{both, bounded};
use crate::proof::percent;
use crate::result::RunResult;
use crate::stats::Unit;
use crate::wording;

/// One sentence per scenario, those that are not good first.
pub(super) fn answers(result: &RunResult) -> Vec<String> {
    let mut answers = Vec::new();
    for (index, scenario) in result.plan.scenarios.iter().enumerate() {
        let rows: Vec<&Row> = result.judgement.rows_of(index).collect();
        let of = |lane: Lane| rows.iter().find(|r| r.datapath.lane() == lane);
        let offloading = of(Lane::Hardware).or_else(|| of(Lane::Fast)).or(rows.first());
        let Some(row) = offloading else { continue };
        let policy = match scenario.policy {
            Policy::Route => String::new(),
            policy => format!(" ({})", policy.name()),
        };
        let families = wording::families(scenario.traffic.families);
        let traffic = format!("{families} {}{policy}", wording::protocol(scenario.traffic.protocol));
        let answer = match row.verdict.why() {
            None => format!("{}; {}.", buys(row, &rows, &traffic), proof(row)),
            Some(why) => {
                format!(
                    "{traffic}: the verdict is {}: {why}. {}.",
                    row.verdict.name(),
                    capital(&buys(row, &rows, &traffic))
                )
            }
        };
        answers.push((row.verdict == Verdict::Good, answer));
    }
    if answers.is_empty() {
        return vec!["Nothing was measured.".to_owned()];
    }
    answers.sort_by_key(|(good, _)| *good);
    answers.into_iter().map(|(_, answer)| answer).collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// What offload buys. Speed on a simulated NIC is not hardware's, so there it is what the DUT's stack still spends.
fn buys(row: &Row, rows: &[&Row], traffic: &str) -> String {
    if !row.simulated {
        return gain(row, traffic);
    }
    let spent = |row: &Row| match (row.cost, row.cost_bound) {
        (Some(cost), _) => Some(both(&cost)),
        (None, bound) => bound.map(|b| bounded(&b)),
    };
    let name = row.datapath.name();
    let Some(own) = spent(row) else {
        return format!("{name} ran on a simulated NIC for {traffic}, and what the DUT's stack spent is not known");
    };
    let sound = |r: &&&Row| r.cell != row.cell && !matches!(r.verdict, Verdict::Bad { .. });
    let baseline = rows.iter().filter(sound).find(|r| r.datapath == Datapath::BASELINE);
    let against = baseline
        .and_then(|b| spent(b))
        .map_or_else(String::new, |cost| format!(", {} {cost}", Datapath::BASELINE.name()));
    format!("On a simulated NIC, {name} costs the DUT's stack {own} per packet of {traffic}{against}")
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
    if let Some(net) = gain.net {
        let what = if net_counts(row) { "instructions" } else { "time" };
        return format!("{name} takes {} of the {what} per packet of {baseline} for {traffic}", both(&net));
    }
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

/// Whether what a packet takes was counted in instructions.
fn net_counts(row: &Row) -> bool {
    row.net.is_some_and(|net| net.unit == Unit::InstructionsPerPacket)
}

/// What is said of a good row.
fn proof(row: &Row) -> String {
    let agree = match row.proof.agreeing {
        2 => "two witnesses agree".to_owned(),
        n => format!("{n} witnesses agree"),
    };
    let lane = row.datapath.lane();
    match row.proof.shares() {
        Some(shares) => format!("{} of its packets took {}, {agree}", percent(shares.of(lane)), lane.about()),
        None => agree,
    }
}
