//! What a witness is, and how it fails.

use std::fmt::Debug;
use std::io;

use flowgauge_reports::observation::Reading;
use thiserror::Error;

use super::netlink::NetlinkError;
use crate::ethtool::EthtoolError;

/// One independent observation of the path packets took.
///
/// The value is that of one moment; witnesses are read before and after a trial, and the difference counts.
pub trait Witness<T>: Debug + Send {
    /// Reads it. [`WitnessError::Absent`]: there is nothing to read here, by design.
    fn read(&mut self) -> Result<T, WitnessError>;
}

/// Why a witness saw nothing.
#[derive(Debug, Error)]
pub enum WitnessError {
    /// What it watches does not exist here, by design.
    #[error("what it watches does not exist here")]
    Absent,
    /// It could not be set up, and every reading says why.
    #[error("{0}")]
    Unavailable(String),
    /// A port's counters could not be read.
    #[error("port {name}: {source}; is it still there (`ip -s link show {name}` in its namespace)?")]
    Port {
        /// The port.
        name: String,
        /// What came back.
        source: NetlinkError,
    },
    /// The kernel described the port without counters.
    #[error("port {name}: the kernel's answer has no 64-bit counters (IFLA_STATS64)")]
    NoCounters {
        /// The port.
        name: String,
    },
    /// Netlink failed.
    #[error("{source}{hint}")]
    Netlink {
        /// What came back.
        source: NetlinkError,
        /// What to do about it; empty where nothing is known.
        hint: &'static str,
    },
    /// ethtool's data of a port could not be read.
    #[error(transparent)]
    Ethtool(#[from] EthtoolError),
    /// A counter rule is missing or there twice.
    #[error(
        "table {table}, chain {chain}: {found} counter rules have the comment \"{comment}\" where there must be one; was the ruleset changed by others?"
    )]
    Rules {
        /// The table.
        table: &'static str,
        /// The chain.
        chain: &'static str,
        /// The comment looked for.
        comment: &'static str,
        /// How many rules have it.
        found: usize,
    },
    /// A file could not be read.
    #[error("reading {path}: {source}; is /proc mounted?")]
    File {
        /// The file.
        path: &'static str,
        /// What came back.
        source: io::Error,
    },
    /// A file does not read as the kernel writes it.
    #[error("{path}: {what}; this kernel writes it in a way that flowgauge does not know: please report it")]
    Format {
        /// The file.
        path: &'static str,
        /// What was expected and what is there.
        what: String,
    },
}

/// What goes into the observation.
pub(super) fn reading<T>(outcome: Result<T, WitnessError>) -> Reading<T> {
    match outcome {
        Ok(value) => Reading::Seen(value),
        Err(WitnessError::Absent) => Reading::Absent,
        Err(error) => Reading::Missing { why: error.to_string() },
    }
}
