//! A scenario's part of the page: charts, proof, latency, holes, findings, rulesets.

use flowgauge_scenarios::{Hole, Lane, Scenario};

use super::HtmlError;
use super::chart::{self, Bar};
use super::latency::{LatencyRow, curves};
use super::onset;
use crate::environment::Clock;
use crate::explain;
use crate::judge::Row;
use crate::numbers::{bounded, whole};
use crate::proof::{Finding, Severity, Witness, percent};
use crate::published;
use crate::result::RunResult;
use crate::stats::{Estimate, Unit};
use crate::wording::{self, SIMULATED};

/// The proof of one row: each witness' numbers.
pub(super) struct ProofRow {
    pub(super) datapath: &'static str,
    pub(super) out: String,
    pub(super) classic: Vec<(&'static str, String)>,
    pub(super) hardware: Vec<(&'static str, String)>,
    pub(super) directions: Vec<String>,
    pub(super) claims: String,
    pub(super) path: String,
    pub(super) standing: String,
}

/// Everything that the page says about one scenario.
pub(super) struct ScenarioView<'a> {
    pub(super) scenario: &'a Scenario,
    pub(super) line: String,
    pub(super) label: String,
    pub(super) charts: Vec<String>,
    pub(super) simulated: bool,
    pub(super) counted: bool,
    pub(super) onset_charts: Vec<String>,
    pub(super) onsets: Vec<String>,
    pub(super) shortfalls: Vec<String>,
    pub(super) published: Option<String>,
    pub(super) shares: Option<String>,
    pub(super) proofs: Vec<ProofRow>,
    pub(super) explained: Vec<(String, String)>,
    pub(super) curve: Option<String>,
    pub(super) latencies: Vec<LatencyRow>,
    pub(super) holes: Vec<&'a Hole>,
    pub(super) findings: Vec<(&'static str, &'a Finding)>,
    pub(super) rulesets: Vec<(&'static str, &'a str)>,
}

impl<'a> ScenarioView<'a> {
    pub(super) fn new(result: &'a RunResult, index: usize) -> Result<Self, HtmlError> {
        let rows: Vec<&Row> = result.judgement.rows_of(index).collect();
        let scenario = &result.plan.scenarios[index];
        let unit = rows.iter().find_map(|r| r.throughput.map(|t| t.unit));
        let first = if unit == Some(Unit::BitsPerSecond) { "Goodput" } else { "Throughput" };
        let simulated = rows.iter().any(|r| r.simulated);
        let marked = |caption: &str| if simulated { format!("{caption}{SIMULATED}") } else { caption.to_owned() };
        let charts = [
            chart::bars(
                &format!("{first}, {}", scenario.name),
                &marked(first),
                &bars(&rows, |r| r.throughput, |s| s.throughput),
            )?,
            chart::bars(&format!("Cost per packet, {}", scenario.name), &marked("Cost per packet"), &costs(&rows))?,
            chart::bars(
                &format!("CPU in soft interrupts, {}", scenario.name),
                &marked("CPU in softirq"),
                &bars(&rows, |r| r.softirq, |s| s.softirq),
            )?,
        ];
        let per_packet = if result.environment.as_ref().is_some_and(|e| e.clock == Clock::Instructions) {
            "Instructions per packet"
        } else {
            "Time per packet"
        };
        let net = chart::bars(
            &format!("{per_packet}, {}", scenario.name),
            &marked(per_packet),
            &bars(&rows, |r| r.net, |s| s.net),
        )?;
        let (curve, latencies) = curves(result, &rows)?;
        let ruleset = |row: &&Row| {
            let trial = result.trials.iter().find(|t| t.cell == row.cell)?;
            Some((row.datapath.name(), trial.ruleset.as_str()))
        };
        Ok(ScenarioView {
            scenario,
            line: wording::scenario(scenario),
            label: wording::kernel_and_clock(result.environment.as_ref()),
            charts: charts.into_iter().chain([net]).flatten().collect(),
            simulated,
            counted: rows.iter().any(|r| r.gross.is_some()),
            onset_charts: onset::charts(result, &rows)?,
            onsets: wording::onsets(&rows),
            shortfalls: wording::shortfalls(&rows),
            published: published::beside(&scenario.name, &rows),
            shares: chart::shares(&scenario.name, &rows)?,
            proofs: rows.iter().map(|row| proof(row)).collect(),
            explained: explain::pictures(result, index)
                .map_err(|message| HtmlError::Chart { chart: "where the instructions go".to_owned(), message })?,
            curve,
            latencies,
            holes: result.judgement.holes.iter().filter(|h| h.scenario == index).collect(),
            findings: rows.iter().flat_map(|r| r.proof.findings.iter().map(|f| (r.datapath.name(), f))).collect(),
            rulesets: rows.iter().filter_map(ruleset).collect(),
        })
    }

    pub(super) fn bad(finding: &Finding) -> bool {
        finding.severity == Severity::Bad
    }
}

fn bars(
    rows: &[&Row],
    estimate: fn(&Row) -> Option<Estimate>,
    sample: fn(&crate::judge::Sample) -> Option<f64>,
) -> Vec<Bar> {
    let bar = |row: &&Row| {
        let points = row.samples.iter().filter_map(sample).collect();
        estimate(row).map(|estimate| Bar { datapath: row.datapath, estimate, points, said: None })
    };
    rows.iter().filter_map(bar).collect()
}

/// The costs, and a bar without length for what was too little to tell.
fn costs(rows: &[&Row]) -> Vec<Bar> {
    let bar = |row: &&Row| match (row.cost, row.cost_bound) {
        (None, Some(bound)) if bound.zero => {
            let estimate = Estimate::of(&[0.0], Unit::NanosecondsPerPacket)?;
            Some(Bar { datapath: row.datapath, estimate, points: Vec::new(), said: Some(bounded(&bound)) })
        }
        _ => bars(&[*row], |r| r.cost, |s| s.cost_ns).pop(),
    };
    rows.iter().filter_map(bar).collect()
}

fn proof(row: &Row) -> ProofRow {
    let proof = &row.proof;
    let said = |w: &Witness| {
        let text = match w.packets {
            Some(packets) => whole(packets),
            None if w.share == 1.0 => "no entry marked OFFLOAD".to_owned(),
            None => format!("{} of the entries marked OFFLOAD", percent(1.0 - w.share)),
        };
        (w.kind.name(), text)
    };
    let of = |lane: Lane| proof.witnesses.iter().filter(|w| w.kind.lane() == lane).map(said).collect();
    let direction = |d: &crate::proof::DirectionShare| match (d.idle, d.shares) {
        (true, _) => format!("{}: idle", d.direction.name()),
        (false, Some(shares)) => format!("{}: {} of {}", d.direction.name(), shares.describe(), whole(d.out)),
        (false, None) => format!("{}: {} packets, no counters of its own", d.direction.name(), whole(d.out)),
    };
    let marked = |c: crate::proof::Claims| {
        let hardware = if c.hardware > 0 { format!(", {} HW_OFFLOAD", whole(c.hardware)) } else { String::new() };
        format!("{} of {} entries marked OFFLOAD{hardware}", whole(c.after), whole(c.entries))
    };
    ProofRow {
        datapath: row.datapath.name(),
        out: whole(proof.out),
        classic: of(Lane::Classic),
        hardware: of(Lane::Hardware),
        directions: proof.directions.iter().map(direction).collect(),
        claims: proof.claims.map_or_else(|| "could not be read".to_owned(), marked),
        path: proof.label(),
        standing: proof.standing(),
    }
}
