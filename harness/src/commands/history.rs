//! `flowgauge history`: a folder of results over time, with the runs since which a number has been another one.

use std::path::PathBuf;

use clap::Args;
use flowgauge_reports::conform;
use flowgauge_reports::history::divisive::Options;
use flowgauge_reports::history::{self, Select, picture, text};

use super::exit::{Exit, print};
use crate::session::display;

const EXAMPLES: &str = "\
Examples:
  flowgauge history results                                 every scenario and datapath over time
  flowgauge history results --scenario udp-ipv4 --metric latency-p99
  flowgauge history results --svg history.svg               a picture with a panel for each series
  flowgauge history results --json | jq '.series[] | select(.changes != [])'";

/// Show results over time, with the runs since which a number has been another one.
///
/// Change points are found by E-divisive with a permutation test (docs/history.md). Rows that are not good are marked and
/// left out. The exit code says only whether there is a history: a change is no verdict.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct History {
    /// The folder of runs that `bench --out` filled; folders below it are looked through
    folder: PathBuf,
    /// Only this scenario
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// This metric, or `all`; the one that stands for each row where not given
    #[arg(long, value_name = "NAME")]
    metric: Option<String>,
    /// The probability under chance up to which a change counts
    #[arg(long, default_value_t = Options::default().level, value_name = "P", value_parser = level)]
    level: f64,
    /// Also draw it into this file
    #[arg(long, value_name = "FILE")]
    svg: Option<PathBuf>,
    /// Print JSON in place of the text
    #[arg(long)]
    json: bool,
}

impl History {
    pub(super) fn run(self) -> Result<(), Exit> {
        let options = Options { level: self.level, ..Options::default() };
        let select = Select { scenario: self.scenario, metric: self.metric, options };
        if conform::is_kept(&self.folder) {
            return Err(Exit::Input(format!(
                "{} is a result of `flowgauge conform`, which has no figures to follow over time: `flowgauge compare BASE NEW` \
                 tells what changed between two",
                self.folder.display()
            )));
        }
        let history = history::read(&self.folder, &select).map_err(Exit::input)?;
        if let Some(path) = &self.svg {
            let svg = picture::render(&history).map_err(Exit::input)?;
            std::fs::write(path, svg)
                .map_err(|e| Exit::Environment(format!("cannot write {}: {e}; choose another file", path.display())))?;
        }
        if self.json {
            let mut json = serde_json::to_string_pretty(&history).map_err(Exit::input)?;
            json.push('\n');
            return print(&json);
        }
        print(&text::render(&history, display::style()))
    }
}

/// A level that 999 random orders can show.
fn level(text: &str) -> Result<f64, String> {
    let range = 0.005..=0.5;
    let level: f64 = text.parse().map_err(|_| format!("`{text}` is no number: give a probability such as 0.01"))?;
    if range.contains(&level) {
        Ok(level)
    } else {
        Err(format!("{level} is out of range: {} to {}", range.start(), range.end()))
    }
}
