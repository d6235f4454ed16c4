//! Why a scenario cannot be had: what, where, and what would be right.

use std::io;
use std::path::PathBuf;

/// Why a scenario cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// No built-in scenario of that name, and no file.
    #[error(
        "there is no scenario `{name}`: {suggestion} (a path to a .toml file works too; `flowgauge list` shows all)"
    )]
    Unknown {
        /// What was asked for.
        name: String,
        /// The nearest names, or all.
        suggestion: String,
    },
    /// The file cannot be read.
    #[error("cannot read scenario file {}: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not a scenario. The text points at the line.
    #[error("{origin} is not a scenario: {message}")]
    Malformed {
        /// The file or the built-in name.
        origin: String,
        /// The parser's text, with line, column and excerpt.
        message: String,
    },
    /// The values do not fit together.
    #[error("scenario `{name}` cannot be run: {message}")]
    Invalid {
        /// The scenario.
        name: String,
        /// What is wrong and what would be right.
        message: String,
    },
}
