//! The proof as bars: which share of the packets took which path.

use plotters::prelude::*;

use super::super::HtmlError;
use super::paint::{FAINT, INK, RULE, colour, svg, text};
use crate::judge::Row;

const WIDTH: i32 = 480;
const LEFT: i32 = 78;
const RIGHT: i32 = 180;
const TOP: i32 = 6;
const ROW: i32 = 30;

/// A bar per datapath, filled by the share that bypassed the classic path; none without any proof.
pub(in crate::html) fn shares(scenario: &str, rows: &[&Row]) -> Result<Option<String>, HtmlError> {
    let known: Vec<(&Row, f64)> = rows.iter().filter_map(|r| r.proof.bypass.map(|b| (*r, b))).collect();
    if known.is_empty() {
        return Ok(None);
    }
    let x = |share: f64| LEFT + (share * f64::from(WIDTH - LEFT - RIGHT)) as i32;
    let height = TOP * 2 + ROW * known.len() as i32;
    let words = |row: &Row| format!("{}, {}", row.proof.label(), row.proof.standing());
    let said: Vec<String> = known.iter().map(|(r, _)| format!("{}: {}", r.datapath.name(), words(r))).collect();
    let title = format!("Share of packets on the fast path, {scenario}");
    svg(&title, &said.join("; "), (WIDTH as u32, height as u32), |area| {
        for (index, (row, bypass)) in known.iter().enumerate() {
            let middle = TOP + ROW * index as i32 + ROW / 2;
            area.draw(&Text::new(row.datapath.name().to_owned(), (0, middle), text(13, INK, false)))?;
            area.draw(&Rectangle::new([(LEFT, middle - 7), (x(1.0), middle + 7)], RULE.stroke_width(1)))?;
            if *bypass > 0.0 {
                let filled = colour(row.datapath).filled();
                area.draw(&Rectangle::new([(LEFT, middle - 7), (x(*bypass).max(LEFT + 1), middle + 7)], filled))?;
            }
            let tone = if *bypass > 0.0 { INK } else { FAINT };
            area.draw(&Text::new(words(row), (x(1.0) + 12, middle), text(13, tone, false)))?;
        }
        Ok(())
    })
    .map(Some)
}
