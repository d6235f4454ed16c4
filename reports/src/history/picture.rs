//! A history as a picture: an SVG file with a panel for each series.

use plotters::prelude::*;

use super::paint::{Area, BAD, FAINT, GOOD, INK, PAPER, RULE, colour, svg, text};
use super::series::{History, Point, Series};
use super::text::ends;
use super::wording;
use crate::html::utc;

/// Why there is no picture.
#[derive(Debug, thiserror::Error)]
pub enum PictureError {
    /// The plotting library failed.
    #[error("cannot draw the picture of the history: {message}; this is a bug in flowgauge, please report it")]
    Drawing {
        /// What it said.
        message: String,
    },
    /// There is nothing to draw.
    #[error("no series has a value that counts, so there is nothing to draw")]
    Nothing,
    /// More than a picture holds.
    #[error("{series} series are more than one picture holds ({MOST}): choose with --scenario or --metric")]
    TooMany {
        /// Series that have a value.
        series: usize,
    },
}

/// The most panels: a browser shows no taller a picture well.
const MOST: usize = 200;

const WIDTH: i32 = 960;
const PANEL: i32 = 190;
const LEFT: i32 = 104;
const RIGHT: i32 = 24;
const TOP: i32 = 48;
const BOTTOM: i32 = 34;

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// The picture as SVG text, readable on light and dark ground.
///
/// # Errors
/// When there is nothing to draw, or too much, or the plotting library fails.
pub fn render(history: &History) -> Result<String, PictureError> {
    let shown: Vec<&Series> = history.series.iter().filter(|series| series.counting() > 0).collect();
    match shown.len() {
        0 => return Err(PictureError::Nothing),
        series if series > MOST => return Err(PictureError::TooMany { series }),
        _ => {}
    }
    let changes = shown.iter().flat_map(|s| s.changes.iter().map(|c| (*s, c)));
    let said: Vec<String> = changes
        .map(|(series, change)| format!("{}: {}.", wording::title(series), wording::change(history, series, change)))
        .collect();
    let size = (WIDTH as u32, PANEL as u32 * shown.len() as u32);
    svg("Results over time", &said.join(" "), size, |area| {
        area.fill(&PAPER)?;
        for (index, series) in shown.iter().enumerate() {
            Panel::of(series, PANEL * index as i32).draw(area, history)?;
        }
        Ok(())
    })
}

/// One series, its top at `top`.
struct Panel<'a> {
    series: &'a Series,
    top: i32,
    low: f64,
    high: f64,
}

impl<'a> Panel<'a> {
    fn of(series: &'a Series, top: i32) -> Self {
        let values: Vec<f64> = series.points.iter().filter_map(Point::value).collect();
        let (least, most) = ends(&values).unwrap_or((0.0, 1.0));
        // A flat line lies in the middle, and no point on the edge.
        let margin = ((most - least) * 0.08).max(most.abs() * 1e-4).max(f64::MIN_POSITIVE);
        Panel { series, top, low: least - margin, high: most + margin }
    }

    fn x(&self, point: f64) -> i32 {
        let last = (self.series.points.len().max(2) - 1) as f64;
        LEFT + (point / last * f64::from(WIDTH - LEFT - RIGHT)) as i32
    }

    fn y(&self, value: f64) -> i32 {
        let share = ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0);
        self.top + PANEL - BOTTOM - (share * f64::from(PANEL - TOP - BOTTOM)) as i32
    }

    fn draw(&self, area: &Area<'_>, history: &History) -> Drawn {
        area.draw(&Text::new(cut(&wording::title(self.series)), (8, self.top + 16), text(14, INK, false)))?;
        self.axes(area, history)?;
        self.breaks(area)?;
        self.values(area)?;
        self.changes(area)
    }

    fn axes(&self, area: &Area<'_>, history: &History) -> Drawn {
        for share in [0.08, 0.5, 0.92] {
            let value = self.low + (self.high - self.low) * share;
            let at = self.y(value);
            area.draw(&PathElement::new([(LEFT, at), (WIDTH - RIGHT, at)], RULE.stroke_width(1)))?;
            let name = wording::value(value, (self.high - self.low) * 0.42, self.series.unit);
            area.draw(&Text::new(name, (LEFT - 8, at), text(11, FAINT, true)))?;
        }
        let date = |point: Option<&Point>| {
            let note = point.and_then(|p| history.runs.get(p.run));
            note.map_or_else(String::new, |note| utc(note.unix_s))
        };
        let below = self.top + PANEL - BOTTOM + 16;
        area.draw(&Text::new(date(self.series.points.first()), (LEFT, below), text(11, FAINT, false)))?;
        if self.series.points.len() > 1 {
            area.draw(&Text::new(date(self.series.points.last()), (WIDTH - RIGHT, below), text(11, FAINT, true)))?;
        }
        Ok(())
    }

    fn breaks(&self, area: &Area<'_>) -> Drawn {
        for at in &self.series.breaks {
            let x = self.x(at.at as f64 - 0.5);
            let line = [(x, self.top + TOP - 6), (x, self.top + PANEL - BOTTOM + 6)];
            area.draw(&PathElement::new(line, FAINT.stroke_width(1)))?;
        }
        Ok(())
    }

    /// A dot a run, hollow where it does not count, and a line at the median between two changes.
    fn values(&self, area: &Area<'_>) -> Drawn {
        let own = colour(self.series.datapath);
        for (index, point) in self.series.points.iter().enumerate() {
            let Some(estimate) = point.estimate.filter(|e| e.median.is_finite()) else { continue };
            let at = (self.x(index as f64), self.y(estimate.median));
            if point.left_out.is_some() {
                area.draw(&Circle::new(at, 3, FAINT.stroke_width(1)))?;
            } else {
                area.draw(&Circle::new(at, 2, own.filled()))?;
            }
        }
        for (start, end, level) in self.levels() {
            let y = self.y(level);
            let line = [(self.x(start as f64), y), (self.x(end as f64 - 1.0), y)];
            area.draw(&PathElement::new(line, own.stroke_width(2)))?;
        }
        Ok(())
    }

    /// Between changes and breaks: the first point, the one after the last, and the median of those that count.
    fn levels(&self) -> Vec<(usize, usize, f64)> {
        let mut edges: Vec<usize> = self.series.changes.iter().map(|change| change.at).collect();
        edges.extend(self.series.breaks.iter().map(|b| b.at));
        edges.extend([0, self.series.points.len()]);
        edges.sort_unstable();
        edges.dedup();
        let level = |pair: &[usize]| {
            let values: Vec<f64> = self.series.points[pair[0]..pair[1]].iter().filter_map(Point::value).collect();
            Some((pair[0], pair[1], crate::stats::median(&values)?))
        };
        edges.windows(2).filter_map(level).collect()
    }

    fn changes(&self, area: &Area<'_>) -> Drawn {
        let mut free = 0;
        for change in &self.series.changes {
            let colour = if change.worse { BAD } else { GOOD };
            let x = self.x(change.at as f64 - 0.5);
            let line = [(x, self.top + TOP - 6), (x, self.top + PANEL - BOTTOM)];
            area.draw(&PathElement::new(line, colour.stroke_width(1)))?;
            // Where labels would lie on each other the line alone says it; the text has all.
            if x >= free {
                let right = x > WIDTH - 130;
                let label = format!("{} {}", wording::percent(change), wording::direction(change));
                area.draw(&Text::new(label, (x, self.top + TOP - 14), text(11, colour, right)))?;
                free = x + 110;
            }
        }
        Ok(())
    }
}

/// A name that fits the panel, without what XML cannot hold.
fn cut(name: &str) -> String {
    const MOST_CHARACTERS: usize = 110;
    let sound: String = name.chars().filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).collect();
    match sound.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => format!("{}…", &sound[..end]),
        None => sound,
    }
}

#[cfg(test)]
mod tests;
