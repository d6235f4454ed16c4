//! Which kernel the user asks for: the value of `--kernel`.

use std::{fmt, path::PathBuf, str::FromStr};

use serde::{Deserialize, Serialize};

/// The kernel that the DUT shall run.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum KernelSpec {
    /// The host's own when it can do what is asked, else a Debian kernel in a VM.
    #[default]
    Auto,
    /// The running kernel.
    Host,
    /// A bzImage of the user's, booted in a VM.
    Path(PathBuf),
    /// The newest kernel of this version that the distribution's archive offers, or Debian's newest of all, booted in
    /// a VM.
    Debian(DebianVersion),
}

/// Which of Debian's kernels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DebianVersion {
    /// The newest patch level of one version, from the suites that apt uses on this host.
    Numbered {
        /// 6 in 6.12.
        major: u32,
        /// 12 in 6.12.
        minor: u32,
    },
    /// The newest kernel that Debian has packaged (suite sid).
    Newest,
}

impl DebianVersion {
    /// What `auto` boots when the host's kernel does not suffice.
    pub const DEFAULT: Self = Self::Numbered { major: 6, minor: 12 };
}

/// A `--kernel` value that names no kernel.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown kernel {given:?}; allowed: auto, host, debian:6.12, debian:6.1, debian:newest, or the path of a bzImage (with a slash, such as ./bzImage)"
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
        if text == "newest" {
            return Ok(Self::Newest);
        }
        let (major, minor) = text.split_once('.').ok_or(())?;
        Ok(Self::Numbered { major: major.parse().map_err(|_| ())?, minor: minor.parse().map_err(|_| ())? })
    }
}

impl fmt::Display for DebianVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Numbered { major, minor } => write!(f, "{major}.{minor}"),
            Self::Newest => f.write_str("newest"),
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
        for text in ["auto", "host", "./bzImage", "/boot/vmlinuz-6.1", "debian:6.12", "debian:6.1", "debian:newest"] {
            assert_eq!(text.parse::<KernelSpec>().map(|s| s.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn unknown_names_are_refused_and_the_allowed_named() {
        for text in ["", "hots", "debian:", "debian:six", "debian:6", "bzImage"] {
            let error = text.parse::<KernelSpec>().unwrap_err().to_string();
            assert!(error.contains("auto, host, debian:6.12, debian:6.1"), "{error}");
        }
    }
}
