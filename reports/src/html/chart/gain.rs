//! The gain over the baseline, all scenarios under each other.

use plotters::prelude::*;

use super::super::HtmlError;
use super::paint::{FAINT, INK, RULE, colour, svg, text};
use crate::judge::Row;
use crate::numbers::both;

const WIDTH: i32 = 720;
const LEFT: i32 = 250;
const RIGHT: i32 = 170;
const TOP: i32 = 14;
const ROW: i32 = 30;

/// Throughput ratios with their intervals and a line at 1; none without any.
pub(in crate::html) fn gains(rows: &[Row]) -> Result<Option<String>, HtmlError> {
    let gains: Vec<_> = rows.iter().filter_map(|r| r.gain.and_then(|g| g.throughput.map(|t| (r, g, t)))).collect();
    if gains.is_empty() {
        return Ok(None);
    }
    let most = gains.iter().fold(1.0_f64, |most, (_, _, t)| most.max(t.high)) * 1.05;
    let x = |ratio: f64| LEFT + (ratio / most * f64::from(WIDTH - LEFT - RIGHT)) as i32;
    let bottom = TOP + ROW * gains.len() as i32;
    let said: Vec<String> =
        gains.iter().map(|(r, _, t)| format!("{} on {} {}", r.name, r.datapath.name(), both(t))).collect();
    let title = "Throughput against the software-only baseline";
    svg(title, &said.join("; "), (WIDTH as u32, (bottom + 26) as u32), |area| {
        for whole in 0..=(most as i32) {
            let at = x(f64::from(whole));
            let weight = if whole == 1 { INK.stroke_width(1) } else { RULE.stroke_width(1) };
            area.draw(&PathElement::new([(at, TOP - 8), (at, bottom + 4)], weight))?;
            area.draw(&Text::new(format!("{whole}x"), (at + 3, bottom + 14), text(11, FAINT, false)))?;
        }
        for (index, (row, gain, t)) in gains.iter().enumerate() {
            let middle = TOP + ROW * index as i32 + ROW / 2;
            let series = colour(row.datapath);
            area.draw(&Text::new(row.name.clone(), (0, middle), text(13, INK, false)))?;
            area.draw(&Text::new(row.datapath.name().to_owned(), (LEFT - 12, middle), text(13, FAINT, true)))?;
            area.draw(&Circle::new((x(t.median), middle), 4, series.filled()))?;
            area.draw(&PathElement::new([(x(t.low), middle), (x(t.high), middle)], INK.stroke_width(2)))?;
            for end in [t.low, t.high] {
                area.draw(&PathElement::new([(x(end), middle - 6), (x(end), middle + 6)], INK.stroke_width(2)))?;
            }
            let least = if gain.lower_bound { "≥ " } else { "" };
            area.draw(&Text::new(format!("{least}{}", both(t)), (WIDTH, middle), text(13, INK, true)))?;
        }
        Ok(())
    })
    .map(Some)
}
