//! The reference NIC from within: its faults are switched, its table of rules is read.
//!
//! Both are the module's, not a port's: they do not depend on the namespace of who asks, and there is one card per
//! kernel. Only ever in a VM that flowgauge booted itself.

mod faults;
mod rule;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

pub use rule::{HardwareRule, RuleKind};

/// Why the reference NIC could not be asked or told something.
#[derive(Debug, Error)]
pub enum ReferenceNicError {
    /// The module is not there.
    #[error("no reference NIC: {path} does not exist; its module flowgauge_nic is loaded only in flowgauge's own VM")]
    NotLoaded {
        /// What was looked for.
        path: PathBuf,
    },
    /// A file could not be read.
    #[error("reading {path}: {source}; debugfs must be mounted at /sys/kernel/debug, and only root may read it")]
    Read {
        /// The file.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
    /// A fault could not be set.
    #[error("writing {value} to {path}: {source}; is /sys mounted read-only?")]
    Write {
        /// The file.
        path: PathBuf,
        /// The value.
        value: u32,
        /// What came back.
        source: io::Error,
    },
    /// What was read back is something else.
    #[error("{path} reads \"{text}\" where {wanted} was written: the fault is not as asked")]
    NotInForce {
        /// The file.
        path: PathBuf,
        /// What it says.
        text: String,
        /// What was written.
        wanted: u32,
    },
    /// The table of rules does not read as the module writes it.
    #[error("{path}, line {line}: {what}; the module and this program are of different versions")]
    Format {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
}

/// The reference NIC of the kernel we run on.
#[derive(Clone, Debug)]
pub struct ReferenceNic {
    parameters: PathBuf,
    rules: PathBuf,
}

impl ReferenceNic {
    /// Finds it.
    pub fn find() -> Result<Self, ReferenceNicError> {
        Self::below(Path::new("/sys"))
    }

    /// Finds it below another root than `/sys`.
    fn below(sys: &Path) -> Result<Self, ReferenceNicError> {
        let parameters = sys.join("module/flowgauge_nic/parameters");
        if !parameters.is_dir() {
            return Err(ReferenceNicError::NotLoaded { path: parameters });
        }
        Ok(ReferenceNic { parameters, rules: sys.join("kernel/debug/flowgauge_nic/rules") })
    }

    /// Every rule in its table.
    pub fn rules(&self) -> Result<Vec<HardwareRule>, ReferenceNicError> {
        let text = read(&self.rules)?;
        let parse = |(number, line): (usize, &str)| {
            let format = |what| ReferenceNicError::Format { path: self.rules.clone(), line: number + 1, what };
            HardwareRule::parse(line).map_err(format)
        };
        text.lines().enumerate().map(parse).collect()
    }
}

fn read(path: &Path) -> Result<String, ReferenceNicError> {
    fs::read_to_string(path).map_err(|source| ReferenceNicError::Read { path: path.to_owned(), source })
}
