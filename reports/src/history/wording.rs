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

/// `58.1 kpps`, with more digits where others beside it differ by no more than `apart`: `1513.2 instr`.
pub(super) fn value(value: f64, apart: f64, unit: Unit) -> String {
    let scale = scale(unit, value);
    let (value, apart) = (value / scale.by, apart.abs() / scale.by);
    let shown = match -apart.log10().floor() {
        // Two digits of what they differ by.
        needed if needed.is_finite() && needed >= 0.0 && value.abs() >= 1.0 => {
            let plain = digits(value);
            let decimals = (needed as usize + 1).min(6);
            let has = plain.split_once('.').map_or(0, |(_, decimals)| decimals.len());
            if has < decimals { format!("{value:.decimals$}") } else { plain }
        }
        _ => digits(value),
    };
    format!("{shown}\u{a0}{}", scale.name)
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
    let apart = change.to - change.from;
    let (from, to) = (value(change.from, apart, series.unit), value(change.to, apart, series.unit));
    let since = run(history, change.first_after);
    let text = format!("{}: {from} -> {to} since {since}, p = {:.3}{also}", percent(change), change.p);
    format!("{} {}", direction(change), printable(&text))
}

/// `not comparable from RUN (DATE) on: traffic.flows 1000, not 100`.
pub(super) fn broken(history: &History, series: &Series, at: &Break) -> String {
    let run = run(history, series.points.get(at.at).map_or(usize::MAX, |point| point.run));
    format!("not comparable from {run} on: {}", difference::some(&at.differences))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_show_as_many_digits_as_tell_them_apart() {
        let said =
            |a: f64, b: f64, unit| [value(a, b - a, unit), value(b, b - a, unit)].map(|s| s.replace('\u{a0}', " "));
        assert_eq!(
            said(1513.21, 1514.87, Unit::InstructionsPerPacket).map(|s| s[..6].to_owned()),
            ["1513.2", "1514.9"]
        );
        assert_eq!(said(58_000.0, 50_000.0, Unit::FramesPerSecond), ["58.0 kpps", "50.0 kpps"]);
        assert_eq!(said(58_000.0, 57_990.0, Unit::FramesPerSecond), ["58.000 kpps", "57.990 kpps"]);
        assert_eq!(said(58_000.0, 58_000.0, Unit::FramesPerSecond)[0], "58.0 kpps");
        assert_eq!(said(0.0, 0.5, Unit::Ratio).len(), 2);
    }
}
