//! The cells of the terminal table.

use comfy_table::{Attribute, Cell, Color};

use crate::judge::{Row, Verdict};
use crate::numbers::loss;
use crate::numbers::{bounded, interval, median};
use crate::proof::Path;
use crate::stats::Estimate;
use crate::wording::SIMULATED;

/// The cells of a row, as many as there are heads.
pub(super) fn cells(row: &Row) -> Vec<Cell> {
    let mark = if row.simulated { SIMULATED } else { "" };
    let dash = || "-".to_owned();
    let two = |e: Option<Estimate>| e.map_or_else(dash, |e| format!("{}{mark}\n{}", median(&e), interval(&e)));
    let latency = match (row.latency_p50, row.latency_p99) {
        (Some(p50), Some(p99)) => format!("{}{mark}\n{}", median(&p50), median(&p99)),
        _ => dash(),
    };
    let cost = match (row.cost, row.cost_bound) {
        (None, Some(bound)) => format!("{}{mark}", bounded(&bound).replacen(" within ", " within\n", 1)),
        (cost, _) => two(cost),
    };
    let name = row.datapath.name();
    vec![
        Cell::new(if row.simulated { format!("{name}\nsimulated") } else { name.to_owned() }),
        Cell::new(two(row.throughput)),
        Cell::new(gain(row)),
        Cell::new(row.softirq.map_or_else(dash, |e| format!("{}{mark}", median(&e)))),
        Cell::new(cost),
        Cell::new(row.loss.map_or_else(|| "-".to_owned(), |e| loss(e.median))),
        Cell::new(latency),
        path_cell(row),
        verdict_cell(row),
    ]
}

pub(super) fn path_cell(row: &Row) -> Cell {
    Cell::new(path(row)).fg(match &row.proof.path {
        Path::Unproven { .. } | Path::Disagree { .. } => Color::Yellow,
        _ => Color::Reset,
    })
}

pub(super) fn verdict_cell(row: &Row) -> Cell {
    Cell::new(row.verdict.name()).add_attribute(Attribute::Bold).fg(match &row.verdict {
        Verdict::Good => Color::Green,
        Verdict::Bad { .. } => Color::Red,
        Verdict::Unproven { .. } => Color::Yellow,
    })
}

fn gain(row: &Row) -> String {
    match row.gain.and_then(|g| g.throughput.map(|t| (g.lower_bound, t))) {
        None if row.datapath == flowgauge_scenarios::Datapath::BASELINE => "baseline".to_owned(),
        None => "-".to_owned(),
        Some((lower_bound, t)) => {
            let (least, mark) = (if lower_bound { "≥ " } else { "" }, if row.simulated { SIMULATED } else { "" });
            format!("{least}{}{mark}\n{}", median(&t), interval(&t))
        }
    }
}

fn path(row: &Row) -> String {
    // A share a line, however the column breaks.
    format!("{}\n{}", row.proof.label().replace(", ", ",\n"), row.proof.standing())
}
