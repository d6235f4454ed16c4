//! Estimates: a median, its interval and its unit.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::bootstrap::interval;
use super::median::{middle, sorted_finite};

/// Fewer trials than this give no interval worth the name: the range of the values is shown in its place.
pub const FEW: usize = 5;

/// What a number counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    /// Frames per second.
    FramesPerSecond,
    /// Bits per second.
    BitsPerSecond,
    /// A share of a whole, 0 to 1.
    Share,
    /// A quotient of two numbers of one kind.
    Ratio,
    /// Nanoseconds.
    Nanoseconds,
    /// Nanoseconds of CPU per packet.
    NanosecondsPerPacket,
    /// Guest instructions per packet.
    InstructionsPerPacket,
}

/// The median over trials, with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Estimate {
    /// The median.
    pub median: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
    /// Trials it rests on.
    pub n: usize,
    /// The unit of the three numbers.
    pub unit: Unit,
    /// Whether the interval is only the range of the values, because they are fewer than [`FEW`].
    pub range_only: bool,
}

impl Estimate {
    /// The estimate from one value per trial. Values that are not finite are left out; none without any.
    pub fn of(values: &[f64], unit: Unit) -> Option<Estimate> {
        let sorted = sorted_finite(values);
        let median = middle(&sorted)?;
        let range_only = sorted.len() < FEW;
        let (low, high) = if range_only { (*sorted.first()?, *sorted.last()?) } else { interval(&sorted)? };
        Some(Estimate { median, low, high, n: sorted.len(), unit, range_only })
    }

    /// Width of the interval over the median; zero when the median is.
    pub fn relative_width(&self) -> f64 {
        if self.median == 0.0 { 0.0 } else { (self.high - self.low) / self.median.abs() }
    }

    /// Whether the intervals have a value in common.
    pub fn overlaps(&self, other: &Estimate) -> bool {
        self.low <= other.high && other.low <= self.high
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_show_their_range_and_say_so() {
        let few = Estimate::of(&[4.0, 1.0, 2.0, f64::NAN], Unit::Ratio).unwrap();
        assert_eq!((few.median, few.low, few.high, few.n, few.range_only), (2.0, 1.0, 4.0, 3, true));
        assert!(!Estimate::of(&[1.0; 5], Unit::Ratio).unwrap().range_only);
        assert_eq!(Estimate::of(&[], Unit::Ratio), None);
    }

    #[test]
    fn width_is_relative() {
        let wide = Estimate::of(&[90.0, 100.0, 110.0], Unit::Nanoseconds).unwrap();
        assert!((wide.relative_width() - 0.2).abs() < 1e-12);
        assert_eq!(Estimate::of(&[0.0, 0.0], Unit::Share).unwrap().relative_width(), 0.0);
    }
}
