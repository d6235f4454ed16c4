//! Which kernel the user asks for: the value of `--kernel`.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

use super::Suite;

/// The kernel that the DUT shall run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KernelSpec {
    /// The host's own when it can do what is asked, else a Debian kernel in a VM.
    #[default]
    Auto,
    /// The running kernel.
    Host,
    /// A bzImage of the user's, or the tree that it was built in, booted in a VM.
    Path(PathBuf),
    /// A kernel of the distribution's archive, booted in a VM.
    Debian(DebianVersion),
}

/// Which of Debian's kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum DebianVersion {
    /// One version, from the suites that apt uses on this host, else from Debian's.
    Numbered {
        /// 6 in 6.12.117.
        major: u32,
        /// 12 in 6.12.117.
        minor: u32,
        /// 117 in 6.12.117; the newest that is offered where not given.
        patch: Option<u32>,
    },
    /// The newest kernel of a suite.
    Suite(Suite),
}

impl DebianVersion {
    /// What `auto` boots when the host's kernel does not suffice.
    pub const DEFAULT: Self = Self::Numbered { major: 6, minor: 12, patch: None };
}

/// A `--kernel` value that names no kernel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown kernel {given:?}; allowed: auto, host, debian:6.12, debian:6.1, debian:6.12.117, debian:stable, debian:backports, debian:sid (or newest), or the path of a bzImage or of the tree that it was built in (with a slash, such as ./bzImage); `flowgauge kernel list` shows what there is"
)]
pub struct UnknownKernel {
    /// What was given.
    pub given: String,
}

impl FromStr for KernelSpec {
    type Err = UnknownKernel;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let unknown = || UnknownKernel { given: text.to_owned() };
        match text {
            "auto" => Ok(Self::Auto),
            "host" => Ok(Self::Host),
            _ => match text.strip_prefix("debian:") {
                Some(version) => version.parse().map(Self::Debian).map_err(|()| unknown()),
                None if text.contains('/') => Ok(Self::Path(text.into())),
                None => Err(unknown()),
            },
        }
    }
}

impl FromStr for DebianVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if let Some(suite) = Suite::of_name(text) {
            return Ok(Self::Suite(suite));
        }
        let numbers: Vec<u32> = text.split('.').map(str::parse).collect::<Result<_, _>>().map_err(|_| ())?;
        match numbers[..] {
            [major, minor] => Ok(Self::Numbered { major, minor, patch: None }),
            [major, minor, patch] => Ok(Self::Numbered { major, minor, patch: Some(patch) }),
            _ => Err(()),
        }
    }
}

impl fmt::Display for DebianVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbered { major, minor, patch: None } => write!(f, "{major}.{minor}"),
            Self::Numbered { major, minor, patch: Some(patch) } => write!(f, "{major}.{minor}.{patch}"),
            Self::Suite(suite) => f.write_str(suite.name()),
        }
    }
}

impl fmt::Display for KernelSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Host => f.write_str("host"),
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Debian(version) => write!(f, "debian:{version}"),
        }
    }
}

impl TryFrom<String> for KernelSpec {
    type Error = UnknownKernel;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<KernelSpec> for String {
    fn from(spec: KernelSpec) -> Self {
        spec.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_survives_text() {
        let paths = ["./bzImage", "/boot/vmlinuz-6.1"];
        let debian = ["6.12", "6.1", "6.12.117", "newest", "stable", "backports"].map(|v| format!("debian:{v}"));
        for text in ["auto", "host"].into_iter().chain(paths).chain(debian.iter().map(String::as_str)) {
            assert_eq!(text.parse::<KernelSpec>().map(|s| s.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("debian:sid".parse::<KernelSpec>(), "debian:newest".parse());
    }

    #[test]
    fn unknown_names_are_refused_and_the_allowed_named() {
        for text in ["", "hots", "debian:", "debian:six", "debian:6", "debian:6.1.2.3", "debian:trixie", "bzImage"] {
            let error = text.parse::<KernelSpec>().unwrap_err().to_string();
            assert!(error.contains("auto, host, debian:6.12, debian:6.1"), "{error}");
        }
    }
}
