//! One cell as plain text: all that a kernel developer needs to see what happened, and to see it again. For a mail or an issue.

use std::fmt::Write;

use flowgauge_scenarios::conform::sysctls;

use super::cell::{Cell, Standing};
use super::html::{Depth, StepView, steps};
use super::{CaseRun, ConformResult, Finding, RulesetInForce, StepRun, repeat, sentence};
use crate::wording::{accelerator, printable};

/// Findings that are told.
const FINDINGS: usize = 12;
/// Bytes that are shown of a frame.
const BYTES: usize = 192;
/// Bytes in a line.
const LINE: usize = 16;

/// The text, a newline at its end. `index` is the number of the result among those of the run.
pub(super) fn text(result: &ConformResult, index: usize, cell: &Cell<'_>) -> String {
    let mut text = String::new();
    let datapath = cell.result.datapath.name();
    let _ = writeln!(text, "{} on {datapath}: {}\n", cell.instance.id, cell.result.outcome.name());
    head(&mut text, result, index, cell);
    if !cell.result.why.is_empty() && cell.result.findings.is_empty() {
        let _ = writeln!(text, "\n{}", cell.result.why);
    }
    if !cell.result.findings.is_empty() {
        let _ = writeln!(text, "\nWhat differs from the reference, or from what the case says");
        for finding in cell.result.findings.iter().take(FINDINGS) {
            let _ = writeln!(text, "  {}", sentence::finding(finding));
        }
        if let more @ 1.. = cell.result.findings.len().saturating_sub(FINDINGS) {
            let _ = writeln!(text, "  and {more} more");
        }
    }
    for view in steps(cell, Depth::Differing) {
        step(&mut text, cell, &view, datapath);
    }
    if let Some(in_force) = cell.run.and_then(|run| ruleset(result, run)) {
        let _ = writeln!(text, "\nRuleset on {datapath}; the reference has the same without flowtable\n");
        text += &ruleset_text(result, in_force);
    }
    // All of it may have been written by anybody, and each line stays one.
    text.lines().map(|line| printable(&line.replace('\t', "    ")).trim_end().to_owned() + "\n").collect()
}

/// What the text of a ruleset is, with the parameters that go with it as comments.
pub(super) fn ruleset_text(result: &ConformResult, in_force: &RulesetInForce) -> String {
    let mut text = in_force.text.trim_end().to_owned() + "\n";
    if let Some(station) = result.start.plan.stations.get(in_force.station) {
        for (key, value) in sysctls(station, in_force.mutation) {
            let _ = writeln!(text, "# sysctl {key}={value}");
        }
    }
    text
}

/// The ruleset that a run was on.
pub(super) fn ruleset<'a>(result: &'a ConformResult, run: &CaseRun) -> Option<&'a RulesetInForce> {
    let stations = &result.start.plan.stations;
    let station = stations.iter().position(|s| s.topology == run.topology && s.instances.contains(&run.instance))?;
    let on = |one: &&RulesetInForce| (one.station, one.datapath, one.mutation) == (station, run.datapath, run.mutation);
    result.rulesets.iter().find(on)
}

fn head(text: &mut String, result: &ConformResult, index: usize, cell: &Cell<'_>) {
    let mut row = |name: &str, value: &str| {
        let _ = writeln!(text, "{name:<11}{value}");
    };
    row("must hold", &cell.case.what);
    row("because", &cell.case.why);
    row("source", &cell.case.source);
    if let Some(known) = cell.result.known.and_then(|known| result.start.known.get(known)) {
        row("known", &known.reason);
        row("", &known.link);
    }
    if cell.standing == Standing::UnexpectedPass {
        row("known", "as a failure, which did not happen");
    }
    if let Some(e) = &result.environment {
        row("kernel", &format!("{} {}", e.kernel_release, e.kernel_version));
        row("from", &format!("{}, {}, {} CPUs", e.kernel_origin, accelerator(e.accelerator), e.cpus));
        if let Some(run) = cell.run {
            let here =
                e.nics.iter().filter(|nic| nic.topology == run.topology && ["lan", "wan"].contains(&nic.role.as_str()));
            let ports = here.map(|nic| {
                let simulated = if nic.simulated { ", the reference NIC, simulated" } else { "" };
                format!("{} ({}{simulated})", nic.name, nic.driver)
            });
            row("ports", &ports.collect::<Vec<_>>().join(", "));
        }
        row("flowgauge", &format!("{}, run {}", e.flowgauge, result.start.run));
    }
    row("again", &repeat(result, index, cell.result).unwrap_or_default());
}

fn step(text: &mut String, cell: &Cell<'_>, view: &StepView, datapath: &str) {
    let _ = writeln!(text, "\nStep {}: {}", view.number, view.what);
    if !view.lane.is_empty() {
        let _ = writeln!(text, "  {}", view.lane);
    }
    for (who, note) in &view.notes {
        let who = if *who == "under test" { datapath } else { who };
        let _ = writeln!(text, "  {}{note}", if who.is_empty() { String::new() } else { format!("{who}: ") });
    }
    for (side, line) in &view.sent {
        let _ = writeln!(text, "  {side} sent      {line}");
    }
    if view.sent_more > 0 {
        let _ = writeln!(text, "  and {} more were sent", view.sent_more);
    }
    for pair in &view.pairs {
        let told = if pair.told.is_empty() { String::new() } else { format!("  <- {}", pair.told) };
        let _ = writeln!(text, "  {} received  {}{told}", pair.side, pair.line);
        for row in pair.table.iter().flat_map(|table| &table.rows).filter(|row| row.class == "differs") {
            let _ = writeln!(text, "    {}: reference {}, {datapath} {}", row.name, row.reference, row.tested);
        }
    }
    if view.pairs_more > 0 {
        let _ = writeln!(text, "  and {} more were received", view.pairs_more);
    }
    for row in &view.entries {
        let _ = writeln!(text, "  conntrack, {}: reference {}; {datapath} {}", row.name, row.reference, row.tested);
    }
    let (Some(run), Some(reference)) = (cell.run, cell.reference) else { return };
    if let (Some(is), Some(was)) = (run.steps.get(view.number), reference.steps.get(view.number)) {
        frames(text, &cell.result.findings, view.number, was, is, datapath);
    }
}

/// The bytes of the first frames of a step that differ.
fn frames(text: &mut String, findings: &[Finding], number: usize, was: &StepRun, is: &StepRun, datapath: &str) {
    let about = |f: &&Finding| f.step == number && (f.frame.is_some() || f.reference_frame.is_some());
    let Some(finding) = findings.iter().find(about) else { return };
    let place = finding.frame.or(finding.reference_frame).unwrap_or_default();
    // Where nothing is lost ahead of it, what was sent as the same.
    let sent = is.sent.get(place).or(is.sent.last()).map(|one| &one.frame);
    let before = finding.reference_frame.and_then(|at| was.arrived.get(at)).map(|one| &one.frame);
    let after = finding.frame.and_then(|at| is.arrived.get(at)).map(|one| &one.frame);
    for (name, frame) in [("sent", sent), ("received on the reference", before), (datapath, after)] {
        let Some(frame) = frame else { continue };
        let name = if name == datapath { format!("received on {datapath}") } else { name.to_owned() };
        let _ = writeln!(text, "  {name}, {} bytes", frame.len());
        for (row, bytes) in frame.chunks(LINE).take(BYTES / LINE).enumerate() {
            let digits: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            let _ = writeln!(text, "    {:04x}  {}", row * LINE, digits.join(" "));
        }
        if frame.len() > BYTES {
            let _ = writeln!(text, "    and {} bytes more (--pcap has them all)", frame.len() - BYTES);
        }
    }
}
