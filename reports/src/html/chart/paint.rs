//! From plotters' SVG to the page's: colours become CSS variables, so that one chart serves light, dark and paper.

use flowgauge_scenarios::Datapath;
use plotters::coord::Shift;
use plotters::prelude::*;

use super::super::HtmlError;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Stand-ins that plotters writes and [`finish`] replaces; no chart uses them as true colours.
pub(super) const INK: RGBColor = RGBColor(1, 0, 1);
/// Secondary text.
pub(super) const FAINT: RGBColor = RGBColor(2, 0, 1);
/// Rules and tracks.
pub(super) const RULE: RGBColor = RGBColor(3, 0, 1);
const FORWARD: RGBColor = RGBColor(4, 0, 1);
const CONNTRACK: RGBColor = RGBColor(5, 0, 1);
const FLOWTABLE: RGBColor = RGBColor(6, 0, 1);
const HARDWARE: RGBColor = RGBColor(7, 0, 1);
const NETDEV: RGBColor = RGBColor(8, 0, 1);
const NETDEV_HW: RGBColor = RGBColor(9, 0, 1);
const NFT: RGBColor = RGBColor(10, 0, 1);

const VARIABLES: [(&str, &str); 10] = [
    ("#010001", "--ink"),
    ("#020001", "--faint"),
    ("#030001", "--rule"),
    ("#040001", "--forward"),
    ("#050001", "--conntrack"),
    ("#0A0001", "--nft"),
    ("#060001", "--flowtable"),
    ("#070001", "--flowtable-hw"),
    ("#080001", "--netdev"),
    ("#090001", "--netdev-hw"),
];

/// The colour of a datapath, the same in every chart.
pub(super) const fn colour(datapath: Datapath) -> RGBColor {
    match datapath {
        Datapath::Forward => FORWARD,
        Datapath::Nft => NFT,
        Datapath::Conntrack => CONNTRACK,
        Datapath::Flowtable => FLOWTABLE,
        Datapath::FlowtableHw => HARDWARE,
        Datapath::Netdev => NETDEV,
        Datapath::NetdevHw => NETDEV_HW,
    }
}

/// A text style; anchors as SVG names them.
pub(super) fn text(size: u32, colour: RGBColor, right: bool) -> TextStyle<'static> {
    use plotters::style::text_anchor::{HPos, Pos, VPos};
    let h = if right { HPos::Right } else { HPos::Left };
    // plotters writes the size divided by 1.24 into the SVG.
    ("sans-serif", f64::from(size) * 1.24).into_font().color(&colour).pos(Pos::new(h, VPos::Center))
}

/// Draws with `draw` on an area of the given size. `title` is what a screen reader says, with `description`.
pub(super) fn svg(
    title: &str,
    description: &str,
    size: (u32, u32),
    draw: impl FnOnce(&Area<'_>) -> Result<(), Box<dyn std::error::Error>>,
) -> Result<String, HtmlError> {
    let mut text = String::new();
    {
        let area = SVGBackend::with_string(&mut text, size).into_drawing_area();
        let failed = |e: String| HtmlError::Chart { chart: title.to_owned(), message: e };
        draw(&area).map_err(|e| failed(e.to_string()))?;
        area.present().map_err(|e| failed(e.to_string()))?;
    }
    Ok(finish(&text, title, description, size))
}

fn finish(svg: &str, title: &str, description: &str, (width, height): (u32, u32)) -> String {
    let body = svg.split_once('>').map_or("", |(_, body)| body);
    let mut body = body.to_owned();
    for (stand_in, variable) in VARIABLES {
        for attribute in ["fill", "stroke"] {
            body =
                body.replace(&format!("{attribute}=\"{stand_in}\""), &format!("style=\"{attribute}:var({variable})\""));
        }
    }
    format!(
        "<svg role=\"img\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\"><title>{}</title>\
         <desc>{}</desc>{body}",
        escaped(title),
        escaped(description)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
