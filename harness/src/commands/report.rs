//! `flowgauge report`: a kept result, rendered again.

use std::io::IsTerminal;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use flowgauge_reports::metric::Better;
use flowgauge_reports::result::Ending;
use flowgauge_reports::{RunResult, conform, format, html, table};

use super::exit::{Exit, print};
use crate::session::display;

/// Render a kept result again: for people, or for another program.
///
/// The verdicts are recomputed from the raw samples, or from the packets of a conformance run, each time. As with `bench` and
/// `conform`, the exit code is 1 when one is not good or the run did not end; what was asked for is written all the same.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// A run's folder, its result.json or conform.json, or its events.jsonl
    result: PathBuf,
    /// How to render it. Of a conformance run: table, html, json, junit, ktap, markdown
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Write to this file instead of standard output
    #[arg(long, short, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Of a conformance run: tell all that is known of known failures, too
    #[arg(long, short)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// A table for the terminal
    Table,
    /// One HTML file without a network
    Html,
    /// result.json with the verdicts recomputed
    Json,
    /// JUnit XML: a test case a row; Jenkins, GitLab, GitHub actions
    Junit,
    /// KTAP: a test point a row; kselftest, NIPA, kunit.py
    Ktap,
    /// Go benchmark lines, a line a trial; benchstat
    Benchstat,
    /// JSON of github-action-benchmark, tool customSmallerIsBetter: latency, cost, instructions
    GithubSmaller,
    /// JSON of github-action-benchmark, tool customBiggerIsBetter: throughput
    GithubBigger,
    /// JSON of Bencher (BMF)
    Bencher,
    /// OpenMetrics text; Prometheus
    Openmetrics,
    /// CSV, a line a sample; spreadsheets, pandas, R
    Csv,
    /// Markdown for a comment on a pull request
    Markdown,
}

impl Format {
    /// What the library calls it; none of those that are for people or are the result itself.
    const fn exchanged(self) -> Option<format::Format> {
        Some(match self {
            Format::Table | Format::Html | Format::Json => return None,
            Format::Junit => format::Format::Junit,
            Format::Ktap => format::Format::Ktap,
            Format::Benchstat => format::Format::Benchstat,
            Format::GithubSmaller => format::Format::Github(Better::Lower),
            Format::GithubBigger => format::Format::Github(Better::Higher),
            Format::Bencher => format::Format::Bencher,
            Format::Openmetrics => format::Format::Openmetrics,
            Format::Csv => format::Format::Csv,
            Format::Markdown => format::Format::Markdown,
        })
    }
}

impl Report {
    pub(super) fn run(self) -> Result<(), Exit> {
        if conform::is_kept(&self.result) {
            return self.conformance();
        }
        let result = RunResult::load(&self.result).map_err(Exit::input)?;
        let text = match (self.format, self.format.exchanged()) {
            (_, Some(exchanged)) => format::render(&result, exchanged).map_err(Exit::input)?,
            (Format::Html, _) => html::render(&result).map_err(Exit::input)?,
            (Format::Json, _) => {
                let mut text = serde_json::to_string_pretty(&result).map_err(Exit::input)?;
                text.push('\n');
                text
            }
            (_, None) => {
                let style = if self.out.is_some() { display::plain() } else { display::style() };
                table::render(&result, style)
            }
        };
        self.write(&text)?;
        if result.ending == Ending::Complete && result.judgement.good() { Ok(()) } else { Err(Exit::Verdict) }
    }

    /// A conformance run; where it was over several kernels, all of them.
    fn conformance(self) -> Result<(), Exit> {
        let results = conform::load(&self.result).map_err(Exit::input)?;
        let text = match self.format {
            Format::Table => {
                let style = if self.out.is_some() { display::plain() } else { display::style() };
                let each = results.iter().enumerate().map(|(index, result)| {
                    let again = |case: &conform::CaseResult| conform::repeat(result, index, case);
                    conform::text::render(result, style, self.verbose, &again)
                });
                each.collect::<Vec<_>>().join("\n")
            }
            Format::Html => conform::html::render(&results).map_err(Exit::input)?,
            Format::Json => match &results[..] {
                [one] => serde_json::to_string(one).map_err(Exit::input)? + "\n",
                _ => {
                    return Err(Exit::input(
                        "--format json is for one kernel: give the folder of one of the run's kernels",
                    ));
                }
            },
            Format::Junit => conform::junit::render(&results),
            Format::Ktap => conform::ktap::render(&results),
            // Of mutants the page of who noticed them, else what there is to act on.
            Format::Markdown if results.iter().any(|result| !result.mutants.is_empty()) => {
                results.iter().map(conform::markdown::render).collect::<Vec<_>>().join("\n")
            }
            Format::Markdown => conform::bugs::render(&results),
            other => {
                let name = other.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned());
                return Err(Exit::Input(format!(
                    "--format {name} is for figures, and {} is a conformance result, which has none: take table, html, \
                     json, junit, ktap or markdown",
                    self.result.display()
                )));
            }
        };
        self.write(&text)?;
        if results.iter().all(conform::ConformResult::is_good) { Ok(()) } else { Err(Exit::Verdict) }
    }

    fn write(&self, text: &str) -> Result<(), Exit> {
        match &self.out {
            Some(path) => std::fs::write(path, text)
                .map_err(|e| Exit::Environment(format!("cannot write {}: {e}", path.display()))),
            None if matches!(self.format, Format::Html) && std::io::stdout().is_terminal() => {
                Err(Exit::input("the page is for a browser: give a file with --out report.html, or pipe it"))
            }
            None => print(text),
        }
    }
}
