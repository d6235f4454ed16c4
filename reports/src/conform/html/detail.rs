//! What a cell opens to: why it stands where it stands, and step by step what was sent and what came out.

use flowgauge_scenarios::conform::Step;

use super::kernel::Link;
use super::packets::{Pair, Shown, pairs};
use crate::conform::cell::{Cell, Standing};
use crate::conform::{ConformResult, Finding, RulesetInForce, StepRun, bug, repeat, sentence};
use crate::observation::Reading;

/// Findings that are shown of a cell.
const FINDINGS: usize = 8;
/// Frames of a step that are shown, in a line each.
const FRAMES: usize = 6;
/// Frames of a step that are shown field by field.
const TABLES: usize = 2;
/// Conntrack entries of a step that are shown.
const ENTRIES: usize = 2;

/// How much of its steps a cell shows that stands like another of the same column: frames in full, what differs in them, or
/// nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::conform) enum Depth {
    Whole,
    Differing,
    First,
}

impl Depth {
    /// How much a cell shows. The first of its kind shows everything, and others that are known nothing more.
    pub(super) fn of(self, first: bool, standing: Standing) -> Depth {
        match (first, standing) {
            (true, _) => Depth::Whole,
            (false, Standing::Known) => Depth::First,
            (false, _) => self,
        }
    }
}

/// A cell, opened.
pub(super) struct Detail<'a> {
    pub(super) anchor: String,
    /// Index of the result.
    pub(super) result: usize,
    pub(super) standing: Standing,
    pub(super) outcome: &'static str,
    pub(super) variant: &'a str,
    pub(super) datapath: &'static str,
    pub(super) kernel: Option<&'a str>,
    pub(super) why: &'a str,
    pub(super) findings: Vec<String>,
    pub(super) more: usize,
    pub(super) known: Option<(&'a str, Link<'a>)>,
    pub(super) command: String,
    pub(super) steps: Vec<StepView>,
    /// All of it as plain text, of the first of its kind that is not a pass.
    pub(super) plain: Option<String>,
    /// The ruleset that it ran on.
    pub(super) ruleset: Option<&'a RulesetInForce>,
    /// Its anchor on the page, once rulesets are numbered.
    pub(super) ruleset_anchor: Option<usize>,
    /// What differs first, by which cells are alike.
    pub(super) first: Option<(usize, &'a str)>,
    pub(super) what: &'a str,
    pub(super) id: &'a str,
}

/// A step.
pub(in crate::conform) struct StepView {
    pub(in crate::conform) number: usize,
    pub(in crate::conform) what: String,
    pub(in crate::conform) lane: String,
    pub(in crate::conform) notes: Vec<(&'static str, String)>,
    pub(in crate::conform) sent: Vec<(&'static str, String)>,
    pub(in crate::conform) sent_more: usize,
    pub(in crate::conform) pairs: Vec<Pair>,
    pub(in crate::conform) pairs_more: usize,
    pub(in crate::conform) entries: Vec<EntryRow>,
}

/// A line of a conntrack entry.
pub(in crate::conform) struct EntryRow {
    pub(in crate::conform) name: String,
    pub(in crate::conform) reference: String,
    pub(in crate::conform) tested: String,
    pub(in crate::conform) class: &'static str,
}

impl<'a> Detail<'a> {
    pub(super) fn new(
        result: &'a ConformResult,
        index: usize,
        cell: &Cell<'a>,
        anchor: String,
        kernel: Option<&'a str>,
        depth: Depth,
    ) -> Self {
        let findings = &cell.result.findings;
        let known = cell.result.known.and_then(|known| result.start.known.get(known));
        Detail {
            anchor,
            result: index,
            standing: cell.standing,
            outcome: cell.result.outcome.name(),
            variant: cell.variant(),
            datapath: cell.result.datapath.name(),
            kernel,
            why: &cell.result.why,
            findings: findings.iter().take(FINDINGS).map(sentence::finding).collect(),
            more: findings.len().saturating_sub(FINDINGS),
            known: known.map(|known| (known.reason.as_str(), Link::new(&known.link))),
            command: repeat(result, index, cell.result).unwrap_or_default(),
            steps: if depth == Depth::First { Vec::new() } else { steps(cell, depth) },
            plain: (depth == Depth::Whole && cell.standing != Standing::Pass).then(|| bug::text(result, index, cell)),
            ruleset: cell.run.and_then(|run| bug::ruleset(result, run)),
            ruleset_anchor: None,
            first: findings.first().map(|finding| (finding.step, finding.field.as_str())),
            what: &cell.case.what,
            id: &cell.instance.id,
        }
    }
}

/// The steps of a cell, the reference beside it.
pub(in crate::conform) fn steps(cell: &Cell<'_>, depth: Depth) -> Vec<StepView> {
    let Some(run) = cell.run else { return Vec::new() };
    let nothing = StepRun::default();
    let last = run.steps.len().saturating_sub(1);
    let view = |(number, is): (usize, &StepRun)| {
        let was = cell.reference.and_then(|reference| reference.steps.get(number)).unwrap_or(&nothing);
        let asked = cell.case.steps.get(number);
        let findings: Vec<&Finding> = cell.result.findings.iter().filter(|finding| finding.step == number).collect();
        let opens = matches!(asked, Some(Step::Open { .. }));
        // Where nothing differs one packet says what the others do.
        let some = if cell.result.findings.is_empty() { 1 } else { TABLES };
        let shown = Shown {
            tables: if opens { 0 } else { some },
            same: cell.result.findings.is_empty() && depth == Depth::Whole,
            whole: depth == Depth::Whole,
        };
        let mut pairs = pairs(&is.sent, &was.arrived, &is.arrived, &findings, shown);
        // What differs first, if not all can be shown.
        if pairs.len() > FRAMES {
            pairs.sort_by_key(|pair| pair.told.is_empty());
        }
        let pairs_more = pairs.len().saturating_sub(FRAMES);
        pairs.truncate(FRAMES);
        let about_state =
            findings.iter().any(|f| ["conntrack", "counted", "hardware"].iter().any(|w| f.field.starts_with(w)));
        let state = about_state || number == last;
        StepView {
            number,
            what: asked.map_or_else(String::new, sentence::step),
            lane: lane(was, is),
            notes: notes(was, is, state),
            sent: is
                .sent
                .iter()
                .take(FRAMES)
                .map(|one| (sentence::side(one.side), sentence::frame(&one.frame)))
                .collect(),
            sent_more: is.sent.len().saturating_sub(FRAMES),
            pairs,
            pairs_more,
            entries: if state { entries(was, is, &findings, depth) } else { Vec::new() },
        }
    };
    run.steps.iter().enumerate().map(view).collect()
}

/// What took the classic path, and what the CPU saw.
fn lane(was: &StepRun, is: &StepRun) -> String {
    let said = |reading: &Reading<u64>| match reading {
        Reading::Seen(count) => Some(count.to_string()),
        Reading::Missing { why } => Some(format!("unknown ({why})")),
        Reading::Absent => None,
    };
    let told = |what: &str, was: &Reading<u64>, is: &Reading<u64>| {
        let is = said(is)?;
        let was = said(was).map_or_else(String::new, |was| format!(" (reference: {was})"));
        Some(format!("{what} {is}{was}"))
    };
    let both = [told("on the classic path:", &was.classic, &is.classic), told("seen by the CPU:", &was.cpu, &is.cpu)];
    both.into_iter().flatten().collect::<Vec<_>>().join("; ")
}

/// What else is known of a step, of the reference and under test where they are not the same.
fn notes(was: &StepRun, is: &StepRun, state: bool) -> Vec<(&'static str, String)> {
    let mut notes = Vec::new();
    let mut beside = |was: Option<String>, is: Option<String>| match (was, is) {
        (Some(was), Some(is)) if was == is => notes.push(("", is)),
        (was, is) => {
            notes.extend(was.map(|was| ("reference", was)));
            notes.extend(is.map(|is| ("under test", is)));
        }
    };
    let act = |step: &StepRun| {
        let act = step.act.as_ref()?;
        let done = if act.done { "done" } else { "NOT done" };
        let said = if act.said.is_empty() { String::new() } else { format!(": {}", act.said) };
        Some(format!("the act was {done}, in {:.1} ms{said}", act.duration_ns as f64 / 1e6))
    };
    beside(act(was), act(is));
    beside(was.stream.as_ref().map(sentence::stream), is.stream.as_ref().map(sentence::stream));
    if state {
        let rules = |step: &StepRun| {
            let rules = step.state.rules.seen().filter(|rules| !rules.is_empty())?;
            let each = rules.iter().map(|(name, n)| format!("{name}: {} packets, {} bytes", n.packets, n.bytes));
            Some(format!("rules of the case: {}", each.collect::<Vec<_>>().join("; ")))
        };
        beside(rules(was), rules(is));
        let hardware = |step: &StepRun| {
            let hardware = step.state.hardware.seen()?;
            let count = hardware.count;
            Some(format!("the NIC holds {} rules: {} packets, {} bytes", hardware.rules, count.packets, count.bytes))
        };
        beside(hardware(was), hardware(is));
    }
    notes
}

/// Conntrack entries beside those of the reference. In what is not the first of its kind, only lines that differ.
fn entries(was: &StepRun, is: &StepRun, findings: &[&Finding], depth: Depth) -> Vec<EntryRow> {
    let none = Vec::new();
    let (before, after) = (was.state.entries.seen().unwrap_or(&none), is.state.entries.seen().unwrap_or(&none));
    let mut flows: Vec<u16> = before.iter().chain(after).map(|entry| entry.flow).collect();
    flows.sort_unstable();
    flows.dedup();
    let wrong = findings.iter().any(|finding| finding.field.starts_with("conntrack"));
    let mut rows = Vec::new();
    for flow in flows.into_iter().take(ENTRIES) {
        let of = |entries: &[crate::conform::Entry]| entries.iter().find(|one| one.flow == flow).map(sentence::entry);
        let (old, new) = (of(before), of(after));
        let names = old.as_ref().or(new.as_ref()).map(|lines| lines.each_ref().map(|line| line.0)).unwrap_or_default();
        for (place, name) in names.into_iter().enumerate() {
            let value = |lines: &Option<[(&str, String); 7]>| {
                lines.as_ref().map_or_else(|| "no entry".to_owned(), |lines| lines[place].1.clone())
            };
            let (reference, tested) = (value(&old), value(&new));
            let class = match reference == tested {
                true => "",
                false if wrong => "differs",
                false => "may",
            };
            if depth == Depth::Whole || !class.is_empty() {
                rows.push(EntryRow { name: format!("flow {flow}, {name}"), reference, tested, class });
            }
        }
    }
    rows
}
