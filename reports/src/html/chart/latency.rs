//! Latency by percentile, both axes logarithmic: where the tail begins and how far it goes.

use flowgauge_scenarios::Datapath;
use hdrhistogram::Histogram;
use plotters::prelude::*;

use super::super::HtmlError;
use super::paint::{FAINT, INK, RULE, colour, svg, text};
use crate::numbers::median;
use crate::stats::{Estimate, Unit};

const WIDTH: i32 = 720;
const HEIGHT: i32 = 270;
const LEFT: i32 = 70;
const RIGHT: i32 = 96;
const TOP: i32 = 14;
const BOTTOM: i32 = 30;
/// The greatest percentile shown is 1 - 10^-NINES.
const NINES: f64 = 4.0;
const STEPS: u32 = 120;
const TICKS: [(f64, &str); 6] =
    [(0.0, "0"), (0.5, "50 %"), (0.9, "90 %"), (0.99, "99 %"), (0.999, "99.9 %"), (0.9999, "99.99 %")];

/// A curve per datapath; none without any.
pub(in crate::html) fn latency(
    scenario: &str,
    rows: &[(Datapath, Histogram<u64>)],
) -> Result<Option<String>, HtmlError> {
    let quantile = |histogram: &Histogram<u64>, q: f64| histogram.value_at_quantile(q).max(1) as f64;
    let low = rows.iter().map(|(_, h)| h.min().max(1) as f64).fold(f64::INFINITY, f64::min);
    let high = rows.iter().map(|(_, h)| quantile(h, 1.0 - 10_f64.powf(-NINES))).fold(0.0, f64::max).max(low * 1.01);
    if rows.is_empty() || !low.is_finite() {
        return Ok(None);
    }
    let x = |q: f64| LEFT + (-(1.0 - q).log10() / NINES * f64::from(WIDTH - LEFT - RIGHT)) as i32;
    let y = |ns: f64| {
        let share = (ns.max(low).min(high) / low).log10() / (high / low).log10();
        HEIGHT - BOTTOM - (share * f64::from(HEIGHT - TOP - BOTTOM)) as i32
    };
    let name = |ns: f64| Estimate::of(&[ns], Unit::Nanoseconds).map(|e| median(&e)).unwrap_or_default();
    let said: Vec<String> = rows
        .iter()
        .map(|(d, h)| format!("{} p50 {}, p99 {}", d.name(), name(quantile(h, 0.5)), name(quantile(h, 0.99))))
        .collect();
    let title = format!("Latency by percentile, {scenario}");
    svg(&title, &said.join("; "), (WIDTH as u32, HEIGHT as u32), |area| {
        for (q, label) in TICKS {
            area.draw(&PathElement::new([(x(q), TOP), (x(q), HEIGHT - BOTTOM)], RULE.stroke_width(1)))?;
            area.draw(&Text::new(label.to_owned(), (x(q) + 3, HEIGHT - BOTTOM + 12), text(11, FAINT, false)))?;
        }
        for ns in decades(low, high) {
            area.draw(&PathElement::new([(LEFT, y(ns)), (WIDTH - RIGHT, y(ns))], RULE.stroke_width(1)))?;
            area.draw(&Text::new(name(ns), (LEFT - 8, y(ns)), text(11, FAINT, true)))?;
        }
        let mut ends: Vec<(i32, Datapath)> = Vec::new();
        for (datapath, histogram) in rows {
            let at = |step: u32| 1.0 - 10_f64.powf(-NINES * f64::from(step) / f64::from(STEPS));
            let points: Vec<(i32, i32)> = (0..=STEPS).map(|s| (x(at(s)), y(quantile(histogram, at(s))))).collect();
            ends.push((points.last().map_or(TOP, |p| p.1), *datapath));
            area.draw(&PathElement::new(points, colour(*datapath).stroke_width(2)))?;
        }
        // Labels at the curves' ends in the curves' order, moved apart where they would cover each other.
        ends.sort_unstable();
        let mut free = TOP;
        for (end, datapath) in ends {
            let at = end.max(free);
            free = at + 14;
            area.draw(&PathElement::new(
                [(WIDTH - RIGHT, end), (WIDTH - RIGHT + 5, at)],
                colour(datapath).stroke_width(2),
            ))?;
            area.draw(&Text::new(datapath.name().to_owned(), (WIDTH - RIGHT + 9, at), text(13, INK, false)))?;
        }
        Ok(())
    })
    .map(Some)
}

/// 1, 2 and 5 times the powers of ten within the range; fewer where they would crowd.
pub(super) fn decades(low: f64, high: f64) -> Vec<f64> {
    let mantissas: &[f64] = if high / low > 1e3 { &[1.0] } else { &[1.0, 2.0, 5.0] };
    let exponents = low.log10().floor() as i32..=high.log10().ceil() as i32;
    exponents
        .flat_map(|e| mantissas.iter().map(move |m| m * 10_f64.powi(e)))
        .filter(|ns| (low..=high).contains(ns))
        .collect()
}
