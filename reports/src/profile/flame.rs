//! A flame graph: callers below, callees above them, as wide as they cost (Brendan Gregg, 2011). Coloured by stage,
//! without scripts; each box says on hover what it is.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::svg::{FAINT, INK, colour, escaped, opened, shortened};
use super::{Frame, Profile, Stage};
use crate::numbers::digits;

const WIDTH: f64 = 1200.0;
const ROW: usize = 17;
/// Above the flames: the title and the legend.
const HEAD: usize = 58;
/// Narrower boxes are left out: nobody could point at them.
const NARROWEST: f64 = 0.6;
/// Callers further from the ground than this are cut off; the kernel's own limit is 127 (kernel.perf_event_max_stack).
const DEEPEST: usize = 160;

/// A function above its caller.
#[derive(Default)]
struct Flame<'a> {
    samples: u64,
    callees: BTreeMap<&'a Frame, Flame<'a>>,
}

/// The flame graph of a profile where a packet cost `per_packet` instructions, as an SVG file of its own.
pub fn flame_svg(title: &str, profile: &Profile, per_packet: f64) -> String {
    let mut ground = Flame::default();
    let mut highest = 0;
    for stack in &profile.stacks {
        let mut at = &mut ground;
        at.samples += stack.samples;
        let mut height = 0;
        for frame in profile.functions(stack).rev().take(DEEPEST) {
            at = at.callees.entry(frame).or_default();
            at.samples += stack.samples;
            height += 1;
        }
        highest = highest.max(height);
    }
    let height = HEAD + ROW * highest + 8;
    let all = ground.samples;
    let description = format!("{} instructions per packet in all; {all} samples", digits(per_packet));
    let mut svg = opened(title, &description, (WIDTH as u32, height as u32));
    let _ = write!(
        svg,
        "<text x=\"4\" y=\"17\" font-size=\"15\" style=\"fill:{INK}\">{}</text>\
         <text x=\"{}\" y=\"17\" font-size=\"12\" text-anchor=\"end\" style=\"fill:{FAINT}\">{}</text>",
        escaped(title),
        WIDTH - 4.0,
        escaped(&description)
    );
    legend(&mut svg, profile);
    let scale = Scale { pixels: if all == 0 { 0.0 } else { WIDTH / all as f64 }, per_packet, all };
    let mut path = Vec::new();
    draw(&mut svg, &ground, 0.0, height - 4, &scale, &mut path);
    svg.push_str("</svg>\n");
    svg
}

struct Scale {
    /// Of one sample.
    pixels: f64,
    per_packet: f64,
    all: u64,
}

/// Draws what a box called, above `bottom`, and all above that. No deeper than [`DEEPEST`].
fn draw<'a>(svg: &mut String, caller: &Flame<'a>, mut x: f64, bottom: usize, scale: &Scale, path: &mut Vec<&'a Frame>) {
    for (&frame, callee) in &caller.callees {
        let width = callee.samples as f64 * scale.pixels;
        if width >= NARROWEST {
            path.push(frame);
            let stage = Stage::of(path.iter().rev().copied());
            let share = callee.samples as f64 / scale.all as f64;
            let top = bottom - ROW;
            let _ = write!(
                svg,
                "<g><title>{}: {} instructions per packet, {} %, {}</title>\
                 <rect x=\"{x:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{}\" rx=\"2\" fill=\"{}\"/>",
                escaped(&frame.label()),
                digits(share * scale.per_packet),
                digits(share * 100.0),
                stage.name(),
                (width - 0.5).max(0.3),
                ROW - 1,
                colour(stage)
            );
            // A character of the 11 px font is at most some 7 px wide.
            let room = ((width - 5.0) / 7.0) as usize;
            if room >= 3 {
                let _ = write!(
                    svg,
                    "<text x=\"{:.1}\" y=\"{}\" font-size=\"11\" fill=\"#1b1f24\" pointer-events=\"none\">{}</text>",
                    x + 3.0,
                    bottom - 5,
                    escaped(&shortened(&frame.function, room))
                );
            }
            svg.push_str("</g>");
            draw(svg, callee, x, top, scale, path);
            path.pop();
        }
        x += width;
    }
}

fn legend(svg: &mut String, profile: &Profile) {
    let mut x = 4;
    for cost in profile.costs(1.0).stages {
        let name = cost.stage.name();
        let _ = write!(
            svg,
            "<rect x=\"{x}\" y=\"29\" width=\"11\" height=\"11\" rx=\"2\" fill=\"{}\"/>\
             <text x=\"{}\" y=\"39\" font-size=\"12\" style=\"fill:{INK}\">{name}</text>",
            colour(cost.stage),
            x + 16
        );
        x += 34 + name.len() * 7;
    }
}
