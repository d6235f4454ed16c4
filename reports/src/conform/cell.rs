//! Cells: an instance on a datapath, and where it stands. What every renderer is made from.

use std::collections::BTreeMap;

use flowgauge_scenarios::conform::{Case, Group, Instance, Known, Outcome};
use flowgauge_scenarios::{Datapath, Topology};

use super::{CaseResult, CaseRun, ConformResult, FuzzSummary};

/// Where a cell stands, the best first: its outcome, and whether that was to be expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Standing {
    Pass,
    Unsupported,
    /// Not a pass, and explained in data.
    Known,
    /// Explained as a failure in data, and a pass.
    UnexpectedPass,
    Unproven,
    Fail,
    Error,
}

impl Standing {
    /// Every one, in the order of tables.
    pub(super) const ALL: [Standing; 7] = [
        Standing::Pass,
        Standing::Known,
        Standing::Unsupported,
        Standing::UnexpectedPass,
        Standing::Unproven,
        Standing::Fail,
        Standing::Error,
    ];

    pub(super) fn of(result: &CaseResult) -> Standing {
        match result.outcome {
            _ if result.known.is_some() => Standing::Known,
            Outcome::Pass if result.unexpected_pass => Standing::UnexpectedPass,
            Outcome::Pass => Standing::Pass,
            Outcome::Unsupported => Standing::Unsupported,
            Outcome::Unproven => Standing::Unproven,
            Outcome::Fail => Standing::Fail,
            Outcome::Error => Standing::Error,
        }
    }

    /// The word in tables.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Standing::Pass => "pass",
            Standing::Unsupported => "unsupported",
            Standing::Known => "known",
            Standing::UnexpectedPass => "unexpected pass",
            Standing::Unproven => "unproven",
            Standing::Fail => "fail",
            Standing::Error => "error",
        }
    }

    /// The word in style sheets.
    pub(super) const fn class(self) -> &'static str {
        match self {
            Standing::UnexpectedPass => "unexpected",
            other => other.name(),
        }
    }

    /// Whether somebody must look at it.
    pub(super) const fn to_act_on(self) -> bool {
        !matches!(self, Standing::Pass | Standing::Unsupported | Standing::Known)
    }
}

/// An instance on a datapath. Where it was run on several topologies, the worse.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell<'a> {
    pub(super) case: &'a Case,
    pub(super) instance: &'a Instance,
    pub(super) result: &'a CaseResult,
    pub(super) standing: Standing,
    /// What was seen.
    pub(super) run: Option<&'a CaseRun>,
    /// What it was compared with.
    pub(super) reference: Option<&'a CaseRun>,
}

impl<'a> Cell<'a> {
    /// `ipv4-udp-plain-up`.
    pub(super) fn variant(&self) -> &'a str {
        let id = self.instance.id.as_str();
        id.split_once('/').map_or(id, |(_, variant)| variant)
    }
}

/// Every cell that was run without anything broken on purpose, in the order of the plan.
pub(super) fn cells(result: &ConformResult) -> Vec<Cell<'_>> {
    let plan = &result.start.plan;
    let mut references: BTreeMap<(usize, Topology), &CaseRun> = BTreeMap::new();
    for run in result.runs.iter().filter(|run| run.is_reference()) {
        references.entry((run.instance, run.topology)).or_insert(run);
    }
    let mut cells: BTreeMap<(usize, Datapath), Cell<'_>> = BTreeMap::new();
    // Results stand in the order of the runs that they are of.
    for (index, of) in result.results.iter().enumerate().filter(|(_, of)| of.mutation.is_none()) {
        let Some(instance) = plan.instances.get(of.instance) else { continue };
        let Some(case) = plan.cases.get(instance.case) else { continue };
        let same =
            |run: &&CaseRun| (run.instance, run.datapath, run.mutation) == (of.instance, of.datapath, of.mutation);
        let run = result.runs.get(index).filter(same);
        // What others are compared with is under test only where it is run once more.
        if run.is_some_and(CaseRun::is_reference) {
            continue;
        }
        let reference = run.and_then(|run| references.get(&(run.instance, run.topology)).copied());
        let cell = Cell { case, instance, result: of, standing: Standing::of(of), run, reference };
        let place = cells.entry((of.instance, of.datapath)).or_insert(cell);
        if cell.standing > place.standing {
            *place = cell;
        }
    }
    cells.into_values().collect()
}

/// The datapaths of some cells, in the order of tables.
pub(super) fn datapaths(cells: &[Cell<'_>]) -> Vec<Datapath> {
    Datapath::ALL.into_iter().filter(|datapath| cells.iter().any(|cell| cell.result.datapath == *datapath)).collect()
}

/// The groups of some cells, in the order of reports.
pub(super) fn groups(cells: &[Cell<'_>]) -> Vec<Group> {
    Group::ALL.into_iter().filter(|group| cells.iter().any(|cell| cell.case.group == *group)).collect()
}

/// How many cells stand where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally(BTreeMap<Standing, usize>);

impl Tally {
    pub(super) fn of<'a>(cells: impl IntoIterator<Item = &'a Cell<'a>>) -> Tally {
        let mut tally = Tally::default();
        cells.into_iter().for_each(|cell| *tally.0.entry(cell.standing).or_default() += 1);
        tally
    }

    /// How many there are of each, those that there are, in the order of tables.
    pub(super) fn counts(&self) -> impl Iterator<Item = (Standing, usize)> + '_ {
        Standing::ALL.into_iter().filter_map(|standing| self.0.get(&standing).map(|&count| (standing, count)))
    }

    /// How many stand there.
    pub(super) fn count(&self, standing: Standing) -> usize {
        self.0.get(&standing).copied().unwrap_or_default()
    }

    /// The worst; none where there are no cells.
    pub(super) fn worst(&self) -> Option<Standing> {
        self.0.keys().next_back().copied()
    }

    /// All of them.
    pub(super) fn all(&self) -> usize {
        self.0.values().sum()
    }

    /// `12 pass, 3 known, 1 fail`.
    pub(super) fn text(&self) -> String {
        let words: Vec<String> = self.counts().map(|(standing, n)| format!("{n} {}", standing.name())).collect();
        words.join(", ")
    }
}

/// Failures that are explained, by their reason.
#[derive(Clone, Debug)]
pub(super) struct Explained<'a> {
    pub(super) known: &'a Known,
    pub(super) cells: Vec<Cell<'a>>,
}

/// The failures of each reason, the most frequent first.
pub(super) fn explained<'a>(result: &'a ConformResult, cells: &[Cell<'a>]) -> Vec<Explained<'a>> {
    let mut reasons: Vec<Explained<'a>> = Vec::new();
    for &cell in cells.iter().filter(|cell| cell.standing == Standing::Known) {
        let Some(known) = cell.result.known.and_then(|index| result.start.known.get(index)) else { continue };
        let same = |one: &&mut Explained<'_>| (&one.known.reason, &one.known.link) == (&known.reason, &known.link);
        match reasons.iter_mut().find(same) {
            Some(reason) => reason.cells.push(cell),
            None => reasons.push(Explained { known, cells: vec![cell] }),
        }
    }
    reasons.sort_by_key(|reason| std::cmp::Reverse(reason.cells.len()));
    reasons
}

/// Cells that could not be had, by the kernel's word for it, the most frequent first.
pub(super) fn unsupported<'a>(cells: &[Cell<'a>]) -> Vec<(&'a str, Vec<Cell<'a>>)> {
    let mut reasons: BTreeMap<&'a str, Vec<Cell<'a>>> = BTreeMap::new();
    for &cell in cells.iter().filter(|cell| cell.standing == Standing::Unsupported) {
        reasons.entry(cell.result.why.as_str()).or_default().push(cell);
    }
    let mut reasons: Vec<_> = reasons.into_iter().collect();
    reasons.sort_by_key(|(_, cells)| std::cmp::Reverse(cells.len()));
    reasons
}

/// Cells of one case on one datapath that fail alike: by where they stand and what differs first.
pub(super) fn alike<'a>(cells: &[Cell<'a>]) -> Vec<Vec<Cell<'a>>> {
    let field = |cell: &Cell<'a>| cell.result.findings.first().map(|finding| (finding.step, finding.field.as_str()));
    let key = |cell: &Cell<'a>| (cell.instance.case, cell.result.datapath, cell.standing, field(cell));
    let mut alike: Vec<Vec<Cell<'a>>> = Vec::new();
    for &cell in cells {
        match alike.iter_mut().find(|others| others.first().map(key) == Some(key(&cell))) {
            Some(others) => others.push(cell),
            None => alike.push(vec![cell]),
        }
    }
    alike
}

/// The cases of some cells, each once, with how many cells.
pub(super) fn cases<'a>(cells: &[Cell<'a>]) -> Vec<(&'a str, usize)> {
    let mut cases: Vec<(&str, usize)> = Vec::new();
    for cell in cells {
        match cases.iter_mut().find(|(id, _)| *id == cell.case.id) {
            Some((_, count)) => *count += 1,
            None => cases.push((cell.case.id.as_str(), 1)),
        }
    }
    cases
}

/// One sentence: whether there is something to act on, and what.
pub(super) fn verdict(result: &ConformResult, cells: &[Cell<'_>]) -> String {
    let tally = Tally::of(cells);
    let mut told: Vec<String> = Vec::new();
    if let Some((_, message)) = &result.failed {
        told.push(format!("the run failed: {}", message.lines().next().unwrap_or_default()));
    } else if !result.finished {
        told.push("the run was cut off".to_owned());
    }
    if !result.complaints.is_empty() {
        told.push(plural(result.complaints.len(), "complaint of the kernel", "complaints of the kernel"));
    }
    let to_act_on: Vec<(Standing, usize)> = tally.counts().filter(|(standing, _)| standing.to_act_on()).collect();
    told.extend(to_act_on.iter().rev().map(|(standing, n)| format!("{n} {}", standing.name())));
    let survived = result.mutants.iter().filter(|mutant| mutant.survived()).count();
    if survived > 0 {
        told.push(plural(survived, "mutant survived", "mutants survived"));
    }
    let new: usize = result.fuzz.iter().map(|found| found.divergences.len()).sum();
    if new > 0 {
        told.push(plural(new, "divergence that nothing known explains", "divergences that nothing known explains"));
    }
    if !result.fuzz.is_empty() {
        let sum = |of: fn(&FuzzSummary) -> u64| result.fuzz.iter().map(of).sum::<u64>();
        let (sequences, packets) = (sum(|found| found.sequences), sum(|found| found.packets));
        let differed = sum(|found| found.differed) - sum(|found| found.unexplained);
        let of = format!("{differed} of {sequences} sequences ({packets} packets) differ only as is known");
        return match told.is_empty() {
            true => format!("good: {of}"),
            false => format!("not good: {}; {of}", told.join(", ")),
        };
    }
    let mut rest = vec![format!("{} pass", tally.count(Standing::Pass))];
    for standing in [Standing::Known, Standing::Unsupported] {
        if tally.count(standing) > 0 {
            rest.push(format!("{} {}", tally.count(standing), standing.name()));
        }
    }
    let killed = result.mutants.iter().filter(|mutant| !mutant.killed_by.is_empty()).count();
    if killed > 0 {
        let all = if killed == result.mutants.len() { "mutants, all killed" } else { "mutants killed" };
        rest.push(plural(killed, "mutant killed", all));
    }
    let refused = result.mutants.len() - killed - survived;
    if refused > 0 {
        rest.push(plural(refused, "mutant that cannot be made here", "mutants that cannot be made here"));
    }
    let of = format!("{} of {}", rest.join(", "), plural(tally.all(), "cell", "cells"));
    match (told.is_empty(), result.is_good()) {
        (true, true) => format!("good: {of}"),
        (true, false) => format!("not good: {of}"),
        (false, _) => format!("not good: {}; {of}", told.join(", ")),
    }
}

/// `1 cell`, `2 cells`.
pub(super) fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}
