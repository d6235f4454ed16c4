//! Repeats of one figure.

use std::fmt;

/// The samples of a figure; shows their median and, in parentheses, the least and the greatest.
#[derive(Default)]
pub(crate) struct Repeats(pub(crate) Vec<f64>);

impl Repeats {
    pub(crate) fn median(&self) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
    }
}

impl fmt::Display for Repeats {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        let most = self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let digits = if most < 10.0 { 2 } else { 0 };
        write!(out, "{:.digits$} ({least:.digits$} to {most:.digits$})", self.median())
    }
}
