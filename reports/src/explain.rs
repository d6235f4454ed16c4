//! Where packets spend what they cost, for a result that was sampled (`--explain`): by function and by stage, and what
//! each datapath has more or less than the baseline.

use flowgauge_scenarios::Datapath;

use crate::judge::Row;
use crate::profile::{Difference, Side, cost_table, difference_svg, difference_table, flame_svg};
use crate::result::RunResult;
use crate::table::Style;
use crate::trial::CellProfile;

/// Functions that are named.
const NAMED: usize = 12;

/// A row that was sampled: the row, its samples, and what a packet of it cost with the generator's part.
struct Sampled<'a> {
    row: &'a Row,
    profile: &'a CellProfile,
    gross: f64,
}

impl Sampled<'_> {
    fn side(&self) -> Side {
        Side::new(self.row.datapath.name(), &self.profile.profile, self.gross)
    }
}

/// The rows of a scenario that were sampled.
fn sampled(result: &RunResult, scenario: usize) -> Vec<Sampled<'_>> {
    let of = |row| {
        let row: &Row = row;
        let profile = result.profiles.iter().find(|profile| profile.cell == row.cell)?;
        Some(Sampled { row, profile, gross: row.gross?.median })
    };
    result.judgement.rows_of(scenario).filter_map(of).collect()
}

/// What rows are compared with: conntrack where it was sampled, else the first.
fn baseline<'a>(rows: &'a [Sampled<'a>]) -> Option<&'a Sampled<'a>> {
    rows.iter().find(|r| r.row.datapath == Datapath::BASELINE).or(rows.first())
}

/// The differences of every other row from the baseline.
fn differences(rows: &[Sampled<'_>]) -> Vec<Difference> {
    let Some(base) = baseline(rows) else { return Vec::new() };
    let others = rows.iter().filter(|r| r.row.cell != base.row.cell);
    others.map(|other| Difference::between(&base.side(), &other.side())).collect()
}

/// The tables of a scenario; empty where nothing was sampled.
pub(crate) fn text(result: &RunResult, scenario: usize, style: Style) -> String {
    let rows = sampled(result, scenario);
    let mut text = String::new();
    for sampled in &rows {
        let costs = sampled.profile.profile.costs(sampled.gross);
        text +=
            &format!("\n{} on {}: {}", sampled.row.name, sampled.row.datapath.name(), cost_table(&costs, NAMED, style));
    }
    for difference in differences(&rows) {
        text += &format!("\n{}", difference_table(&difference, NAMED, style));
    }
    text
}

/// The pictures of a scenario, each an SVG element with its caption: a flame graph a row, and the differences.
pub(crate) fn pictures(result: &RunResult, scenario: usize) -> Result<Vec<(String, String)>, String> {
    let rows = sampled(result, scenario);
    let mut pictures = Vec::new();
    for difference in differences(&rows) {
        let title = format!("{} less {}", difference.new, difference.base);
        pictures.push((format!("{title}, instructions per packet"), difference_svg(&title, &difference, NAMED)?));
    }
    for sampled in &rows {
        let title = format!("{} on {}", sampled.row.name, sampled.row.datapath.name());
        let svg = flame_svg(&title, &sampled.profile.profile, sampled.gross);
        pictures.push((format!("{}: where instructions go", sampled.row.datapath.name()), svg));
    }
    Ok(pictures)
}
