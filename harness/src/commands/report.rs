//! `flowgauge report`: a kept result, rendered again.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use flowgauge_reports::result::Ending;
use flowgauge_reports::{RunResult, html, table};

use super::exit::{Exit, print};
use crate::session::display;

/// Render a kept result again: terminal table, HTML page or JSON.
///
/// The verdicts are recomputed from the raw samples each time. As with `bench`, the exit code is 1 when one is not good
/// or the run did not end.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// A run's folder, its result.json, or its events.jsonl
    result: PathBuf,
    /// How to render it
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A table for the terminal
    Table,
    /// One HTML file without a network
    Html,
    /// result.json with the verdicts recomputed
    Json,
}

impl Report {
    pub(super) fn run(self) -> Result<(), Exit> {
        let result = RunResult::load(&self.result).map_err(Exit::input)?;
        let text = match self.format {
            Format::Table => {
                let style = if self.out.is_some() { display::plain() } else { display::style() };
                table::render(&result, style)
            }
            Format::Html => html::render(&result).map_err(Exit::input)?,
            Format::Json => {
                let mut text = serde_json::to_string_pretty(&result).map_err(Exit::input)?;
                text.push('\n');
                text
            }
        };
        match self.out {
            Some(path) => std::fs::write(&path, text)
                .map_err(|e| Exit::Environment(format!("cannot write {}: {e}", path.display())))?,
            None if matches!(self.format, Format::Html) && std::io::stdout().is_terminal() => {
                return Err(Exit::input("the page is for a browser: give a file with --out report.html, or pipe it"));
            }
            None => print(&text)?,
        }
        if result.ending == Ending::Complete && result.judgement.good() { Ok(()) } else { Err(Exit::Verdict) }
    }
}
