//! A history for the terminal: a line of bars for each series, and its changes in words.

use std::fmt::Write;

use super::divisive::fewest;
use super::series::{History, Point, Series};
use super::wording;
use crate::html::utc;
use crate::numbers::whole;
use crate::stats::median;
use crate::table::Style;

/// How many of a kind are listed; the rest is counted.
const SHOWN: usize = 5;

/// The whole history as text, a newline at its end.
pub fn render(history: &History, style: Style) -> String {
    let mut text = String::new();
    let count = |n: usize, one: &str, many: &str| format!("{} {}", whole(n as u64), if n == 1 { one } else { many });
    let _ = write!(text, "{}", count(history.runs.len(), "run", "runs"));
    if let (Some(first), Some(last)) = (history.runs.first(), history.runs.last()) {
        let _ = write!(text, ", {} to {}", utc(first.unix_s), utc(last.unix_s));
    }
    let (changes, worse) = history
        .series
        .iter()
        .flat_map(|s| &s.changes)
        .fold((0, 0), |(all, worse), change| (all + 1, worse + usize::from(change.worse)));
    let _ = writeln!(
        text,
        "; {} in {}, {} for the worse",
        count(changes, "change", "changes"),
        count(history.series.len(), "series", "series"),
        whole(worse as u64)
    );
    for series in &history.series {
        let _ = writeln!(text, "\n{}", bold(&wording::title(series), style));
        block(&mut text, history, series, style);
    }
    if !history.unreadable.is_empty() {
        let _ = writeln!(text, "\n{}", bold("Results that cannot be read", style));
        let lines = history.unreadable.iter().map(|u| format!("{}: {}", u.path, u.why));
        list(&mut text, "- ", lines.collect());
    }
    text
}

fn block(text: &mut String, history: &History, series: &Series, style: Style) {
    let values: Vec<f64> = series.points.iter().filter_map(Point::value).collect();
    if let (Some(last), Some((least, most))) = (values.last(), ends(&values)) {
        let value = |value: f64| wording::value(value, most - least, series.unit);
        let width = usize::from(style.width).saturating_sub(4).clamp(20, 400);
        let (bars, marks) = line(series, least, most, width);
        let _ = writeln!(text, "  {bars}");
        if !marks.is_empty() {
            let _ = writeln!(text, "  {marks}");
        }
        let _ = writeln!(
            text,
            "  last {}, between {} and {} over {} of {} runs",
            value(*last),
            value(least),
            value(most),
            whole(values.len() as u64),
            whole(series.points.len() as u64)
        );
    }
    let needed = fewest(history.level);
    if values.len() < needed {
        let _ = writeln!(text, "  {} runs count; a change can be told from chance from {needed} on", values.len());
    }
    for change in &series.changes {
        let line = wording::change(history, series, change);
        let _ = writeln!(text, "  {}", coloured(&line, change.worse, style));
    }
    list(text, "  ", series.breaks.iter().map(|b| wording::broken(history, series, b)).collect());
    list(text, "  ", left_out(history, series));
}

/// Why points do not count, a line for each reason, in the order in which the reasons came up last.
fn left_out(history: &History, series: &Series) -> Vec<String> {
    let mut reasons: Vec<(&str, usize, usize)> = Vec::new();
    for point in &series.points {
        let Some(why) = point.left_out.as_deref() else { continue };
        let before = reasons.iter().position(|reason| reason.0 == why).map_or(0, |at| reasons.remove(at).1);
        reasons.push((why, before + 1, point.run));
    }
    let line = |(why, count, last): (&str, usize, usize)| {
        let last = wording::run(history, last);
        let text = if count == 1 { last } else { format!("{count} runs, the last {last}") };
        crate::wording::printable(&format!("left out: {text}: {why}"))
    };
    reasons.into_iter().map(line).collect()
}

/// The latest of many lines, and how many there were before.
fn list(text: &mut String, lead: &str, lines: Vec<String>) {
    let hidden = lines.len().saturating_sub(SHOWN);
    if hidden > 0 {
        let _ = writeln!(text, "{lead}({hidden} more before these)");
    }
    for line in &lines[hidden..] {
        let _ = writeln!(text, "{lead}{line}");
    }
}

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// A bar a run, or a bar for some runs where there are more than columns; below it `^` where the value changed and `|`
/// where it became another one's. A dot is a run that does not count.
fn line(series: &Series, least: f64, most: f64, width: usize) -> (String, String) {
    let runs = series.points.len().div_ceil(width).max(1);
    let bar = |value: f64| {
        let share = if most > least { (value - least) / (most - least) } else { 0.5 };
        BARS[((share * BARS.len() as f64) as usize).min(BARS.len() - 1)]
    };
    let (mut bars, mut marks) = (String::new(), String::new());
    for (index, points) in series.points.chunks(runs).enumerate() {
        let values: Vec<f64> = points.iter().filter_map(Point::value).collect();
        bars.push(median(&values).map_or('·', bar));
        let here = |at: usize| at / runs == index;
        marks.push(match () {
            () if series.changes.iter().any(|change| here(change.at)) => '^',
            () if series.breaks.iter().any(|b| here(b.at)) => '|',
            () => ' ',
        });
    }
    (bars, marks.trim_end().to_owned())
}

/// The least and the greatest of some values; none of none.
pub(super) fn ends(values: &[f64]) -> Option<(f64, f64)> {
    let least = values.iter().copied().reduce(f64::min)?;
    Some((least, values.iter().copied().reduce(f64::max)?))
}

fn bold(text: &str, style: Style) -> String {
    if style.colour { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
}

fn coloured(text: &str, worse: bool, style: Style) -> String {
    let colour = if worse { 31 } else { 32 };
    if style.colour { format!("\x1b[{colour}m{text}\x1b[0m") } else { text.to_owned() }
}
