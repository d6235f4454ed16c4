//! Lists of the terminal: what there is to act on, what is known, what could not be had.

use std::fmt::Write;

use crate::conform::cell::{Cell, Standing, alike, cases, explained, plural, unsupported as by_reason};
use crate::conform::{CaseResult, ConformResult, sentence};
use crate::table::{Style, emphasis, paragraph};
use crate::wording::printable;

/// Findings that are shown of a cell.
const FINDINGS: usize = 3;
/// Names that are shown of many.
const NAMES: usize = 6;

/// Cells that are unproven, could not be run or fail, and that nothing explains: the worst last, next to the summary. Those of
/// one case and datapath that begin to differ at the same field are told once.
pub(super) fn to_act_on(
    text: &mut String,
    cells: &[Cell<'_>],
    style: Style,
    again: &dyn Fn(&CaseResult) -> Option<String>,
) {
    for (standing, title) in [
        (Standing::Unproven, "Unproven"),
        (Standing::Error, "Errors"),
        (Standing::Fail, "Failures that nothing explains"),
    ] {
        let these: Vec<Cell<'_>> = cells.iter().filter(|cell| cell.standing == standing).copied().collect();
        if these.is_empty() {
            continue;
        }
        let _ = writeln!(text, "\n{}", emphasis(&format!("{title}: {}", these.len()), style));
        for alike in alike(&these) {
            one(text, &alike, style, again);
        }
    }
}

fn one(text: &mut String, alike: &[Cell<'_>], style: Style, again: &dyn Fn(&CaseResult) -> Option<String>) {
    let [first, others @ ..] = alike else { return };
    let head = format!("{} on {}", first.instance.id, first.result.datapath.name());
    let _ = writeln!(text, "- {}", printable(&head));
    paragraph(text, "    ", &first.case.what, style);
    for finding in first.result.findings.iter().take(FINDINGS) {
        paragraph(text, "    ", &sentence::finding(finding), style);
    }
    match first.result.findings.len() {
        0 => paragraph(text, "    ", &first.result.why, style),
        n if n > FINDINGS => paragraph(text, "    ", &format!("and {} more", n - FINDINGS), style),
        _ => {}
    }
    if !others.is_empty() {
        let named: Vec<&str> = others.iter().map(Cell::variant).collect();
        paragraph(text, "    ", &format!("also: {}", some(&named)), style);
    }
    if let Some(command) = again(first.result) {
        // One line, whatever the width: it is there to be copied.
        let _ = writeln!(text, "    {}", printable(&command));
    }
}

/// Known failures by their reason: a line for each, or all that is known of it.
pub(super) fn known(text: &mut String, result: &ConformResult, cells: &[Cell<'_>], style: Style, verbose: bool) {
    let reasons = explained(result, cells);
    let count: usize = reasons.iter().map(|reason| reason.cells.len()).sum();
    let told: Vec<Told<'_>> = reasons
        .iter()
        .map(|one| Told {
            cells: &one.cells,
            outcome: one.known.outcome.name(),
            reason: &one.known.reason,
            link: &one.known.link,
        })
        .collect();
    reasons_of(text, &format!("Known failures: {count}"), &told, style, verbose);
}

/// What is known to fail and does not any more.
pub(super) fn unexpected(text: &mut String, result: &ConformResult, cells: &[Cell<'_>], style: Style) {
    let these = cells.iter().filter(|cell| cell.standing == Standing::UnexpectedPass);
    let release = result.environment.as_ref().map_or("", |environment| environment.kernel_release.as_str());
    let items: Vec<String> = these
        .map(|cell| {
            let covering = |known: &&flowgauge_scenarios::conform::Known| {
                known.covers(&cell.instance.id, cell.result.datapath, release)
            };
            let reason = result.start.known.iter().find(covering).map_or("", |known| known.reason.as_str());
            format!("{} on {}: known as: {reason}", cell.instance.id, cell.result.datapath.name())
        })
        .collect();
    list(text, "Unexpected passes: the entry of the known failures does not hold here", &items, style);
}

/// What this kernel or this NIC cannot do, by its word for it.
pub(super) fn unsupported(text: &mut String, cells: &[Cell<'_>], style: Style, verbose: bool) {
    let reasons = by_reason(cells);
    let count: usize = reasons.iter().map(|(_, cells)| cells.len()).sum();
    let told: Vec<Told<'_>> =
        reasons.iter().map(|(why, cells)| Told { cells, outcome: "", reason: why, link: "" }).collect();
    reasons_of(text, &format!("Unsupported: {count}"), &told, style, verbose);
}

/// Why some cells are not a pass and nobody has to act.
struct Told<'a> {
    cells: &'a [Cell<'a>],
    outcome: &'a str,
    reason: &'a str,
    link: &'a str,
}

fn reasons_of(text: &mut String, title: &str, told: &[Told<'_>], style: Style, verbose: bool) {
    if verbose {
        let item = |one: &Told<'_>| {
            let outcome = if one.outcome.is_empty() { String::new() } else { format!("{}: ", one.outcome) };
            let link = if one.link.is_empty() { String::new() } else { format!(" ({})", one.link) };
            format!("{outcome}{}: {}{link}", of_cases(one.cells), one.reason)
        };
        list(text, title, &told.iter().map(item).collect::<Vec<String>>(), style);
    } else if !told.is_empty() {
        let more = "(--verbose tells all of it, and so does the page)";
        let _ = writeln!(text, "\n{} {more}", emphasis(title, style));
        for one in told {
            let names: Vec<&str> = cases(one.cells).into_iter().map(|(id, _)| id).collect();
            let (first, others) = (names.first().copied().unwrap_or_default(), names.len().saturating_sub(1));
            let others = if others == 0 { String::new() } else { format!(" and {others} more") };
            let line = format!("{:>4} {:<8} {first}{others}: {}", one.cells.len(), one.outcome, one.reason);
            let _ = writeln!(text, "{}", cut(&printable(&line), style));
        }
    }
}

/// A line that fits into the terminal.
fn cut(line: &str, style: Style) -> String {
    let width = usize::from(style.width).max(40);
    match line.char_indices().nth(width) {
        None => line.to_owned(),
        Some(_) => line.chars().take(width - 1).collect::<String>().trim_end().to_owned() + "…",
    }
}

/// `12 cells of ttl-one, foreign-mac`.
fn of_cases(cells: &[Cell<'_>]) -> String {
    let names: Vec<&str> = cases(cells).into_iter().map(|(id, _)| id).collect();
    format!("{} of {}", plural(cells.len(), "cell", "cells"), some(&names))
}

fn some(names: &[&str]) -> String {
    match names.get(..NAMES) {
        Some(first) if names.len() > NAMES => format!("{} and {} more", first.join(", "), names.len() - NAMES),
        _ => names.join(", "),
    }
}

pub(super) fn list(text: &mut String, title: &str, items: &[String], style: Style) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", emphasis(title, style));
    for item in items {
        paragraph(text, "- ", item, style);
    }
}
