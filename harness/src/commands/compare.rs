//! `flowgauge compare`: what changed between two results.

use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use flowgauge_reports::compare::{self, Aspect, Comparison, Effect, Explained, FailOn, Metrics, Options};
use flowgauge_reports::conform::{self, ConformResult};

use flowgauge_scenarios::nearest::suggestion;

use super::exit::{Exit, print};
use crate::session::display;

const EXAMPLES: &str = "\
Examples:
  flowgauge compare base/ new/                     two runs, or two folders of runs: samples are pooled by row
  flowgauge compare base/ new/ --effect 1%         a change counts from 1 % on
  flowgauge compare run/ run/ --base-kernel 6.12 --new-kernel 7.2
  flowgauge compare base/ new/ --fail-on inconclusive,missing --json
  flowgauge compare base/ new/ --explain --svg why.svg
                                                   which functions a change comes from, of runs of `bench --explain`
  flowgauge compare results/RUN/debian-6.12 results/RUN/debian-newest
                                                   of two runs of `conform`: which cells are worse, which are better

Verdicts: regressed, improved, equivalent (any change is below the smallest that matters), inconclusive (with how
many more samples would decide), unproven (the row is not good by itself on a side).

Exit codes: 0 no regression; 1 a regression (of conformance: a cell is worse), or what --fail-on names; 2 not comparable or wrong
input.";

/// Compare two results: regressed, improved, equivalent or inconclusive, row by row
///
/// BASE and NEW are a run's folder, a result.json, an events.jsonl, or a folder of runs. What is not comparable is refused,
/// and the differences are named; another kernel is what comparisons are for. Of two conformance results the cells are listed
/// that stand elsewhere than before.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Compare {
    /// What to compare with
    base: PathBuf,
    /// What to compare
    new: PathBuf,
    /// The smallest change that matters, in percent; else 3 % by the wall clock and 0.5 % by the instruction clock
    #[arg(long, value_name = "PERCENT", value_parser = share)]
    effect: Option<f64>,
    /// In what the sides may differ although it changes figures: clock, accelerator, cpu, emulator, cpus, memory, driver,
    /// settings, plan, kernel (builds of one release)
    #[arg(long, value_delimiter = ',', value_name = "WHAT", value_parser = aspect)]
    allow: Vec<Aspect>,
    /// Compare these metrics instead of the one that stands for each row (throughput, instructions, time-per-packet,
    /// cost, latency-p50, latency-p99), or `all`
    #[arg(long, value_delimiter = ',', value_name = "NAME")]
    metric: Vec<String>,
    /// End with 1 on these too: inconclusive, missing (NEW lacks a row), unproven, changed (improved too)
    #[arg(long, value_delimiter = ',', value_name = "WHAT", value_parser = fail_on)]
    fail_on: Vec<FailOn>,
    /// Only rows of BASE of this kernel: the beginning of its release (6.12), or where it came from (debian:6.12)
    #[arg(long, value_name = "KERNEL")]
    base_kernel: Option<String>,
    /// Only rows of NEW of this kernel
    #[arg(long, value_name = "KERNEL")]
    new_kernel: Option<String>,
    /// Name the functions and stages that changes come from: of rows that got worse or better, or of all with
    /// --explain=all. Both sides must have been measured with `bench --explain`
    #[arg(long, value_enum, value_name = "ROWS", num_args = 0..=1, require_equals = true, default_missing_value = "changed")]
    explain: Option<Rows>,
    /// Also draw what --explain says into this file
    #[arg(long, value_name = "FILE", requires = "explain")]
    svg: Option<PathBuf>,
    /// Print JSON (compare.schema.json) instead of a table
    #[arg(long)]
    json: bool,
}

/// Which rows are explained.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Rows {
    /// Those that got worse or better
    Changed,
    /// Every row that was sampled on both sides
    All,
}

/// `2`, `2%` or `0.5 %` as a share.
fn share(text: &str) -> Result<f64, String> {
    let number = text.trim().trim_end_matches('%').trim_end();
    match number.parse::<f64>() {
        Ok(percent) if percent.is_finite() && percent > 0.0 && percent < 100.0 => Ok(percent / 100.0),
        _ => Err("give percent, above 0 and below 100: 1% or 0.5%".to_owned()),
    }
}

fn aspect(text: &str) -> Result<Aspect, String> {
    one_of(&Aspect::ALL, Aspect::name, text)
}

fn fail_on(text: &str) -> Result<FailOn, String> {
    one_of(&FailOn::ALL, FailOn::name, text)
}

fn one_of<T: Copy>(all: &[T], name: fn(T) -> &'static str, text: &str) -> Result<T, String> {
    let found = all.iter().copied().find(|&item| name(item) == text);
    found.ok_or_else(|| suggestion(text, all.iter().map(|&item| name(item))))
}

/// The picture of what was explained. Where nothing was there is nothing to draw, and no file.
fn draw(comparison: &Comparison, path: &Path) -> Result<(), Exit> {
    let svg = compare::explained_svg(comparison)
        .map_err(|e| Exit::Environment(format!("cannot draw the picture of the differences: {e}")))?;
    svg.map_or(Ok(()), |svg| {
        std::fs::write(path, svg)
            .map_err(|e| Exit::Environment(format!("cannot write {}: {e}; choose another file", path.display())))
    })
}

impl Compare {
    pub(super) fn run(self) -> Result<(), Exit> {
        match (conform::is_kept(&self.base), conform::is_kept(&self.new)) {
            (true, true) => return self.conformance(),
            (false, false) => {}
            (base, _) => {
                let (one, other) = if base { (&self.base, &self.new) } else { (&self.new, &self.base) };
                return Err(Exit::Input(format!(
                    "{} is a result of `flowgauge conform` and {} is none: compare two of the same kind",
                    one.display(),
                    other.display()
                )));
            }
        }
        let base = compare::load(&self.base).map_err(Exit::input)?;
        let new = compare::load(&self.new).map_err(Exit::input)?;
        let (fail_on, json, svg) = (self.fail_on.clone(), self.json, self.svg.clone());
        let explained = self.explain.map(|rows| match rows {
            Rows::Changed => Explained::Changed,
            Rows::All => Explained::All,
        });
        let options = self.options();
        let mut comparison = compare::compare(&base, &new, &options).map_err(Exit::input)?;
        if let Some(which) = explained {
            compare::explain(&base, &new, &options, which, &mut comparison).map_err(Exit::input)?;
        }
        let text = if json {
            let mut text = serde_json::to_string_pretty(&comparison).map_err(Exit::input)?;
            text.push('\n');
            text
        } else {
            let style = display::style();
            let why = explained.map(|_| compare::render_explained(&comparison, style));
            compare::render(&comparison, style) + &why.unwrap_or_default()
        };
        print(&text)?;
        if let Some(path) = svg {
            draw(&comparison, &path)?;
        }
        if comparison.fails(&fail_on) { Err(Exit::Verdict) } else { Ok(()) }
    }

    /// Two conformance results: what cells come to, and no figures.
    fn conformance(self) -> Result<(), Exit> {
        let figures = [
            (self.effect.is_some(), "--effect"),
            (!self.allow.is_empty(), "--allow"),
            (!self.metric.is_empty(), "--metric"),
            (!self.fail_on.is_empty(), "--fail-on"),
            (self.base_kernel.is_some(), "--base-kernel"),
            (self.new_kernel.is_some(), "--new-kernel"),
            (self.explain.is_some(), "--explain"),
        ];
        if let Some((_, option)) = figures.iter().find(|(given, _)| *given) {
            return Err(Exit::Input(format!(
                "{option} is for figures, and these are conformance results: leave it out"
            )));
        }
        let one = |path: &Path| {
            let results = conform::load(path).map_err(Exit::input)?;
            let [one] = <[ConformResult; 1]>::try_from(results).map_err(|several| {
                let kernels = several.iter().filter_map(|one| one.environment.as_ref());
                let kernels: Vec<&str> = kernels.map(|environment| environment.kernel_release.as_str()).collect();
                Exit::Input(format!(
                    "{} has the results of several kernels ({}): give the folder of one of them",
                    path.display(),
                    kernels.join(", ")
                ))
            })?;
            Ok::<ConformResult, Exit>(one)
        };
        let comparison = conform::compare(&one(&self.base)?, &one(&self.new)?);
        print(&if self.json {
            serde_json::to_string_pretty(&comparison).map_err(Exit::input)? + "\n"
        } else {
            comparison.render(display::style())
        })?;
        if comparison.is_good() { Ok(()) } else { Err(Exit::Verdict) }
    }

    fn options(self) -> Options {
        let metrics = match self.metric {
            names if names.is_empty() => Metrics::First,
            names if names.iter().any(|name| name == "all") => Metrics::All,
            names => Metrics::Named(names),
        };
        Options {
            effect: self.effect.map_or_else(Effect::default, |share| Effect { wall: share, instructions: share }),
            allow: self.allow.into_iter().collect(),
            metrics,
            base_kernel: self.base_kernel,
            new_kernel: self.new_kernel,
        }
    }
}
