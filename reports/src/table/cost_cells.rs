//! The table of a scenario whose method is cost: what a packet takes of the DUT.

use comfy_table::Cell;

use super::cells::{path_cell, verdict_cell};
use crate::judge::Row;
use crate::numbers::{interval, median};
use crate::stats::{Estimate, Unit};

/// The heads, in the unit of the rows.
pub(super) fn heads(rows: &[&Row]) -> [&'static str; 7] {
    let counts = rows.iter().find_map(|r| r.net).is_some_and(|e| e.unit == Unit::InstructionsPerPacket);
    let net = if counts { "instructions\nper packet" } else { "time\nper packet" };
    ["datapath", net, "of\nconntrack", "with the\ngenerator", "NIC lookup\n(simulated)", "path proof", "verdict"]
}

/// The cells of a row.
pub(super) fn cells(row: &Row) -> Vec<Cell> {
    let dash = || "-".to_owned();
    let two = |e: Option<Estimate>| e.map_or_else(dash, |e| format!("{}\n{}", median(&e), interval(&e)));
    let of_baseline = match row.gain.and_then(|gain| gain.net) {
        // Nothing, within what the clock resolves: digits of it would be noise.
        Some(net) if net.median.abs() < 0.005 => "0.00x".to_owned(),
        Some(net) => two(Some(net)),
        None if row.datapath == flowgauge_scenarios::Datapath::BASELINE => "baseline".to_owned(),
        None => dash(),
    };
    let name = row.datapath.name();
    vec![
        Cell::new(if row.simulated { format!("{name}\nsimulated") } else { name.to_owned() }),
        Cell::new(two(row.net)),
        Cell::new(of_baseline),
        Cell::new(row.gross.map_or_else(dash, |e| median(&e))),
        Cell::new(row.lookup.map_or_else(dash, |e| median(&e))),
        path_cell(row),
        verdict_cell(row),
    ]
}
