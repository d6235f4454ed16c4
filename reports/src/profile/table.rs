//! Costs and differences as tables for the terminal.

use std::fmt::Write;

use comfy_table::{Cell, CellAlignment, ContentArrangement, LineStyle, Table, presets};

use super::bars::{APART, per_packet, signed};
use super::{Change, Costs, Difference, Frame};
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

/// The stages, and the `most` functions with the largest differences; those that chance could explain are counted only, and
/// so are the generator's where that was measured apart. What is shown and counted sums up to the difference in all.
pub fn difference_table(difference: &Difference, most: usize, style: Style) -> String {
    let (base, new) = (printable(&difference.base), printable(&difference.new));
    let (from, to) = difference.ends();
    let mut text = format!(
        "{new} less {base}: {} {} ({} to {}); ± is what the number of samples leaves open\n",
        signed(difference.in_all()),
        per_packet(difference.unit),
        digits(from),
        digits(to)
    );
    let mut stages = table(&["stage", &base, &new, "difference", "±"], style);
    for s in &difference.stages {
        let cells =
            [s.stage.name().to_owned(), digits(s.base), digits(s.new), signed(s.new - s.base), digits(s.margin)];
        stages.add_row(row(&cells, 1));
    }
    if let Some(apart) = difference.apart {
        let less =
            [APART.to_owned(), signed(-apart.base), signed(-apart.new), signed(apart.base - apart.new), "-".to_owned()];
        stages.add_row(row(&less, 1));
        let net = ["net".to_owned(), digits(from), digits(to), signed(to - from), "-".to_owned()];
        stages.add_row(row(&net, 1));
    }
    let _ = writeln!(text, "{}", stages.trim_fmt());
    let causes = difference.causes();
    let cost = |cost: f64| if cost == 0.0 { "-".to_owned() } else { digits(cost) };
    if causes.clone().next().is_some() {
        let mut functions = table(&["function", "stage", &base, &new, "difference", "±"], style);
        for c in causes.clone().take(most) {
            let cells = [
                name(&c.frame),
                c.stage.name().to_owned(),
                cost(c.base),
                cost(c.new),
                signed(c.difference()),
                digits(c.margin),
            ];
            functions.add_row(row(&cells, 2));
        }
        let _ = writeln!(text, "{}", functions.trim_fmt());
    } else {
        text.push_str("no function is named: chance could explain each difference\n");
    }
    for line in rest(difference, most) {
        let _ = writeln!(text, "{line}");
    }
    text
}

/// What is not in the table of functions, a line each.
fn rest(difference: &Difference, most: usize) -> Vec<String> {
    let sum = |changes: &[&Change]| signed(changes.iter().map(|c| c.difference()).sum());
    let more: Vec<&Change> = difference.causes().skip(most).collect();
    let aside: Vec<&Change> = difference.functions.iter().filter(|c| difference.aside(c)).collect();
    let unclear: Vec<&Change> = difference.functions.iter().filter(|c| !c.is_clear() && !difference.aside(c)).collect();
    let mut lines = Vec::new();
    if !more.is_empty() {
        lines.push(format!("{}: {}", counted(more.len(), "more function"), sum(&more)));
    }
    if !unclear.is_empty() {
        let count = counted(unclear.len(), "function");
        lines.push(format!("{count} whose difference chance could explain: {} together", sum(&unclear)));
    }
    if let (Some(apart), false) = (difference.apart, aside.is_empty()) {
        let count = counted(aside.len(), "function");
        lines.push(format!(
            "{count} of the generator, which is not the DUT: {} together; its calibration sets {} against that",
            sum(&aside),
            signed(apart.base - apart.new)
        ));
    }
    let named: Vec<&Change> = difference.causes().take(most).collect();
    let one_sided = |c: &Change| c.base == 0.0 || c.new == 0.0;
    for change in &named {
        let Some(moved) = change.moved.as_ref().filter(|moved| moved.is_in_its_caller()) else { continue };
        lines.push(format!(
            "{} is on one side only, and with its caller {} it comes to {} ± {}: the compiler put it in there",
            name(&change.frame),
            name(&moved.caller),
            signed(moved.together),
            digits(moved.margin)
        ));
    }
    let unexplained = |c: &&&Change| one_sided(c) && !c.moved.as_ref().is_some_and(|moved| moved.is_in_its_caller());
    if named.iter().any(|one| unexplained(&one)) {
        lines.push("-: no sample found it there; it may have another name, or be part of another function".to_owned());
    }
    lines
}

/// `1 function`, `3 functions`.
fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
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
