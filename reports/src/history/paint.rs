//! From plotters' SVG to a picture that stands alone: the page's colours, in light and in dark.

use flowgauge_scenarios::Datapath;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::picture::PictureError;
use crate::html::colours;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Stand-ins that plotters writes and [`svg`] replaces by the page's variables.
pub(super) const INK: RGBColor = RGBColor(1, 0, 1);
pub(super) const FAINT: RGBColor = RGBColor(2, 0, 1);
pub(super) const RULE: RGBColor = RGBColor(3, 0, 1);
pub(super) const PAPER: RGBColor = RGBColor(4, 0, 1);
pub(super) const GOOD: RGBColor = RGBColor(5, 0, 1);
pub(super) const BAD: RGBColor = RGBColor(6, 0, 1);

const NAMES: [&str; 6] = ["ink", "faint", "rule", "paper", "good", "bad"];

/// The colour of a datapath: that of the report page.
pub(super) fn colour(datapath: Datapath) -> RGBColor {
    let place = Datapath::ALL.iter().position(|d| *d == datapath).unwrap_or(0);
    RGBColor(100 + place as u8, 0, 1)
}

/// A text style: the height in pixels, and whether it ends at its place.
pub(super) fn text(size: u32, colour: RGBColor, right: bool) -> TextStyle<'static> {
    use plotters::style::text_anchor::{HPos, Pos, VPos};
    let h = if right { HPos::Right } else { HPos::Left };
    // plotters writes the size divided by 1.24 into the SVG.
    ("sans-serif", f64::from(size) * 1.24).into_font().color(&colour).pos(Pos::new(h, VPos::Center))
}

/// Draws with `draw` on an area of the given size. `title` and `description` are for those who cannot see it.
pub(super) fn svg(
    title: &str,
    description: &str,
    (width, height): (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Result<(), Box<dyn std::error::Error>>,
) -> Result<String, PictureError> {
    let mut drawn = String::new();
    {
        let area = SVGBackend::with_string(&mut drawn, (width, height)).into_drawing_area();
        let failed = |e: String| PictureError::Drawing { message: e };
        draw(&area).map_err(|e| failed(e.to_string()))?;
        area.present().map_err(|e| failed(e.to_string()))?;
    }
    let mut body = drawn.split_once('>').map_or("", |(_, body)| body).to_owned();
    let named = NAMES.iter().zip(1..).map(|(name, number)| (RGBColor(number, 0, 1), *name));
    let paths = Datapath::ALL.into_iter().map(|d| (colour(d), d.name()));
    for (RGBColor(r, g, b), name) in named.chain(paths) {
        for attribute in ["fill", "stroke"] {
            let stand_in = format!("{attribute}=\"#{r:02X}{g:02X}{b:02X}\"");
            body = body.replace(&stand_in, &format!("style=\"{attribute}:var(--{name})\""));
        }
    }
    Ok(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" \
         height=\"{height}\"><title>{}</title><desc>{}</desc><style>{}</style>{body}",
        escaped(title),
        escaped(description),
        colours()
    ))
}

/// Text for XML, which cannot hold every character even when it is escaped.
fn escaped(text: &str) -> String {
    let sound: String = text.chars().filter(|c| !matches!(c, '\u{fffe}' | '\u{ffff}')).collect();
    sound.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
