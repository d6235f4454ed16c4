//! What text and picture of a history say in the same words.

use super::change::Change;
use super::series::{Break, History, Series};
use crate::html::utc;
use crate::merge::difference;
use crate::numbers::{digits, scale};
use crate::stats::Unit;
use crate::wording::{self, printable};

/// `udp-ipv4 on flowtable: throughput, wall clock`.
pub(super) fn title(series: &Series) -> String {
    let kernel = series.kernel.as_ref().map_or_else(String::new, |kernel| format!(", kernel {kernel}"));
    let Series { name, datapath, metric, clock, .. } = series;
    printable(&format!("{name} on {}: {metric}, {} clock{kernel}", datapath.name(), wording::clock(*clock)))
}

/// `58.1 kpps`.
pub(super) fn value(value: f64, unit: Unit) -> String {
    let scale = scale(unit, value);
    format!("{}\u{a0}{}", digits(value / scale.by), scale.name)
}

/// `-15.9 %`.
pub(super) fn percent(change: &Change) -> String {
    match change.relative {
        Some(relative) if relative.abs() < 0.00995 => format!("{:+.2}\u{a0}%", relative * 100.0),
        Some(relative) => format!("{:+.1}\u{a0}%", relative * 100.0),
        None => "from 0".to_owned(),
    }
}

/// `worse`, `better`.
pub(super) fn direction(change: &Change) -> &'static str {
    if change.worse { "worse" } else { "better" }
}

/// Run and date: `20261103-101500-5f3a (2026-11-03 10:15 UTC)`.
pub(super) fn run(history: &History, index: usize) -> String {
    history.runs.get(index).map_or_else(String::new, |note| printable(&format!("{} ({})", note.run, utc(note.unix_s))))
}

/// `worse by -15.9 %: 117 kpps -> 98.4 kpps since RUN (DATE), p = 0.001; kernel 6.12.57 -> 6.12.60`.
pub(super) fn change(history: &History, series: &Series, change: &Change) -> String {
    let note = |index: usize| history.runs.get(index);
    let mut also = String::new();
    for (what, get) in [
        ("kernel", (|n| n.kernel.as_deref()) as fn(&super::RunNote) -> Option<&str>),
        ("flowgauge", |n| n.flowgauge.as_deref()),
    ] {
        let of = |index| note(index).and_then(get);
        if let (Some(before), Some(after)) = (of(change.last_before), of(change.first_after))
            && before != after
        {
            also += &format!("; {what} {before} -> {after}");
        }
    }
    let (from, to) = (value(change.from, series.unit), value(change.to, series.unit));
    let since = run(history, change.first_after);
    let text = format!("{}: {from} -> {to} since {since}, p = {}{also}", percent(change), digits(change.p));
    format!("{} {}", direction(change), printable(&text))
}

/// `not comparable from RUN (DATE) on: traffic.flows 1000, not 100`.
pub(super) fn broken(history: &History, series: &Series, at: &Break) -> String {
    let run = run(history, series.points.get(at.at).map_or(usize::MAX, |point| point.run));
    format!("not comparable from {run} on: {}", difference::some(&at.differences))
}
