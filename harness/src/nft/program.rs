//! The program nft, run inside a namespace.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::thread;

use flowgauge_topologies::{Netns, NetnsError};
use thiserror::Error;

use super::refusal::Refusal;
use crate::witnesses::netlink::NetlinkError;

/// Why nft did not do it.
#[derive(Debug, Error)]
pub enum NftError {
    /// nft is not installed.
    #[error("the program nft is not in PATH; install the package nftables (apt-get install nftables)")]
    NotInstalled,
    /// nft could not be run.
    #[error("running nft: {0}")]
    Run(#[source] io::Error),
    /// The namespace could not be entered.
    #[error(transparent)]
    Namespace(#[from] NetnsError),
    /// nft refused the input.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// nft answered something else than was asked for.
    #[error("nft {what} printed what flowgauge cannot read: {text}")]
    Unreadable {
        /// The arguments.
        what: &'static str,
        /// What it printed.
        text: String,
    },
    /// The tables that exist could not be listed.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A batch could not be written as JSON.
    #[error("writing a batch of rules as JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// Runs nft inside `netns` with `input` on its standard input.
pub(super) fn run(netns: &Netns, arguments: &[&str], input: &str) -> Result<Output, NftError> {
    // A child is born into the namespace of the thread that starts it.
    netns.run(|| {
        let mut command = Command::new(locate("nft"));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(not_run)?;
        let stdin = child.stdin.take();
        thread::scope(|scope| {
            // On a thread of its own, or a long input and a long answer would wait for each other.
            scope.spawn(move || {
                if let Some(mut stdin) = stdin {
                    // nft may end before it has read all; its status tells.
                    let _ = stdin.write_all(input.as_bytes());
                }
            });
            child.wait_with_output().map_err(NftError::Run)
        })
    })?
}

/// Where a program lies: in PATH, or in the `sbin` beside a `bin` of PATH, which ordinary users of Debian lack although
/// nft works for them in a user namespace. Its bare name if it is in neither.
pub fn locate(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let bins: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let sbins = bins.iter().filter(|dir| dir.ends_with("bin")).map(|dir| dir.with_file_name("sbin"));
    let found = bins.iter().cloned().chain(sbins).map(|dir| dir.join(program)).find(|file| file.is_file());
    found.unwrap_or_else(|| PathBuf::from(program))
}

fn not_run(error: io::Error) -> NftError {
    match error.kind() {
        io::ErrorKind::NotFound => NftError::NotInstalled,
        _ => NftError::Run(error),
    }
}

/// The version of the nft in PATH, such as `1.0.6`.
pub fn version() -> Result<String, NftError> {
    let output = Command::new(locate("nft")).arg("--version").stdin(Stdio::null()).output().map_err(not_run)?;
    let text = String::from_utf8_lossy(&output.stdout);
    version_of(&text).ok_or_else(|| NftError::Unreadable { what: "--version", text: text.trim().to_owned() })
}

/// `nftables v1.0.6 (Lester Gooch #5)`
fn version_of(text: &str) -> Option<String> {
    let word = text.split_ascii_whitespace().nth(1)?.strip_prefix('v')?;
    word.starts_with(|c: char| c.is_ascii_digit()).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_located_or_left_to_fail_by_name() {
        assert!(locate("sh").is_absolute());
        assert_eq!(locate("flowgauge-no-such-program"), PathBuf::from("flowgauge-no-such-program"));
    }

    #[test]
    fn the_version_is_the_second_word() {
        assert_eq!(version_of("nftables v1.0.6 (Lester Gooch #5)\n").as_deref(), Some("1.0.6"));
        assert_eq!(version_of("nftables v1.1.3 (Commodore Bullmoose #4)").as_deref(), Some("1.1.3"));
        for text in ["", "nftables", "nftables vx", "sh: nft: not found"] {
            assert_eq!(version_of(text), None, "{text}");
        }
    }
}
