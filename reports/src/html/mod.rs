//! The page: one HTML file that needs no network, readable on paper, on a phone and in the dark.

mod chart;
mod headline;
mod latency;
mod onset;
mod scenario;
mod summary;

use askama::Template;

use crate::compare::{self, Comparison};
use crate::environment::Environment;
use crate::event::Warning;
use crate::result::{Ending, RunResult};
use crate::wording;
use scenario::ScenarioView;
use summary::SummaryRow;

/// Why a page cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum HtmlError {
    /// The template could not be filled in.
    #[error("cannot render the report page: {0}")]
    Template(#[from] askama::Error),
    /// A chart could not be drawn.
    #[error("cannot draw the chart `{chart}` of the report page: {message}")]
    Chart {
        /// The chart.
        chart: String,
        /// What the plotting library said.
        message: String,
    },
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    result: &'a RunResult,
    verdict: &'static str,
    when: String,
    ending: Option<String>,
    answers: Vec<String>,
    label: String,
    environment: Option<&'a Environment>,
    accelerator: &'static str,
    clock: &'static str,
    memory: String,
    summary: Vec<SummaryRow>,
    range_only: bool,
    simulated: Option<String>,
    gain_chart: Option<String>,
    base: &'a str,
    against: Vec<(String, String)>,
    scenarios: Vec<ScenarioView<'a>>,
    warnings: Vec<&'a Warning>,
    repeat: String,
}

/// The page of a result.
///
/// # Errors
/// When a chart cannot be drawn or the template not be filled in; both are faults of flowgauge.
pub fn render(result: &RunResult) -> Result<String, HtmlError> {
    page(result, "", Vec::new())
}

/// The page of a result with what it has more or less than `base`, by function ([`Comparison::explained`]).
///
/// # Errors
/// As [`render`].
pub fn render_against(result: &RunResult, base: &str, comparison: &Comparison) -> Result<String, HtmlError> {
    let pictures = compare::pictures(comparison).map_err(|message| HtmlError::Chart {
        chart: format!("where the difference from {base} comes from"),
        message,
    })?;
    page(result, base, pictures)
}

fn page(result: &RunResult, base: &str, against: Vec<(String, String)>) -> Result<String, HtmlError> {
    let rows = &result.judgement.rows;
    let environment = result.environment.as_ref();
    let scenarios: Result<Vec<ScenarioView<'_>>, HtmlError> =
        (0..result.plan.scenarios.len()).map(|index| ScenarioView::new(result, index)).collect();
    let page = Page {
        result,
        verdict: result.judgement.verdict.name(),
        when: utc(result.unix_s),
        ending: match &result.ending {
            Ending::Complete => None,
            Ending::Failed { message, .. } => Some(format!("The run failed: {message}")),
            Ending::Truncated => Some("The run was cut off. This is what it had measured by then.".to_owned()),
        },
        answers: headline::answers(result),
        label: wording::kernel_and_clock(environment),
        environment,
        accelerator: environment.map_or("unknown", |e| wording::accelerator(e.accelerator)),
        clock: environment.map_or("unknown", |e| wording::clock(e.clock)),
        memory: environment.map_or_else(String::new, |e| format!("{} MiB", e.memory_bytes >> 20)),
        summary: rows.iter().map(SummaryRow::new).collect(),
        range_only: rows.iter().any(|r| r.throughput.is_some_and(|t| t.range_only)),
        simulated: wording::simulated(rows),
        gain_chart: chart::gains(rows)?,
        base,
        against,
        scenarios: scenarios?,
        warnings: result.judgement.warnings.iter().chain(&result.warnings).collect(),
        repeat: repeat(result),
    };
    Ok(page.render()?)
}

/// The command line that repeats the run in the same order; what a shell would split is quoted.
fn repeat(result: &RunResult) -> String {
    let mut words: Vec<String> = result.command.iter().map(|word| quoted(word)).collect();
    if !result.command.iter().any(|word| word == "--seed" || word.starts_with("--seed=")) {
        words.push(format!("--seed {}", result.plan.seed));
    }
    words.join(" ")
}

pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// The page's colours, light and dark, for pictures that stand alone: what its style sheet has before any rule of its own.
pub(crate) fn colours() -> &'static str {
    include_str!("../../templates/report.css").split_once("\n* {").map_or("", |(colours, _)| colours)
}

/// Seconds since 1970 as `2026-01-31 12:00 UTC` (days to date after Hinnant, "chrono-compatible date algorithms").
pub(crate) fn utc(unix_s: f64) -> String {
    let seconds = unix_s.clamp(0.0, 2.5e11) as i64;
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    format!("{year}-{month:02}-{day:02} {:02}:{:02} UTC", seconds / 3600 % 24, seconds / 60 % 60)
}

#[cfg(test)]
mod tests;
