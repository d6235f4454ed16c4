//! Lines over an axis of values: distributions, and a number over time.

use flowgauge_scenarios::Datapath;
use plotters::prelude::*;

use super::super::HtmlError;
use super::paint::{FAINT, INK, RULE, colour, svg, text};

/// One datapath's line.
pub(in crate::html) struct Line {
    pub(in crate::html) datapath: Datapath,
    /// In the units of the axes, from left to right.
    pub(in crate::html) points: Vec<(f64, f64)>,
}

/// One axis: its ends, whether it is logarithmic, and what is written where.
pub(in crate::html) struct Axis {
    pub(in crate::html) ends: (f64, f64),
    pub(in crate::html) logarithmic: bool,
    pub(in crate::html) ticks: Vec<(f64, String)>,
}

impl Axis {
    /// From 0 to `most`, written at the ends and in the middle.
    pub(in crate::html) fn linear(most: f64, name: impl Fn(f64) -> String) -> Axis {
        let most = if most > 0.0 { most } else { 1.0 };
        let ticks = [0.0, most / 2.0, most].map(|value| (value, name(value))).to_vec();
        Axis { ends: (0.0, most), logarithmic: false, ticks }
    }

    /// From `low` to `high`, both above 0, written at about four powers of ten, or at the ends where there are none.
    pub(in crate::html) fn logarithmic(low: f64, high: f64, name: impl Fn(f64) -> String) -> Axis {
        let (low, high) = (low, high.max(low * 1.5));
        let inner = super::latency::decades(low, high);
        let every = inner.len().div_ceil(4).max(1);
        let mut at: Vec<f64> = inner.into_iter().step_by(every).collect();
        if at.is_empty() {
            at = vec![low, high];
        }
        Axis { ends: (low, high), logarithmic: true, ticks: at.into_iter().map(|v| (v, name(v))).collect() }
    }

    /// Where `value` is between the ends, 0 to 1.
    fn at(&self, value: f64) -> f64 {
        let (low, high) = self.ends;
        let value = value.clamp(low, high);
        if self.logarithmic { (value / low).ln() / (high / low).ln() } else { (value - low) / (high - low) }
    }
}

const WIDTH: i32 = 360;
const HEIGHT: i32 = 190;
const LEFT: i32 = 46;
const RIGHT: i32 = 18;
const TOP: i32 = 46;
const BOTTOM: i32 = 24;

/// The chart, or none without a line of two points. `caption` is drawn, `title` also names the scenario, and `said` is
/// what the lines show in words.
pub(in crate::html) fn lines(
    (title, caption, said): (&str, &str, &str),
    lines: &[Line],
    across: &Axis,
    up: &Axis,
) -> Result<Option<String>, HtmlError> {
    if lines.iter().all(|line| line.points.len() < 2) {
        return Ok(None);
    }
    let x = |value: f64| LEFT + (across.at(value) * f64::from(WIDTH - LEFT - RIGHT)) as i32;
    let y = |value: f64| HEIGHT - BOTTOM - (up.at(value) * f64::from(HEIGHT - TOP - BOTTOM)) as i32;
    svg(title, said, (WIDTH as u32, HEIGHT as u32), |area| {
        area.draw(&Text::new(caption.to_owned(), (0, 10), text(15, INK, false)))?;
        for (value, name) in &up.ticks {
            area.draw(&PathElement::new([(LEFT, y(*value)), (WIDTH - RIGHT, y(*value))], RULE.stroke_width(1)))?;
            area.draw(&Text::new(name.clone(), (LEFT - 6, y(*value)), text(11, FAINT, true)))?;
        }
        for (value, name) in &across.ticks {
            let at = x(*value);
            area.draw(&PathElement::new([(at, HEIGHT - BOTTOM), (at, HEIGHT - BOTTOM + 4)], RULE.stroke_width(1)))?;
            // What would leave the picture ends where it ends.
            let right = at > WIDTH - RIGHT - 30;
            area.draw(&Text::new(name.clone(), (at, HEIGHT - BOTTOM + 13), text(11, FAINT, right)))?;
        }
        let mut legend = 0;
        for line in lines {
            let mut points: Vec<(i32, i32)> = line.points.iter().map(|&(a, b)| (x(a), y(b))).collect();
            // A million flows are no more than the picture has dots.
            points.dedup();
            area.draw(&PathElement::new(points, colour(line.datapath).stroke_width(2)))?;
            let name = line.datapath.name();
            area.draw(&Rectangle::new([(legend, 26), (legend + 10, 32)], colour(line.datapath).filled()))?;
            area.draw(&Text::new(name.to_owned(), (legend + 15, 29), text(11, FAINT, false)))?;
            legend += 30 + 7 * name.len() as i32;
        }
        Ok(())
    })
    .map(Some)
}
