//! Offered load, and the text that users write for it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The load that one sending direction offers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub enum Load {
    /// As fast as the generator can.
    Max,
    /// Frames per second.
    Pps(u64),
    /// Bits per second at L2, FCS included, preamble and gap not.
    Bps(u64),
}

impl Load {
    /// Frames per second at a mean frame size (bytes with FCS), or none when flat out.
    pub fn pps(self, mean_frame: f64) -> Option<f64> {
        match self {
            Load::Max => None,
            Load::Pps(pps) => Some(pps as f64),
            Load::Bps(bps) => Some(bps as f64 / 8.0 / mean_frame),
        }
    }
}

impl fmt::Display for Load {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (value, unit) = match *self {
            Load::Max => return f.write_str("max"),
            Load::Pps(value) => (value, "pps"),
            Load::Bps(value) => (value, "bit"),
        };
        match value {
            v if v % 1_000_000_000 == 0 => write!(f, "{}g{unit}", v / 1_000_000_000),
            v if v % 1_000_000 == 0 => write!(f, "{}m{unit}", v / 1_000_000),
            v if v % 1_000 == 0 => write!(f, "{}k{unit}", v / 1_000),
            v => write!(f, "{v}{unit}"),
        }
    }
}

impl From<Load> for String {
    fn from(load: Load) -> String {
        load.to_string()
    }
}

impl TryFrom<String> for Load {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Load {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a load: write max, 20kpps, 1.5mpps, 100mbit or 10gbit");
        let lower = text.trim().to_ascii_lowercase();
        if lower == "max" {
            return Ok(Load::Max);
        }
        let split = lower.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = lower[..split].parse().map_err(|_| wrong())?;
        let (scale, unit) = match &lower[split..] {
            unit @ ("pps" | "bit") => (1.0, unit),
            unit => {
                let scale = match unit.as_bytes().first() {
                    Some(b'k') => 1e3,
                    Some(b'm') => 1e6,
                    Some(b'g') => 1e9,
                    _ => return Err(wrong()),
                };
                (scale, &unit[1..])
            }
        };
        let value = (number * scale).round();
        if !(1.0..1e13).contains(&value) {
            return Err(wrong());
        }
        match unit {
            "pps" => Ok(Load::Pps(value as u64)),
            "bit" => Ok(Load::Bps(value as u64)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_read_as_users_write_them() {
        assert_eq!("max".parse(), Ok(Load::Max));
        assert_eq!("20kpps".parse(), Ok(Load::Pps(20_000)));
        assert_eq!("1.5Mpps".parse(), Ok(Load::Pps(1_500_000)));
        assert_eq!("10gbit".parse(), Ok(Load::Bps(10_000_000_000)));
        for wrong in ["", "20", "kpps", "0pps", "-1pps", "20 furlongs", "1e3pps", "20kb"] {
            assert!(wrong.parse::<Load>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn printing_and_reading_agree() {
        for load in [Load::Max, Load::Pps(1), Load::Pps(20_000), Load::Bps(2_500_000), Load::Bps(10_000_000_000)] {
            assert_eq!(load.to_string().parse(), Ok(load));
        }
    }
}
