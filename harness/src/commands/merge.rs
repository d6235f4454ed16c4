//! `flowgauge merge`: the results of a plan's shards, joined into one.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use flowgauge_reports::history::runs_in;
use flowgauge_reports::merge::{Allowance, Piece, merge};
use flowgauge_reports::result::Ending;
use flowgauge_reports::{RunResult, html, table};

use super::exit::{Exit, print};
use crate::session::display;

const EXAMPLES: &str = "\
Examples:
  flowgauge bench udp-ipv4 udp-ipv6 --seed 1 --shard 1/2 --out shards
  flowgauge bench udp-ipv4 udp-ipv6 --seed 1 --shard 2/2 --out shards
  flowgauge merge shards --out whole                every step of the plan, once: as if it had been one run";

/// Join the results of a plan's shards into one.
///
/// Refuses what is not one plan in one environment, and names the difference. As with `bench`, the exit code is 1 when a
/// verdict is not good. There is no events.jsonl: events are the course of one run, and stay with the shards.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Merge {
    /// Results of shards, or folders that hold them
    #[arg(required = true, value_name = "SHARD")]
    shards: Vec<PathBuf>,
    /// Folder that gets result.json and report.html; it must not hold a result yet
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// Join all the same: shards of other CPUs, or what there is where shards are missing or failed
    #[arg(long, value_enum, value_delimiter = ',', value_name = "WHAT")]
    allow: Vec<Allow>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Allow {
    /// Shards that ran on other CPUs
    Cpu,
    /// Shards that are missing or did not end
    Missing,
}

impl Merge {
    pub(super) fn run(self) -> Result<(), Exit> {
        let allowed: BTreeSet<Allowance> = self
            .allow
            .iter()
            .map(|allow| match allow {
                Allow::Cpu => Allowance::Cpu,
                Allow::Missing => Allowance::Missing,
            })
            .collect();
        // One of another run would belie the result beside it.
        let held = ["result.json", "events.jsonl"].iter().find(|name| self.out.join(name).exists());
        if let Some(name) = held {
            return Err(Exit::Input(format!("{} is there already: give another --out", self.out.join(name).display())));
        }
        let result = merge(pieces(&self.shards)?, &allowed).map_err(Exit::input)?;
        keep(&self.out, &result)?;
        let mut text = table::render(&result, display::style());
        for (what, name) in [("report", "report.html"), ("result", "result.json")] {
            text += &format!("{}{what}  {}\n", if what == "report" { "\n" } else { "" }, self.out.join(name).display());
        }
        print(&text)?;
        if result.ending == Ending::Complete && result.judgement.good() { Ok(()) } else { Err(Exit::Verdict) }
    }
}

fn pieces(paths: &[PathBuf]) -> Result<Vec<Piece>, Exit> {
    // By where they really are: a run and `LAST`, which points at it, may both have been named.
    let mut found = BTreeMap::new();
    for path in paths {
        // A file is a result by itself; a folder may hold many.
        let runs = if path.is_file() { vec![path.clone()] } else { runs_in(path).map_err(Exit::input)? };
        found.extend(runs.into_iter().map(|run| (fs::canonicalize(&run).unwrap_or_else(|_| run.clone()), run)));
    }
    let piece = |path: PathBuf| {
        let result = RunResult::load(&path).map_err(Exit::input)?;
        Ok(Piece { label: path.display().to_string(), result })
    };
    found.into_values().map(piece).collect()
}

/// Writes the result and its page.
fn keep(folder: &Path, result: &RunResult) -> Result<(), Exit> {
    let failed = |path: &Path, e: &dyn std::fmt::Display| {
        Exit::Environment(format!("cannot write {}: {e}; choose another folder with --out", path.display()))
    };
    fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
    result.save(folder.join("result.json")).map_err(|e| Exit::Environment(e.to_string()))?;
    let page = html::render(result).map_err(Exit::input)?;
    let path = folder.join("report.html");
    fs::write(&path, page).map_err(|e| failed(&path, &e))
}
