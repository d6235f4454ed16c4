//! A comparison on the terminal: a table per scenario, then the reasons, the differences, and what only one side has.

use std::fmt::Write;

use comfy_table::{Attribute, Cell, CellAlignment, Color, ContentArrangement, Table, presets};

use super::comparison::{Compared, ComparedRow, Comparison, RowKey, percent};
use super::decide::LEAST_WALL;
use super::difference::{Difference, Standing};
use crate::environment::Clock;
use crate::numbers::{interval, median};
use crate::stats::Estimate;
use crate::table::Style;
use crate::wording::printable;

/// The whole comparison as text, a newline at its end.
pub fn render(comparison: &Comparison, style: Style) -> String {
    let mut text = String::new();
    let side = |runs: &[String], kernels: &[String]| {
        let runs = if let [run] = runs { run.clone() } else { format!("{} runs", runs.len()) };
        format!("{runs}, kernel {}", if kernels.is_empty() { "unknown".to_owned() } else { kernels.join(", ") })
    };
    paragraphs(
        &mut text,
        "",
        [
            format!("base  {}", side(&comparison.base, &comparison.base_kernels)),
            format!("new   {}", side(&comparison.new, &comparison.new_kernels)),
        ],
        style,
    );
    for rows in comparison.rows.chunk_by(|a, b| a.key.scenario == b.key.scenario) {
        let _ = writeln!(text, "\n{}", emphasis(&printable(&rows[0].key.scenario), style));
        let _ = writeln!(text, "{}", block(rows, style).trim_fmt());
    }
    if comparison.rows.iter().any(|row| row.shift.is_some_and(|s| s.range_only)) {
        text.push_str("\n* fewer than 5 samples on a side: the range of the ratios, not an interval\n");
    }
    text.push('\n');
    paragraphs(&mut text, "", legend(comparison), style);
    let label = |row: &ComparedRow| format!("{} ({})", row.key.label(), row.metric);
    let reasons = Compared::ALL.into_iter().flat_map(|verdict| comparison.of(verdict));
    let reasons =
        reasons.filter_map(|row| Some(format!("{}: {}: {}", label(row), row.verdict.name(), row.why.as_ref()?)));
    list(&mut text, "Reasons", reasons, style);
    let keys = |keys: &[RowKey]| keys.iter().map(RowKey::label).collect::<Vec<_>>();
    list(&mut text, "Only in BASE", keys(&comparison.only_in_base), style);
    list(&mut text, "Only in NEW", keys(&comparison.only_in_new), style);
    let of = |standing| comparison.differences.iter().filter(move |d| d.standing == standing).map(Difference::line);
    list(&mut text, "Differences that change figures, allowed", of(Standing::Allowed), style);
    list(&mut text, "Differences to know of", of(Standing::Noted), style);
    list(&mut text, "Notes", comparison.notes.clone(), style);
    let _ = writeln!(text, "\n{}", emphasis(&summary(comparison), style));
    text
}

/// `2 regressed, 4 equivalent; 1 row only in BASE`.
fn summary(comparison: &Comparison) -> String {
    let counts = Compared::ALL.map(|verdict| (comparison.of(verdict).count(), verdict.name()));
    let counted: Vec<String> = counts.iter().filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect();
    let missing = match comparison.only_in_base.len() {
        0 => String::new(),
        n => format!("; {n} only in BASE"),
    };
    format!("{}{missing}", counted.join(", "))
}

/// What the verdicts mean, for the clocks that are there.
fn legend(comparison: &Comparison) -> Vec<String> {
    let clocked = |clock| comparison.rows.iter().any(|row| row.clock == clock);
    let mut lines =
        vec!["change: median of all ratios of new to base (Hodges-Lehmann) with its 95 % interval".to_owned()];
    if clocked(Clock::Wall) {
        lines.push(format!(
            "wall clock: a change counts from {} on, with a rank test at 5 % over all rows together (Holm) and {LEAST_WALL} \
             samples a side",
            percent(comparison.effect.wall)
        ));
    }
    if clocked(Clock::Instructions) {
        let counted = comparison.rows.iter().filter(|row| row.clock == Clock::Instructions);
        let scatters = counted.filter_map(|row| row.shift).flat_map(|s| [s.base_scatter, s.new_scatter]).flatten();
        lines.push(format!(
            "instruction clock: a change counts from {} on; within {} it is noise; the samples of a run scatter by {} at most",
            percent(comparison.effect.instructions),
            percent(comparison.noise_floor),
            percent(scatters.fold(0.0, f64::max))
        ));
    }
    lines
}

fn block(rows: &[ComparedRow], style: Style) -> Table {
    let mut table = plain(style);
    table.load_style(presets::UTF8_HORIZONTAL_ONLY);
    let kernels = rows.iter().any(|row| row.key.kernel.is_some());
    let heads = ["datapath", "metric", "base", "new", "change", "p", "samples", "verdict"];
    table.set_header(heads.iter().enumerate().map(|(i, head)| aligned(Cell::new(head), i)));
    for row in rows {
        table.add_row(cells(row, kernels).into_iter().enumerate().map(|(i, cell)| aligned(cell, i)));
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table
}

fn plain(style: Style) -> Table {
    let mut table = Table::new();
    table.set_content_arrangement(ContentArrangement::Dynamic).set_width(style.width);
    if style.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    table
}

/// Numbers to the right, words to the left.
fn aligned(cell: Cell, column: usize) -> Cell {
    if (2..=6).contains(&column) { cell.set_alignment(CellAlignment::Right) } else { cell }
}

fn cells(row: &ComparedRow, kernels: bool) -> Vec<Cell> {
    let dash = || "-".to_owned();
    let two = |e: Option<Estimate>| e.map_or_else(dash, |e| format!("{}\n{}", median(&e), interval(&e)));
    let count = |e: Option<Estimate>| e.map_or(0, |e| e.n);
    let change = row.shift.map_or_else(dash, |s| {
        let mark = if s.range_only { "*" } else { "" };
        format!("{}\n{} to {}{mark}", change(s.ratio), change(s.low), change(s.high))
    });
    let kernel = row.key.kernel.as_deref().filter(|_| kernels).map_or_else(String::new, |k| format!("\n{k}"));
    let colour = match row.verdict {
        Compared::Regressed => Color::Red,
        Compared::Improved | Compared::Equivalent => Color::Green,
        Compared::Inconclusive | Compared::Unproven => Color::Yellow,
    };
    let verdict = match row.needed {
        Some(more) => format!("{}\n{more} more?", row.verdict.name()),
        None => row.verdict.name().to_owned(),
    };
    vec![
        Cell::new(printable_lines(&format!("{}{kernel}", row.key.datapath.name()))),
        Cell::new(printable(&row.metric)),
        Cell::new(two(row.base)),
        Cell::new(two(row.new)),
        Cell::new(change),
        Cell::new(row.p_adjusted.or(row.p).map_or_else(dash, p_value)),
        Cell::new(format!("{}\n{}", count(row.base), count(row.new))),
        Cell::new(verdict).add_attribute(Attribute::Bold).fg(colour),
    ]
}

fn printable_lines(text: &str) -> String {
    text.lines().map(printable).collect::<Vec<_>>().join("\n")
}

/// A ratio as what it adds: `+1.02 %`.
fn change(ratio: f64) -> String {
    let text = format!("{:+.2}", (ratio - 1.0) * 100.0);
    let text = if text == "-0.00" { "+0.00".to_owned() } else { text };
    format!("{text}\u{a0}%")
}

fn p_value(p: f64) -> String {
    if p < 0.001 { "<\u{a0}0.001".to_owned() } else { format!("{p:.3}") }
}

fn list(text: &mut String, title: &str, items: impl IntoIterator<Item = String>, style: Style) {
    let mut items = items.into_iter().peekable();
    if items.peek().is_some() {
        let _ = writeln!(text, "\n{}", emphasis(title, style));
        paragraphs(text, "-", items, style);
    }
}

/// Lines wrapped at the width, each behind `lead`. Text of others reaches the terminal only after it was made harmless.
fn paragraphs(text: &mut String, lead: &str, items: impl IntoIterator<Item = String>, style: Style) {
    let mut table = plain(style);
    table.load_style(presets::NOTHING);
    for item in items {
        let item = Cell::new(printable(&item));
        table.add_row(if lead.is_empty() { vec![item] } else { vec![Cell::new(lead), item] });
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    let _ = writeln!(text, "{}", table.trim_fmt());
}

fn emphasis(text: &str, style: Style) -> String {
    let text = printable(text);
    if style.colour { format!("\x1b[1m{text}\x1b[0m") } else { text }
}
