//! The page: one HTML file that needs no network and no scripts. A row for each case, a column for each datapath of each kernel;
//! a case opens to its instances, and what did not pass to its packets, decoded beside those of the reference.

mod attention;
mod bytes;
mod detail;
mod fuzz;
mod kernel;
mod packets;
mod rows;
mod rulesets;

use askama::Template;

use super::ConformResult;
use super::cell::{Cell, Standing, Tally, cells, verdict};
pub(super) use detail::{Depth, StepView, steps};

use attention::{Attention, attention};
use kernel::Kernel;
use rows::{Column, Section};
use rulesets::RulesetView;

/// A page beyond this is too much for a browser; then cells that fail like others carry less.
const LARGEST: usize = 9_500_000;

#[derive(Template)]
#[template(path = "conform.html")]
struct Page<'a> {
    run: &'a str,
    good: bool,
    when: String,
    answers: Vec<String>,
    columns: &'a [Column<'a>],
    /// Titles of the columns: a kernel's name over so many of its datapaths.
    heads: Vec<(&'a str, usize)>,
    /// Where cases stand, and how many have a cell there: what can be chosen.
    outcomes: Vec<(Standing, usize)>,
    /// How many cases have a cell to act on.
    to_act_on: usize,
    cases: usize,
    attention: Vec<Attention<'a>>,
    sections: Vec<Section<'a>>,
    rulesets: Vec<RulesetView>,
    kernels: Vec<Kernel<'a>>,
}

/// The page of the results of one run, one for each kernel.
///
/// # Errors
/// When the template cannot be filled in, which is a fault of flowgauge.
pub fn render(results: &[ConformResult]) -> Result<String, std::fmt::Error> {
    let mut page = String::new();
    for depth in [Depth::Whole, Depth::Differing, Depth::First] {
        page = at_depth(results, depth)?;
        if page.len() <= LARGEST {
            break;
        }
    }
    Ok(page)
}

fn at_depth(results: &[ConformResult], depth: Depth) -> Result<String, std::fmt::Error> {
    let all: Vec<Vec<Cell<'_>>> = results.iter().map(cells).collect();
    let columns = rows::columns(results, &all);
    let first = results.first();
    let answers = results.iter().zip(&all).map(|(result, cells)| {
        let sentence = verdict(result, cells);
        if results.len() > 1 { format!("Kernel {}: {sentence}", release(result)) } else { sentence }
    });
    let mut heads: Vec<(&str, usize)> = Vec::new();
    for (result, cells) in results.iter().zip(&all) {
        heads.push((release(result), super::cell::datapaths(cells).len()));
    }
    let mut sections = rows::sections(results, &all, &columns, depth);
    let rulesets = rulesets::number(results, &mut sections);
    let rows = || sections.iter().flat_map(|section| &section.cases);
    let having = |standing| rows().filter(|row| row.standings.contains(&standing)).count();
    let outcomes = Standing::ALL.map(|standing| (standing, having(standing))).into_iter().filter(|(_, n)| *n > 0);
    let page = Page {
        run: first.map_or("", |result| result.start.run.as_str()),
        good: results.iter().all(ConformResult::is_good),
        when: first.map_or_else(String::new, |result| crate::html::utc(result.start.unix_s)),
        answers: answers.collect(),
        outcomes: outcomes.collect(),
        to_act_on: rows().filter(|row| row.alarming()).count(),
        cases: rows().count(),
        attention: attention(&sections),
        rulesets,
        sections,
        columns: &columns,
        heads,
        kernels: results.iter().zip(&all).map(|(result, cells)| Kernel::new(result, cells)).collect(),
    };
    page.render().map_err(|_| std::fmt::Error)
}

/// The kernel of a result, as people call it.
fn release(result: &ConformResult) -> &str {
    result.environment.as_ref().map_or("unknown", |environment| environment.kernel_release.as_str())
}

/// How many stand where, as chips.
fn chips(tally: &Tally) -> Vec<(&'static str, String)> {
    tally.counts().map(|(standing, count)| (standing.class(), format!("{count} {}", standing.name()))).collect()
}
