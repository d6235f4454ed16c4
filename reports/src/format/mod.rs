//! A result as other programs read it: one file a format.
//!
//! All of them are made from the same cases, a case a row of the judgement, and from nothing of a row's numbers but its
//! [`Metric`](crate::metric::Metric)s. Two rules hold in each:
//!
//! - A verdict that is not good is a failure, also where the path could not be proven. A hole is skipped, with its reason.
//! - What follows numbers over time (Go benchmark lines, github-action-benchmark, Bencher, OpenMetrics) gets them of good
//!   rows only: a number without a proof is not a result. The others show every number beside its verdict.
//!
//! Names in a result may have been written by anybody. Each format escapes them by its own rules.

mod bencher;
mod benchstat;
mod case;
mod csv;
mod github;
pub(crate) mod junit;
mod ktap;
mod markdown;
pub(crate) mod name;
mod openmetrics;
mod symbol;

use crate::metric::Better;
use crate::result::RunResult;

/// A format that another program reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JUnit XML, as Jenkins and GitLab read it.
    Junit,
    /// KTAP, as the kernel's kselftest writes it and NIPA and kunit.py read it.
    Ktap,
    /// Go benchmark lines, a line a trial, for benchstat.
    Benchstat,
    /// JSON of github-action-benchmark: one file for what should be small, one for what should be large.
    Github(Better),
    /// Bencher Metric Format, JSON.
    Bencher,
    /// OpenMetrics text, which Prometheus reads too.
    Openmetrics,
    /// CSV, a line a sample.
    Csv,
    /// Markdown for a comment on a pull request.
    Markdown,
}

/// Why a format cannot be made. All of these are faults of flowgauge: every result has every format.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The XML could not be written.
    #[error("cannot write the result as JUnit XML: {0}")]
    Xml(#[from] quick_junit::SerializeError),
    /// The JSON could not be written.
    #[error("cannot write the result as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// The result in a format, a newline at its end.
///
/// # Errors
/// When a library refuses to write what it was given.
pub fn render(result: &RunResult, format: Format) -> Result<String, FormatError> {
    Ok(match format {
        Format::Junit => junit::render(result)?,
        Format::Ktap => ktap::render(result),
        Format::Benchstat => benchstat::render(result),
        Format::Github(better) => github::render(result, better)?,
        Format::Bencher => bencher::render(result)?,
        Format::Openmetrics => openmetrics::render(result),
        Format::Csv => csv::render(result),
        Format::Markdown => markdown::render(result),
    })
}

#[cfg(test)]
mod tests;
