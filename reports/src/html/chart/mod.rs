//! Charts as SVG by plotters, made to follow the page's colours.

mod bars;
mod gain;
mod latency;
mod lines;
mod paint;
mod shares;

pub(super) use bars::{Bar, bars};
pub(super) use gain::gains;
pub(super) use latency::latency;
pub(super) use lines::{Axis, Line, lines};
pub(super) use shares::shares;
