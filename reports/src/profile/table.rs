//! Costs and differences as tables for the terminal.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, presets};

use super::bars::signed;
use super::{Costs, Difference, Frame};
use crate::numbers::{digits, whole};
use crate::table::Style;
use crate::wording::printable;

/// The stages, and the `most` functions that cost most by themselves.
pub fn cost_table(costs: &Costs, most: usize, style: Style) -> String {
    let mut text =
        format!("{} instructions per packet, from {} samples\n", digits(costs.per_packet), whole(costs.samples));
    let share =
        |cost: f64| if costs.per_packet > 0.0 { digits(cost / costs.per_packet * 100.0) } else { "-".to_owned() };
    let mut stages = table(&["stage", "instr/pkt", "%"], style);
    for stage in &costs.stages {
        stages.add_row(row(&[stage.stage.name().to_owned(), digits(stage.per_packet), share(stage.per_packet)], 1));
    }
    let _ = writeln!(text, "{}", stages.trim_fmt());
    let mut functions = table(&["function", "stage", "instr/pkt", "%", "with callees"], style);
    let shown = costs.functions.iter().filter(|f| f.samples > 0);
    for f in shown.clone().take(most) {
        let cells = [
            name(&f.frame),
            f.stage.name().to_owned(),
            digits(f.per_packet),
            share(f.per_packet),
            digits(f.with_callees),
        ];
        functions.add_row(row(&cells, 2));
    }
    let _ = writeln!(text, "{}", functions.trim_fmt());
    let rest: Vec<f64> = shown.skip(most).map(|f| f.per_packet).collect();
    if !rest.is_empty() {
        let _ = writeln!(text, "{} more functions: {} instructions per packet", rest.len(), digits(rest.iter().sum()));
    }
    text
}

/// The stages, and the `most` functions with the largest differences; those that chance could explain are counted only.
pub fn difference_table(difference: &Difference, most: usize, style: Style) -> String {
    let (base, new) = (printable(&difference.base), printable(&difference.new));
    let mut text = format!(
        "{new} less {base}: {} instructions per packet ({} to {}); ± is what the number of samples leaves open\n",
        signed(difference.in_all()),
        digits(difference.base_per_packet),
        digits(difference.new_per_packet)
    );
    let mut stages = table(&["stage", &base, &new, "difference", "±"], style);
    for s in &difference.stages {
        let cells =
            [s.stage.name().to_owned(), digits(s.base), digits(s.new), signed(s.new - s.base), digits(s.margin)];
        stages.add_row(row(&cells, 1));
    }
    let _ = writeln!(text, "{}", stages.trim_fmt());
    let mut functions = table(&["function", "stage", &base, &new, "difference", "±"], style);
    let clear = difference.functions.iter().filter(|c| c.is_clear());
    for c in clear.clone().take(most) {
        let cells = [
            name(&c.frame),
            c.stage.name().to_owned(),
            digits(c.base),
            digits(c.new),
            signed(c.difference()),
            digits(c.margin),
        ];
        functions.add_row(row(&cells, 2));
    }
    let _ = writeln!(text, "{}", functions.trim_fmt());
    let beyond: f64 = clear.clone().skip(most).map(|c| c.difference()).sum();
    let unclear: Vec<f64> = difference.functions.iter().filter(|c| !c.is_clear()).map(|c| c.difference()).collect();
    let (more, unclear_in_all) = (clear.count().saturating_sub(most), unclear.iter().sum());
    if more > 0 {
        let _ = writeln!(text, "{more} more functions: {}", signed(beyond));
    }
    if !unclear.is_empty() {
        let (count, sum) = (unclear.len(), signed(unclear_in_all));
        let _ = writeln!(text, "{count} functions whose difference chance could explain: {sum} together");
    }
    text
}

fn name(frame: &Frame) -> String {
    printable(&frame.label())
}

fn table(heads: &[&str], style: Style) -> Table {
    let mut table = Table::new();
    table
        // Many short rows: no lines between them.
        .load_style(presets::UTF8_HORIZONTAL_ONLY.row_separator(LineStyle::none()))
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(style.width);
    if style.colour {
        table.enforce_styling();
    } else {
        table.force_no_tty();
    }
    let words = if heads.get(1) == Some(&"stage") { 2 } else { 1 };
    table.set_header(row(&heads.iter().map(|head| (*head).to_owned()).collect::<Vec<_>>(), words));
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
    table
}

/// The first `words` cells to the left, numbers to the right.
fn row(cells: &[String], words: usize) -> Vec<Cell> {
    let aligned = |(at, text): (usize, &String)| {
        Cell::new(text).set_alignment(if at < words { CellAlignment::Left } else { CellAlignment::Right })
    };
    cells.iter().enumerate().map(aligned).collect()
}
