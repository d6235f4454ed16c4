//! The programs that flowgauge uses, and their versions.

use std::io;
use std::process::{Command, Stdio};

use super::report::Check;

/// Programs that some scenarios or kernels need, each with the package it comes in.
const PROGRAMS: [(&str, &str); 3] = [("iperf3", "iperf3"), ("ethtool", "ethtool"), ("apt-get", "apt")];

/// Every program, in PATH or not.
pub(super) fn checks() -> Vec<Check> {
    let mut checks = vec![match crate::nft::version() {
        Ok(version) => Check::ok("nft", version),
        Err(error) => Check::gap("nft", error.to_string(), "apt-get install nftables"),
    }];
    checks.extend(PROGRAMS.iter().map(|(name, package)| match version(name, "--version") {
        Ok(version) => Check::ok(*name, version),
        Err(error) => Check::info(*name, format!("{error} (package {package})")),
    }));
    checks
}

/// The version that a program prints.
pub(super) fn version(program: &str, argument: &str) -> Result<String, String> {
    match Command::new(crate::nft::locate(program)).arg(argument).stdin(Stdio::null()).stderr(Stdio::null()).output() {
        Ok(output) => {
            version_in(&String::from_utf8_lossy(&output.stdout)).ok_or_else(|| "it prints no version".to_owned())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err("not in PATH".to_owned()),
        Err(error) => Err(format!("cannot be run: {error}")),
    }
}

/// The first word of the first line that begins like a number: `iperf 3.12 (cJSON 1.7.15)` has 3.12.
fn version_in(text: &str) -> Option<String> {
    let words = text.lines().next()?.split_ascii_whitespace();
    words
        .map(|word| word.trim_matches(['(', ')', ',']))
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_found_in_what_programs_print() {
        for (text, version) in [
            ("iperf 3.12 (cJSON 1.7.15)\nLinux ...", Some("3.12")),
            ("ethtool version 6.1", Some("6.1")),
            ("QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18+b3)", Some("7.2.22")),
            ("apt 2.6.1 (amd64)", Some("2.6.1")),
            ("", None),
            ("no version here", None),
        ] {
            assert_eq!(version_in(text).as_deref(), version, "{text}");
        }
        assert_eq!(version("flowgauge-no-such-program", "-V").unwrap_err(), "not in PATH");
    }
}
