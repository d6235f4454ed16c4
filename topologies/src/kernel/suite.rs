//! Debian's suites that kernels are taken from.

/// A suite of Debian's archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Suite {
    /// The release of now.
    Stable,
    /// Newer kernels, built for the release of now.
    Backports,
    /// The newest kernel that Debian has packaged.
    Sid,
}

impl Suite {
    /// All of them, from the oldest kernels to the newest.
    pub const ALL: [Suite; 3] = [Suite::Stable, Suite::Backports, Suite::Sid];

    /// Its name in `--kernel debian:NAME`. That of sid is what it stands for; `sid` is understood too.
    pub const fn name(self) -> &'static str {
        match self {
            Suite::Stable => "stable",
            Suite::Backports => "backports",
            Suite::Sid => "newest",
        }
    }

    /// Its folder below `dists/` of a mirror.
    pub const fn archive_name(self) -> &'static str {
        match self {
            Suite::Stable => "stable",
            Suite::Backports => "stable-backports",
            Suite::Sid => "sid",
        }
    }

    /// The suite of this name, in whichever of the two ways.
    pub fn of_name(name: &str) -> Option<Suite> {
        Suite::ALL.into_iter().find(|suite| suite.name() == name || suite.archive_name() == name)
    }
}
