//! The terminal: a matrix of groups and datapaths, what survived, what is known, what there is to act on, one last line. What
//! matters most stands last, where a terminal shows it.

pub(super) mod fuzz;
mod lists;
mod matrix;

use std::fmt::Write;

use super::cell::{cells, verdict};
use super::mutants::never_failed;
use super::{CaseResult, ConformResult};
use crate::table::{Style, emphasis, paragraph};
use crate::wording;

/// The whole result as text, a newline at its end. What is known has a line for each reason, or with `verbose` all that is known
/// of it. `again` gives the command line that repeats a cell.
pub fn render(
    result: &ConformResult,
    style: Style,
    verbose: bool,
    again: &dyn Fn(&CaseResult) -> Option<String>,
) -> String {
    let cells = cells(result);
    let mut text = String::new();
    let _ = writeln!(text, "{}", emphasis(&format!("flowgauge conform {}", result.start.run), style));
    if let Some(e) = &result.environment {
        let line = format!(
            "kernel {} ({}), {}, {} CPUs",
            e.kernel_release,
            e.kernel_origin,
            wording::accelerator(e.accelerator),
            e.cpus
        );
        paragraph(&mut text, "", &line, style);
    }
    if !cells.is_empty() {
        let _ = writeln!(text, "{}", matrix::matrix(&cells, style));
    }
    if !result.mutants.is_empty() {
        let table = matrix::mutants(&result.start.plan, &result.mutants, style);
        let _ = writeln!(text, "\n{}\n{table}", emphasis("Mutants", style));
        if let Some(never) = never_failed(result) {
            paragraph(&mut text, "", &never, style);
        }
    }
    if !result.fuzz.is_empty() {
        let _ = write!(text, "\n{}\n{}", emphasis("Fuzzing", style), fuzz::text(&result.fuzz));
    }
    lists::known(&mut text, result, &cells, style, verbose);
    lists::unsupported(&mut text, &cells, style, verbose);
    let warnings: Vec<String> = result.warnings.iter().map(|w| format!("{}; {}", w.text, w.remedy)).collect();
    lists::list(&mut text, "Warnings", &warnings, style);
    lists::unexpected(&mut text, result, &cells, style);
    lists::list(&mut text, "The kernel complained", &result.complaints, style);
    lists::to_act_on(&mut text, &cells, style, again);
    text.push('\n');
    let verdict = verdict(result, &cells);
    let mut last = String::new();
    paragraph(&mut last, "", &verdict, style);
    text += &coloured(&last, if result.is_good() { GOOD } else { BAD }, style);
    text
}

/// Bold green.
const GOOD: u8 = 32;
/// Bold red.
const BAD: u8 = 31;

/// Lines in bold and a colour of a terminal (ECMA-48, SGR). The text must be harmless already.
fn coloured(lines: &str, colour: u8, style: Style) -> String {
    if !style.colour {
        return lines.to_owned();
    }
    lines.lines().fold(String::new(), |mut text, line| {
        let _ = writeln!(text, "\x1b[1;{colour}m{line}\x1b[0m");
        text
    })
}
