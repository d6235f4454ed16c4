//! Markdown (GitHub Flavored; GitLab reads the same) for a comment on a pull request: a table of all rows, then what is not
//! good and what could not be measured.
//!
//! A forge turns text into links, pings and pictures. So every sign of a text of others that could begin something is an entity or
//! is followed by a word joiner.

use std::fmt::Write;

use flowgauge_scenarios::Datapath;

use super::case::{Case, Outcome, cases, failures_of_the_run};
use super::name::line;
use crate::judge::Gain;
use crate::metric::Metric;
use crate::numbers;
use crate::result::RunResult;
use crate::wording::{self, SIMULATED};

/// A comment may have 65,536 characters on GitHub; the rest of it is for what surrounds table and list.
const MOST: usize = 28_000;

/// The result as Markdown.
pub(super) fn render(result: &RunResult) -> String {
    let cases = cases(result);
    let failures = failures_of_the_run(result);
    // By this line a script finds the comment that it is to replace.
    let mut text = String::from("<!-- flowgauge -->\n");
    let count = |word| cases.iter().filter(|case| case.outcome.word() == word).count();
    let _ = writeln!(
        text,
        "### flowgauge: {}\n\n{} good, {} bad, {} unproven, {} not measured.  ",
        if result.judgement.good() && failures.is_empty() { "good" } else { "not good" },
        count("good"),
        count("bad"),
        count("unproven"),
        count("skipped")
    );
    let _ = writeln!(
        text,
        "{}. Medians with 95 % intervals.\n",
        sentence(&wording::kernel_and_clock(result.environment.as_ref()))
    );
    table(&mut text, &cases);
    if let Some(why) = wording::simulated(&result.judgement.rows) {
        let _ = writeln!(text, "{SIMULATED} {}\n", sentence(&why));
    }
    let not_good = cases.iter().filter(|case| matches!(case.outcome, Outcome::Bad(_) | Outcome::Unproven(_)));
    let reasons = not_good.map(|c| format!("- {}: {}: {}", named(c), c.outcome.word(), sentence(c.outcome.why())));
    let of_the_run = failures.iter().map(|why| format!("- {}", sentence(why)));
    list(&mut text, "**Not good**\n\n", of_the_run.chain(reasons), "");
    let skipped = cases.iter().filter(|case| matches!(case.outcome, Outcome::Skipped(_)));
    let holes = skipped.map(|c| format!("- {}: {}", named(c), sentence(c.outcome.why())));
    list(&mut text, "<details><summary>Not measured</summary>\n\n", holes, "\n</details>\n");
    text
}

/// The rows with a number in any metric that one of them has. Rows that are good go first where it would be too long.
fn table(text: &mut String, cases: &[Case<'_>]) {
    let measured: Vec<&Case<'_>> = cases.iter().filter(|case| case.row.is_some()).collect();
    let mut metrics: Vec<&str> = Vec::new();
    for metric in measured.iter().flat_map(|case| &case.metrics) {
        if !metrics.contains(&metric.name) {
            metrics.push(metric.name);
        }
    }
    let mut left = MOST;
    let mut rows: Vec<(usize, String)> = Vec::new();
    for good in [false, true] {
        for (index, case) in measured.iter().enumerate().filter(|(_, case)| (case.outcome == Outcome::Good) == good) {
            let row = row(case, &metrics);
            left = left.saturating_sub(row.len());
            if left > 0 {
                rows.push((index, row));
            }
        }
    }
    rows.sort_unstable_by_key(|(index, _)| *index);
    if rows.is_empty() {
        return;
    }
    let heads: String = metrics.iter().map(|name| format!(" {name} |")).collect();
    let _ = writeln!(text, "| scenario | datapath |{heads} of {} | path | verdict |", Datapath::BASELINE.name());
    let _ = writeln!(text, "|---|---|{}--:|---|---|", "--:|".repeat(metrics.len()));
    rows.iter().for_each(|(_, row)| text.push_str(row));
    if rows.len() < measured.len() {
        let _ = writeln!(text, "\n{} more rows are in the result.", measured.len() - rows.len());
    }
    text.push('\n');
}

fn row(case: &Case<'_>, metrics: &[&str]) -> String {
    let mark = if case.simulated() { SIMULATED } else { "" };
    let number = |name: &&str| {
        let found: Option<&Metric> = case.metrics.iter().find(|m| m.name == *name);
        let figure = found.map_or_else(String::new, |m| {
            format!("{}{mark} [{}]", numbers::median(&m.estimate), numbers::interval(&m.estimate).replace('*', ""))
        });
        format!(" {} |", figure)
    };
    let numbers_of_it: String = metrics.iter().map(number).collect();
    let ratio = |gain: Gain| {
        let least = if gain.lower_bound { "≥ " } else { "" };
        gain.throughput.or(gain.net).map(|e| format!("{least}{}{mark}", numbers::median(&e)))
    };
    let gain = match case.row {
        Some(row) if row.datapath == Datapath::BASELINE => "baseline".to_owned(),
        row => row.and_then(|row| row.gain).and_then(ratio).unwrap_or_default(),
    };
    let path = case.row.map_or_else(String::new, |row| sentence(&row.proof.label()));
    let verdict = match &case.outcome {
        Outcome::Good => "good".to_owned(),
        other => format!("**{}**", other.word()),
    };
    format!("| {} | {} |{numbers_of_it} {gain} | {path} | {verdict} |\n", code(&case.scenario), datapath(case))
}

fn datapath(case: &Case<'_>) -> String {
    if case.kernels { format!("{} {}", case.datapath, code(&case.kernel)) } else { case.datapath.clone() }
}

fn named(case: &Case<'_>) -> String {
    format!("{} on {}", code(&case.scenario), datapath(case))
}

/// A list, as much of it as a comment has room for; nothing where it is empty.
fn list(text: &mut String, head: &str, items: impl Iterator<Item = String>, tail: &str) {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return;
    }
    text.push_str(head);
    let mut left = MOST / 2;
    for (index, item) in items.iter().enumerate() {
        if item.len() > left {
            let _ = writeln!(text, "- {} more are in the result", items.len() - index);
            break;
        }
        left -= item.len();
        let _ = writeln!(text, "{item}");
    }
    text.push_str(tail);
    text.push('\n');
}

/// A name: the forge looks for nothing in code.
fn code(name: &str) -> String {
    format!("<code>{}</code>", sentence(name))
}

/// A line of text in which nobody is pinged, nothing is linked and nothing is markup.
fn sentence(text: &str) -> String {
    // Forges look for these after entities were resolved, so an entity would not hide them.
    let apart = [("@", "@\u{2060}"), ("#", "#\u{2060}"), ("://", ":\u{2060}//"), ("www.", "www\u{2060}.")];
    entities(&apart.iter().fold(line(text), |text, (found, joined)| text.replace(found, joined)))
}

/// ASCII signs as entities, but for those that begin nothing inside of a line.
fn entities(text: &str) -> String {
    let harmless = |c: char| !c.is_ascii_punctuation() || "%,;()?'-.+/".contains(c);
    text.chars().map(|c| if harmless(c) { c.to_string() } else { format!("&#{};", u32::from(c)) }).collect()
}
