//! The difference of two profiles as bars: to the right what a packet costs more, to the left what it costs less.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::svg::{FAINT, INK, PAPER, RULE, colour, opened, shortened};
use super::{Change, Difference, Stage};
use crate::numbers::digits;
use crate::stats::Unit;
use crate::wording::printable;

const WIDTH: i32 = 820;
/// Names end here.
const NAMES: i32 = 250;
/// Bars lie between here and the numbers.
const LEFT: i32 = 262;
const RIGHT: i32 = WIDTH - 150;
const TOP: i32 = 52;
const ROW: i32 = 22;
/// Between two differences.
const GAP: u32 = 18;

/// Stand-ins that plotters writes into the file; the true colours, which can be variables of a page, replace them.
const STAND_INS: [(RGBColor, &str); 3] =
    [(RGBColor(1, 0, 1), INK), (RGBColor(2, 0, 1), FAINT), (RGBColor(3, 0, 1), RULE)];

/// One bar.
struct Bar {
    name: String,
    stage: Stage,
    difference: f64,
    margin: f64,
    bold: bool,
    numbers: (f64, f64),
}

/// What the row of a calibration is called.
pub(super) const APART: &str = "less the calibrated generator";

/// The stages, and below them the `most` functions with the largest differences, as an SVG file of its own. The error is
/// what the drawing library said.
pub fn difference_svg(title: &str, difference: &Difference, most: usize) -> Result<String, String> {
    let panel = Panel::of(title, difference, most)?;
    Ok(opened(title, &panel.said, (WIDTH as u32, panel.height)) + &panel.body + "</svg>\n")
}

/// Several differences below each other, each with its title, as one SVG file that is readable on light and on dark ground.
pub fn differences_svg(title: &str, differences: &[(String, &Difference)], most: usize) -> Result<String, String> {
    let mut panels = Vec::new();
    for (title, difference) in differences {
        panels.push(Panel::of(title, difference, most)?);
    }
    let height: u32 = panels.iter().map(|panel| panel.height + GAP).sum();
    let said: Vec<&str> = panels.iter().map(|panel| panel.said.as_str()).collect();
    let size = (WIDTH as u32, height.max(GAP));
    let mut svg = opened(title, &said.join(". "), size);
    svg += &format!("<style>{}</style>", crate::html::colours());
    svg += &format!("<rect width=\"{}\" height=\"{}\" style=\"fill:{PAPER}\"/>", size.0, size.1);
    let mut y = 0;
    for panel in panels {
        svg += &format!("<g transform=\"translate(0,{y})\">{}</g>", panel.body);
        y += panel.height + GAP;
    }
    Ok(svg + "</svg>\n")
}

/// What is drawn of one difference.
struct Panel {
    body: String,
    height: u32,
    /// The same in words.
    said: String,
}

impl Panel {
    fn of(title: &str, difference: &Difference, most: usize) -> Result<Panel, String> {
        let bars = bars(difference, most);
        let farthest = bars.iter().map(|b| b.difference.abs() + b.margin).fold(1.0_f64, f64::max);
        let height = (TOP + ROW * bars.len() as i32 + 26) as u32;
        let mut text = String::new();
        {
            let area = SVGBackend::with_string(&mut text, (WIDTH as u32, height)).into_drawing_area();
            draw(&area, title, difference, &bars, farthest).map_err(|e| e.to_string())?;
            area.present().map_err(|e| e.to_string())?;
        }
        let body = text.split_once('>').map_or("", |(_, body)| body).trim_end();
        let mut body = body.strip_suffix("</svg>").unwrap_or(body).to_owned();
        for (RGBColor(r, g, b), variable) in STAND_INS {
            for attribute in ["fill", "stroke"] {
                let stand_in = format!("{attribute}=\"#{r:02X}{g:02X}{b:02X}\"");
                body = body.replace(&stand_in, &format!("style=\"{attribute}:{variable}\""));
            }
        }
        let said: Vec<String> = bars.iter().map(|b| format!("{} {}", b.name, b.said_in_numbers())).collect();
        Ok(Panel { body, height, said: said.join("; ") })
    }
}

fn bars(difference: &Difference, most: usize) -> Vec<Bar> {
    let stages = difference.stages.iter().map(|s| Bar {
        name: s.stage.name().to_owned(),
        stage: s.stage,
        difference: s.new - s.base,
        margin: s.margin,
        bold: true,
        numbers: (s.base, s.new),
    });
    let function = |c: &Change| Bar {
        name: c.frame.function.clone(),
        stage: c.stage,
        difference: c.difference(),
        margin: c.margin,
        bold: false,
        numbers: (c.base, c.new),
    };
    let apart = difference.apart.map(|apart| Bar {
        name: APART.to_owned(),
        stage: Stage::Generator,
        difference: apart.base - apart.new,
        margin: 0.0,
        bold: true,
        numbers: (-apart.base, -apart.new),
    });
    stages.chain(apart).chain(difference.causes().take(most).map(function)).collect()
}

impl Bar {
    fn said_in_numbers(&self) -> String {
        let (base, new) = self.numbers;
        let end = |value: f64| if value < 0.0 { signed(value) } else { digits(value) };
        format!("{} ({} to {})", signed(self.difference), end(base), end(new))
    }
}

/// What costs count, in words.
pub(super) const fn per_packet(unit: Unit) -> &'static str {
    match unit {
        Unit::NanosecondsPerPacket => "ns per packet",
        _ => "instructions per packet",
    }
}

/// With its sign, as a person writes it.
pub(super) fn signed(value: f64) -> String {
    match value {
        v if v.abs() < 0.05 => "0".to_owned(),
        v if v < 0.0 => format!("−{}", digits(-v)),
        v => format!("+{}", digits(v)),
    }
}

type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;

fn draw(
    area: &Area<'_>,
    title: &str,
    difference: &Difference,
    bars: &[Bar],
    farthest: f64,
) -> Result<(), Box<dyn std::error::Error>> {
    let [(ink, _), (faint, _), (rule, _)] = STAND_INS;
    let zero = (LEFT + RIGHT) / 2;
    let x = |value: f64| zero + (value / farthest * f64::from(RIGHT - zero)) as i32;
    area.draw(&Text::new(drawn(title, 100), (4, 12), style(15, ink, HPos::Left)))?;
    let about = format!(
        "{}, {} less {}: {} in all ({} to {})",
        per_packet(difference.unit),
        drawn(&difference.new, 30),
        drawn(&difference.base, 30),
        signed(difference.in_all()),
        digits(difference.ends().0),
        digits(difference.ends().1)
    );
    area.draw(&Text::new(about, (4, 32), style(12, faint, HPos::Left)))?;
    let bottom = TOP + ROW * bars.len() as i32;
    area.draw(&PathElement::new([(zero, TOP), (zero, bottom)], rule.stroke_width(1)))?;
    let mut stages_end = false;
    for (index, bar) in bars.iter().enumerate() {
        let middle = TOP + ROW * index as i32 + ROW / 2;
        if !bar.bold && !stages_end {
            stages_end = true;
            area.draw(&PathElement::new([(4, middle - ROW / 2), (WIDTH - 4, middle - ROW / 2)], rule.stroke_width(1)))?;
        }
        let fill = rgb(colour(bar.stage));
        let end = x(bar.difference);
        let name = drawn(&bar.name, 36);
        area.draw(&Text::new(name, (NAMES, middle), style(if bar.bold { 13 } else { 12 }, ink, HPos::Right)))?;
        let half = if bar.bold { 7 } else { 5 };
        area.draw(&Rectangle::new([(zero.min(end), middle - half), (zero.max(end), middle + half)], fill.filled()))?;
        let (low, high) = (x(bar.difference - bar.margin), x(bar.difference + bar.margin));
        area.draw(&PathElement::new([(low, middle), (high, middle)], ink.stroke_width(1)))?;
        area.draw(&Text::new(bar.said_in_numbers(), (WIDTH - 4, middle), style(11, ink, HPos::Right)))?;
    }
    let ends = [(-farthest, HPos::Left), (0.0, HPos::Center), (farthest, HPos::Right)];
    for (value, anchor) in ends {
        area.draw(&Text::new(signed(value), (x(value), bottom + 12), style(11, faint, anchor)))?;
    }
    Ok(())
}

fn style(size: u32, colour: RGBColor, anchor: HPos) -> TextStyle<'static> {
    // plotters writes the size divided by 1.24 into the SVG.
    ("sans-serif", f64::from(size) * 1.24).into_font().color(&colour).pos(Pos::new(anchor, VPos::Center))
}

/// Text for plotters, which escapes brackets but not what XML does not allow.
fn drawn(text: &str, room: usize) -> String {
    printable(&shortened(text, room))
}

/// `#rrggbb`, which all of ours are.
fn rgb(hex: &str) -> RGBColor {
    let part = |at: usize| hex.get(at..at + 2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).unwrap_or(0);
    RGBColor(part(1), part(3), part(5))
}
