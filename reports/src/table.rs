//! The terminal table: one block per scenario, then what could not be measured, what does not fit, and what to know.

mod cells;
mod cost_cells;

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use crate::explain;
use crate::judge::Row;
use crate::proof::Severity;
use crate::published;
use crate::result::{Ending, RunResult};
use crate::wording::{self, SIMULATED};
use cells::cells;

/// How to draw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Columns of the terminal.
    pub width: u16,
    /// Whether the terminal shows colours.
    pub colour: bool,
}

impl Default for Style {
    fn default() -> Self {
        Style { width: 100, colour: false }
    }
}

/// The whole result as text, a newline at its end.
pub fn render(result: &RunResult, style: Style) -> String {
    let mut text = String::new();
    header(&mut text, result, style);
    for (index, scenario) in result.plan.scenarios.iter().enumerate() {
        let rows: Vec<&Row> = result.judgement.rows_of(index).collect();
        let _ = writeln!(text, "\n{}", emphasis(&scenario.name, style));
        paragraph(&mut text, "  ", &wording::scenario(scenario), style);
        paragraph(&mut text, "  ", &wording::kernel_and_clock(result.environment.as_ref()), style);
        if !rows.is_empty() {
            let _ = writeln!(text, "{}", block(&rows, style).trim_fmt());
        }
        for line in wording::onsets(&rows)
            .into_iter()
            .chain(wording::shortfalls(&rows))
            .chain(published::beside(&scenario.name, &rows))
        {
            paragraph(&mut text, "  ", &line, style);
        }
        for hole in result.judgement.holes.iter().filter(|h| h.scenario == index) {
            let line = format!("{}: not measured: {}; {}", hole.datapath.name(), hole.gap.reason, hole.gap.instead);
            paragraph(&mut text, "  ", &line, style);
        }
    }
    for scenario in 0..result.plan.scenarios.len() {
        text += &explain::text(result, scenario, style);
    }
    if result.judgement.rows.iter().any(|r| r.throughput.or(r.net).is_some_and(|t| t.range_only)) {
        text.push_str("\n* fewer than 5 trials: the range of the values, not an interval\n");
    }
    if let Some(sentence) = wording::simulated(&result.judgement.rows) {
        text.push('\n');
        paragraph(&mut text, "", &format!("{SIMULATED} {sentence}"), style);
    }
    verdicts(&mut text, result, style);
    let warnings: Vec<String> =
        result.judgement.warnings.iter().chain(&result.warnings).map(|w| format!("{}; {}", w.text, w.remedy)).collect();
    list(&mut text, "Warnings", &warnings, style);
    text
}

fn header(text: &mut String, result: &RunResult, style: Style) {
    let _ = writeln!(text, "{}", emphasis(&format!("flowgauge {}", result.run), style));
    if let Some(e) = &result.environment {
        let line = format!(
            "kernel {} ({}), {}, {} clock, {} CPUs, {} topology",
            e.kernel_release,
            e.kernel_origin,
            wording::accelerator(e.accelerator),
            wording::clock(e.clock),
            e.cpus,
            e.topology
        );
        paragraph(text, "", &line, style);
    }
    let _ = writeln!(text, "seed {}, medians with 95 % intervals", result.plan.seed);
    match &result.ending {
        Ending::Complete => {}
        // The rest of a long message (a kernel's trace) is in the page, the events, and on standard error.
        Ending::Failed { message, .. } => {
            let first: Vec<&str> = message.lines().take(2).collect();
            paragraph(text, "", &format!("THE RUN FAILED: {}", first.join(" ")), style);
        }
        Ending::Truncated => text.push_str("THE RUN WAS CUT OFF: this is what it had measured by then\n"),
    }
}

/// A table without rows, as wide as the terminal.
pub(crate) fn empty(style: Style) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::UTF8_HORIZONTAL_ONLY)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(style.width);
    if style.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

fn block(rows: &[&Row], style: Style) -> Table {
    let mut table = empty(style);
    if rows.iter().any(|r| r.gross.is_some()) {
        table.set_header(cost_cells::heads(rows).iter().enumerate().map(|(i, head)| numbers(Cell::new(head), i, 4)));
        for row in rows {
            table.add_row(cost_cells::cells(row).into_iter().enumerate().map(|(i, cell)| numbers(cell, i, 4)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 1));
        }
        return table;
    }
    let throughput = rows.iter().find_map(|r| r.throughput).map_or("throughput", |t| match t.unit {
        crate::stats::Unit::BitsPerSecond => "goodput",
        _ => "throughput",
    });
    let heads =
        ["datapath", throughput, "gain", "softirq", "cost/pkt", "loss", "latency\np50, p99", "path proof", "verdict"];
    table.set_header(heads.iter().enumerate().map(|(i, head)| numbers(Cell::new(head), i, 6)));
    for row in rows {
        table.add_row(cells(row).into_iter().enumerate().map(|(i, cell)| numbers(cell, i, 6)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table
}

/// Numbers to the right, words to the left. The first column is words, then come `many` of numbers.
fn numbers(cell: Cell, column: usize, many: usize) -> Cell {
    if (1..=many).contains(&column) { cell.set_alignment(CellAlignment::Right) } else { cell }
}

fn verdicts(text: &mut String, result: &RunResult, style: Style) {
    let name = |row: &Row| format!("{} on {}", row.name, row.datapath.name());
    let rows = &result.judgement.rows;
    let reasons: Vec<String> =
        rows.iter().filter_map(|r| Some(format!("{}: {}: {}", name(r), r.verdict.name(), r.verdict.why()?))).collect();
    list(text, "Verdicts that are not good", &reasons, style);
    let told = |row: &Row, text: &str| row.verdict.why() == Some(text);
    let findings: Vec<String> = rows
        .iter()
        .flat_map(|r| r.proof.findings.iter().filter(|f| !told(r, &f.text)).map(move |f| (r, f)))
        .map(|(r, f)| format!("{}: {}{}", name(r), if f.severity == Severity::Note { "note: " } else { "" }, f.text))
        .collect();
    list(text, "Findings", &findings, style);
}

fn list(text: &mut String, title: &str, items: &[String], style: Style) {
    if items.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n{}", emphasis(title, style));
    for item in items {
        paragraph(text, "- ", item, style);
    }
}

/// Words wrapped at the width; `lead` begins the first line, and as many spaces the others. Text of others reaches the
/// terminal only through here and [`emphasis`], which make it harmless.
pub(crate) fn paragraph(text: &mut String, lead: &str, words: &str, style: Style) {
    let width = usize::from(style.width).max(30);
    let mut line = lead.to_owned();
    let indent = " ".repeat(lead.chars().count());
    let mut empty = true;
    for word in words.split_whitespace().map(wording::printable) {
        if !empty && line.chars().count() + 1 + word.chars().count() > width {
            let _ = writeln!(text, "{}", line.trim_end());
            line.clone_from(&indent);
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        line.push_str(&word);
        empty = false;
    }
    let _ = writeln!(text, "{}", line.trim_end());
}

pub(crate) fn emphasis(text: &str, style: Style) -> String {
    let text = wording::printable(text);
    if style.colour { format!("\x1b[1m{text}\x1b[0m") } else { text }
}
