//! Numbers as people read them: three significant digits, a unit that fits, an interval beside the median.

use crate::judge::CostBound;
use crate::stats::{Estimate, Unit};

/// A scale: what to divide by, and what to call the result.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Scale {
    pub(crate) by: f64,
    pub(crate) name: &'static str,
}

/// The scale for numbers as large as `most`.
pub(crate) fn scale(unit: Unit, most: f64) -> Scale {
    let steps: &[(f64, &'static str)] = match unit {
        Unit::FramesPerSecond => &[(1e6, "Mpps"), (1e3, "kpps"), (1.0, "pps")],
        Unit::BitsPerSecond => &[(1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"), (1.0, "bit/s")],
        Unit::Share => &[(0.01, "%")],
        Unit::Ratio => &[(1.0, "x")],
        Unit::Nanoseconds => &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")],
        Unit::InstructionsPerPacket => &[(1.0, "instr")],
        Unit::NanosecondsPerPacket => &[(1e3, "µs"), (1.0, "ns")],
    };
    let fit = steps.iter().find(|s| most.abs() >= s.0).or(steps.last());
    fit.map_or(Scale { by: 1.0, name: "" }, |&(by, name)| Scale { by, name })
}

/// Three significant digits, more before the point.
pub(crate) fn digits(value: f64) -> String {
    let rounded = match value.abs() {
        0.0 => return "0".to_owned(),
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.01 => format!("{value:.2}"),
        _ => return format!("{value:.1e}"),
    };
    grouped(&rounded)
}

/// Thousands apart, by a narrow space, from five digits on.
fn grouped(text: &str) -> String {
    let (sign, plain) = text.strip_prefix('-').map_or(("", text), |rest| ("-", rest));
    if plain.len() < 5 || plain.contains('.') {
        return text.to_owned();
    }
    let groups: Vec<&str> = plain.as_bytes().rchunks(3).rev().filter_map(|g| std::str::from_utf8(g).ok()).collect();
    format!("{sign}{}", groups.join("\u{202f}"))
}

/// A whole number, thousands apart.
pub(crate) fn whole(number: u64) -> String {
    grouped(&number.to_string())
}

/// The median with its unit: `58.1 kpps`, `2.02x`, `96.1 %`.
pub(crate) fn median(e: &Estimate) -> String {
    let scale = scale(e.unit, e.median);
    join(&digits(e.median / scale.by), scale.name)
}

/// The interval in the median's scale, without the unit: `57.5–58.8`; a range of few values says so.
pub(crate) fn interval(e: &Estimate) -> String {
    let by = scale(e.unit, e.median).by;
    let (low, high) = (digits(e.low / by), digits(e.high / by));
    let mark = if e.range_only { "*" } else { "" };
    if low == high { format!("{low}{mark}") } else { format!("{low}–{high}{mark}") }
}

/// A cost that /proc/stat could not tell: `0 within 55 ns`, `< 834 ns`.
pub(crate) fn bounded(bound: &CostBound) -> String {
    let scale = scale(Unit::NanosecondsPerPacket, bound.below_ns);
    let below = join(&digits(bound.below_ns / scale.by), scale.name);
    if bound.zero { format!("0 within {below}") } else { format!("<\u{a0}{below}") }
}

/// Nanoseconds of a time with the unit that fits: `8.91 ms`.
pub(crate) fn time(ns: u64) -> String {
    let scale = scale(Unit::Nanoseconds, ns as f64);
    join(&digits(ns as f64 / scale.by), scale.name)
}

/// A share that was lost, so that `0 %` is said only where nothing was: `16.2 %`, `0.004 %`, `< 0.001 %`.
pub(crate) fn loss(share: f64) -> String {
    match share * 100.0 {
        percent if percent > 0.0 && percent < 0.001 => "<\u{a0}0.001\u{a0}%".to_owned(),
        percent if percent > 0.0 && percent < 0.01 => format!("{percent:.3}\u{a0}%"),
        percent => join(&digits(percent), "%"),
    }
}

/// A median with its interval in brackets: `2.02x [1.98, 2.05]`.
pub(crate) fn both(e: &Estimate) -> String {
    let by = scale(e.unit, e.median).by;
    let few = if e.range_only { ", range" } else { "" };
    format!("{} [{}, {}{few}]", median(e), digits(e.low / by), digits(e.high / by))
}

fn join(number: &str, unit: &str) -> String {
    match unit {
        "" => number.to_owned(),
        "x" => format!("{number}x"),
        // They stay together where a line breaks.
        unit => format!("{number}\u{a0}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_digits_and_a_unit_that_fits() {
        let of = |value: f64, unit| median(&Estimate::of(&[value], unit).unwrap()).replace('\u{a0}', " ");
        assert_eq!(of(58_123.0, Unit::FramesPerSecond), "58.1 kpps");
        assert_eq!(of(999_960.0, Unit::FramesPerSecond), "1000 kpps");
        assert_eq!(of(1_234_567.0, Unit::FramesPerSecond), "1.23 Mpps");
        assert_eq!(of(2.0234, Unit::Ratio), "2.02x");
        assert_eq!(of(0.961, Unit::Share), "96.1 %");
        assert_eq!(of(0.0, Unit::Share), "0 %");
        assert_eq!(of(480_000.0, Unit::Nanoseconds), "480 µs");
        assert_eq!(of(12_345.0, Unit::NanosecondsPerPacket), "12.3 µs");
    }

    #[test]
    fn a_cost_too_small_to_tell_has_its_bound() {
        let said = |below_ns, zero| bounded(&CostBound { below_ns, zero }).replace('\u{a0}', " ");
        assert_eq!([said(55.4, true), said(1_834.0, false)], ["0 within 55.4 ns", "< 1.83 µs"]);
        assert_eq!(time(8_912_000).replace('\u{a0}', " "), "8.91 ms");
    }

    #[test]
    fn no_loss_is_said_only_of_none() {
        let said = [0.0, 1e-9, 0.000_04, 0.001_49, 0.162, 1.0].map(|share| loss(share).replace('\u{a0}', " "));
        assert_eq!(said, ["0 %", "< 0.001 %", "0.004 %", "0.15 %", "16.2 %", "100 %"]);
    }

    #[test]
    fn an_interval_has_the_scale_of_its_median_and_marks_a_range() {
        let e =
            Estimate { median: 999.0, low: 990.0, high: 1001.0, n: 10, unit: Unit::FramesPerSecond, range_only: false };
        assert_eq!(interval(&e), "990–1001");
        assert_eq!(both(&Estimate { range_only: true, ..e }), "999\u{a0}pps [990, 1001, range]");
    }
}
