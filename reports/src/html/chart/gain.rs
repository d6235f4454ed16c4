//! The gain over the baseline, all scenarios under each other.

use flowgauge_scenarios::Datapath;
use plotters::prelude::*;

use super::super::HtmlError;
use super::paint::{FAINT, INK, RULE, colour, svg, text};
use crate::judge::Row;
use crate::numbers::both;
use crate::wording::SIMULATED;

const WIDTH: i32 = 480;
const TOP: i32 = 4;
const ROW: i32 = 42;

/// Throughput ratios with their intervals and a line at 1; none without any.
pub(in crate::html) fn gains(rows: &[Row]) -> Result<Option<String>, HtmlError> {
    let gains: Vec<_> = rows.iter().filter_map(|r| r.gain.and_then(|g| g.throughput.map(|t| (r, g, t)))).collect();
    if gains.is_empty() {
        return Ok(None);
    }
    let most = gains.iter().fold(1.0_f64, |most, (_, _, t)| most.max(t.high)) * 1.06;
    let x = |ratio: f64| (ratio / most * f64::from(WIDTH)) as i32;
    let bottom = TOP + ROW * gains.len() as i32;
    let said: Vec<String> =
        gains.iter().map(|(r, _, t)| format!("{} on {} {}", r.name, r.datapath.name(), both(t))).collect();
    let title = "Throughput against the software-only baseline";
    svg(title, &said.join("; "), (WIDTH as u32, (bottom + 22) as u32), |area| {
        for (index, (row, gain, t)) in gains.iter().enumerate() {
            // Words above, numbers' places below: so it fits a phone.
            let (words, middle) = (TOP + ROW * index as i32 + 9, TOP + ROW * index as i32 + 28);
            let series = colour(row.datapath);
            let name = format!("{}, {}", row.name, row.datapath.name());
            let mark = if row.simulated { SIMULATED } else { "" };
            let least = if gain.lower_bound { "≥ " } else { "" };
            area.draw(&Text::new(name, (0, words), text(13, INK, false)))?;
            area.draw(&Text::new(format!("{least}{}{mark}", both(t)), (WIDTH, words), text(13, INK, true)))?;
            area.draw(&PathElement::new([(0, middle), (WIDTH, middle)], RULE.stroke_width(1)))?;
            area.draw(&PathElement::new([(x(1.0), middle - 7), (x(1.0), middle + 7)], INK.stroke_width(1)))?;
            area.draw(&PathElement::new([(x(1.0), middle), (x(t.median), middle)], series.stroke_width(4)))?;
            area.draw(&PathElement::new([(x(t.low), middle), (x(t.high), middle)], INK.stroke_width(2)))?;
            for end in [t.low, t.high] {
                area.draw(&PathElement::new([(x(end), middle - 5), (x(end), middle + 5)], INK.stroke_width(2)))?;
            }
        }
        // At most about eight labels, the baseline's among them.
        let step = (most / 8.0).ceil().max(1.0) as i32;
        for whole in (0..=(most as i32)).filter(|w| *w == 1 || w % step == 0) {
            let label = if whole == 1 { format!("1x {}", Datapath::BASELINE.name()) } else { format!("{whole}x") };
            area.draw(&Text::new(label, (x(f64::from(whole)), bottom + 10), text(11, FAINT, false)))?;
        }
        Ok(())
    })
    .map(Some)
}
