//! Horizontal bars: the median, its interval, and a dot for each trial.

use flowgauge_scenarios::Datapath;
use plotters::prelude::*;

use super::super::HtmlError;
use super::paint::{FAINT, INK, RULE, colour, svg, text};
use crate::numbers::{both, digits, median, scale};
use crate::stats::Estimate;

/// One datapath's bar.
pub(in crate::html) struct Bar {
    pub(in crate::html) datapath: Datapath,
    pub(in crate::html) estimate: Estimate,
    /// One value per trial.
    pub(in crate::html) points: Vec<f64>,
    /// What to write in the place of the median.
    pub(in crate::html) said: Option<String>,
}

impl Bar {
    fn label(&self) -> String {
        self.said.clone().unwrap_or_else(|| median(&self.estimate))
    }
}

const WIDTH: i32 = 360;
const LEFT: i32 = 96;
const RIGHT: i32 = 84;
const TOP: i32 = 30;
const ROW: i32 = 40;

/// The chart, or none without bars. `caption` is drawn, `title` also names the scenario.
pub(in crate::html) fn bars(title: &str, caption: &str, bars: &[Bar]) -> Result<Option<String>, HtmlError> {
    let most = bars.iter().flat_map(|b| b.points.iter().chain([&b.estimate.high])).fold(0.0_f64, |a, &b| a.max(b));
    // The unit is that of what was measured, not of a bar without a length.
    let Some(first) = bars.iter().max_by(|a, b| a.estimate.high.total_cmp(&b.estimate.high)).filter(|_| most > 0.0)
    else {
        return Ok(None);
    };
    let height = TOP + ROW * bars.len() as i32 + 22;
    let x = |value: f64| LEFT + (value / most * f64::from(WIDTH - LEFT - RIGHT)) as i32;
    let unit = scale(first.estimate.unit, most);
    let said: Vec<String> = bars
        .iter()
        .map(|b| format!("{} {}", b.datapath.name(), b.said.clone().unwrap_or_else(|| both(&b.estimate))))
        .collect();
    svg(title, &said.join("; "), (WIDTH as u32, height as u32), |area| {
        area.draw(&Text::new(caption.to_owned(), (0, 10), text(15, INK, false)))?;
        for (index, bar) in bars.iter().enumerate() {
            let middle = TOP + ROW * index as i32 + ROW / 2;
            let series = colour(bar.datapath);
            let e = &bar.estimate;
            area.draw(&Text::new(bar.datapath.name().to_owned(), (0, middle), text(13, INK, false)))?;
            area.draw(&Rectangle::new([(LEFT, middle - 9), (x(e.median), middle + 9)], series.mix(0.35).filled()))?;
            area.draw(&PathElement::new(
                [(x(e.median), middle - 9), (x(e.median), middle + 9)],
                series.stroke_width(2),
            ))?;
            area.draw(&PathElement::new([(x(e.low), middle), (x(e.high), middle)], INK.stroke_width(2)))?;
            for end in [e.low, e.high] {
                area.draw(&PathElement::new([(x(end), middle - 4), (x(end), middle + 4)], INK.stroke_width(2)))?;
            }
            for (trial, &value) in bar.points.iter().enumerate() {
                // Side by side within the bar's lower edge, so that equal values stay visible.
                let y = middle + 12 + (trial % 3) as i32 * 2;
                area.draw(&Circle::new((x(value), y), 1, series.filled()))?;
            }
            area.draw(&Text::new(bar.label(), (WIDTH, middle), text(13, INK, true)))?;
        }
        let axis = height - 18;
        area.draw(&PathElement::new([(LEFT, axis), (WIDTH - RIGHT, axis)], RULE.stroke_width(1)))?;
        area.draw(&Text::new("0".to_owned(), (LEFT, axis + 10), text(11, FAINT, false)))?;
        let end = format!("{} {}", digits(most / unit.by), unit.name);
        area.draw(&Text::new(end, (WIDTH - RIGHT, axis + 10), text(11, FAINT, true)))?;
        Ok(())
    })
    .map(Some)
}
