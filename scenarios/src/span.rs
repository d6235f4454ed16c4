//! Lengths of time as users write them: `800ms`, `2s`, `1m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A length of time in whole milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(into = "String", try_from = "String")]
#[schemars(with = "String")]
pub struct Span {
    /// Milliseconds.
    pub ms: u64,
}

impl Span {
    /// A span of so many milliseconds.
    pub const fn from_ms(ms: u64) -> Self {
        Span { ms }
    }

    /// The same as a `Duration`.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.ms)
    }

    /// The same in seconds.
    pub fn seconds(self) -> f64 {
        self.ms as f64 / 1e3
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.ms {
            ms if ms % 60_000 == 0 && ms > 0 => write!(f, "{}m", ms / 60_000),
            ms if ms % 1_000 == 0 => write!(f, "{}s", ms / 1_000),
            ms => write!(f, "{ms}ms"),
        }
    }
}

impl From<Span> for String {
    fn from(span: Span) -> String {
        span.to_string()
    }
}

impl TryFrom<String> for Span {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a length of time: write 800ms, 2s or 1m");
        let text = text.trim();
        let split = text.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(wrong)?;
        let number: f64 = text[..split].parse().map_err(|_| wrong())?;
        let scale = match &text[split..] {
            "ms" => 1.0,
            "s" => 1e3,
            "m" | "min" => 6e4,
            "h" => 3.6e6,
            _ => return Err(wrong()),
        };
        let ms = (number * scale).round();
        if !(0.0..=3.6e8).contains(&ms) {
            return Err(wrong());
        }
        Ok(Span { ms: ms as u64 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_as_users_write_them() {
        assert_eq!("800ms".parse(), Ok(Span::from_ms(800)));
        assert_eq!("1.5s".parse(), Ok(Span::from_ms(1500)));
        assert_eq!("2m".parse(), Ok(Span::from_ms(120_000)));
        for wrong in ["", "5", "s", "-1s", "1 fortnight"] {
            assert!(wrong.parse::<Span>().is_err(), "{wrong}");
        }
        for span in [Span::from_ms(0), Span::from_ms(800), Span::from_ms(60_000)] {
            assert_eq!(span.to_string().parse(), Ok(span));
        }
    }
}
