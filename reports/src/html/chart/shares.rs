//! The proof as bars: which share of the packets took which lane.

use flowgauge_scenarios::Lane;
use plotters::prelude::*;

use super::super::HtmlError;
use super::paint::{FAINT, INK, RULE, colour, svg, text};
use crate::judge::Row;
use crate::proof::Shares;

const WIDTH: i32 = 480;
const TOP: i32 = 4;
const ROW: i32 = 40;
/// How strongly each lane is painted; the classic path is the empty rest.
const LANES: [(Lane, f64); 2] = [(Lane::Hardware, 1.0), (Lane::Fast, 0.5)];

/// A bar per datapath, filled by the shares that bypassed the classic path, first what the hardware forwarded; none
/// without any proof.
pub(in crate::html) fn shares(scenario: &str, rows: &[&Row]) -> Result<Option<String>, HtmlError> {
    let known: Vec<(&Row, Shares)> = rows.iter().filter_map(|r| r.proof.shares().map(|s| (*r, s))).collect();
    if known.is_empty() {
        return Ok(None);
    }
    let x = |share: f64| (share * f64::from(WIDTH)) as i32;
    let height = TOP * 2 + ROW * known.len() as i32;
    let words = |row: &Row| format!("{}, {}", row.proof.label(), row.proof.standing());
    let said: Vec<String> = known.iter().map(|(r, _)| format!("{}: {}", r.datapath.name(), words(r))).collect();
    let title = format!("Shares of the lanes, {scenario}");
    svg(&title, &said.join("; "), (WIDTH as u32, height as u32), |area| {
        for (index, (row, shares)) in known.iter().enumerate() {
            // Words above, the bar below: so it fits a phone.
            let (words_at, middle) = (TOP + ROW * index as i32 + 9, TOP + ROW * index as i32 + 26);
            let tone = if shares.classic < 1.0 { INK } else { FAINT };
            area.draw(&Text::new(row.datapath.name().to_owned(), (0, words_at), text(13, INK, false)))?;
            area.draw(&Text::new(words(row), (WIDTH, words_at), text(13, tone, true)))?;
            area.draw(&Rectangle::new([(0, middle - 6), (x(1.0), middle + 6)], RULE.stroke_width(1)))?;
            let mut from = 0.0;
            for (lane, strength) in LANES {
                let share = shares.of(lane);
                if share > 0.0 {
                    let end = x((from + share).min(1.0)).max(x(from) + 1);
                    let filled = colour(row.datapath).mix(strength).filled();
                    area.draw(&Rectangle::new([(x(from), middle - 6), (end, middle + 6)], filled))?;
                }
                from += share;
            }
        }
        Ok(())
    })
    .map(Some)
}
