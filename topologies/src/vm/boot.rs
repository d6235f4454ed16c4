//! What host and guest agree on: the boot description in the initramfs, the lines that init writes
//! to the console, and the names of the devices.

use serde::{Deserialize, Serialize};

/// Where the boot description lies in the initramfs.
pub(crate) const DESCRIPTION: &str = "/flowgauge-boot.json";
/// The virtio-serial port that carries the worker's stdin and stdout.
pub(crate) const PORT: &str = "flowgauge.worker";
/// The 9p tag of the host's root.
pub(crate) const ROOT_TAG: &str = "hostroot";
/// Where init offers its own binary to the worker, after the switch to the host's root.
pub(crate) const OWN_BINARY: &str = "/run/flowgauge";

/// Written into the initramfs by the host, read by the guest's init.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BootDescription {
    /// Paths of module objects in the initramfs, in load order.
    pub(crate) modules: Vec<String>,
    /// Paths and parameters of modules that must load, in load order, after the others.
    pub(crate) extra_modules: Vec<(String, String)>,
    /// What to run. Empty: power off at once (a trial boot).
    pub(crate) worker: Vec<String>,
    /// Environment of the worker, beside PATH and HOME.
    pub(crate) environment: Vec<(String, String)>,
}

/// A line of init on the console.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Notice {
    /// Init runs.
    Init,
    /// The worker is about to be executed.
    Worker,
    /// The worker exited with this code.
    Exited(i32),
    /// The worker was killed by this signal.
    Signalled(i32),
    /// Init cannot go on.
    Failed(String),
    /// Something is not as asked, but the boot goes on.
    Note(String),
}

const MARK: &str = "flowgauge-guest: ";

impl Notice {
    /// The line, with a line end on both sides: the console is shared with the kernel.
    pub(crate) fn line(&self) -> String {
        let text = match self {
            Self::Init => "init".into(),
            Self::Worker => "worker".into(),
            Self::Exited(code) => format!("exited {code}"),
            Self::Signalled(signal) => format!("signalled {signal}"),
            Self::Failed(why) => format!("failed {}", why.replace('\n', " ")),
            Self::Note(what) => format!("note {}", what.replace('\n', " ")),
        };
        format!("\n{MARK}{text}\n")
    }

    /// The notice in a line of console text, if it is one.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let text = line.trim().strip_prefix(MARK)?;
        let (word, rest) = text.split_once(' ').unwrap_or((text, ""));
        match word {
            "init" => Some(Self::Init),
            "worker" => Some(Self::Worker),
            "exited" => rest.parse().ok().map(Self::Exited),
            "signalled" => rest.parse().ok().map(Self::Signalled),
            "failed" => Some(Self::Failed(rest.into())),
            "note" => Some(Self::Note(rest.into())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notices_survive_the_console() {
        let all =
            [Notice::Init, Notice::Worker, Notice::Exited(3), Notice::Signalled(11), Notice::Failed("no 9p".into())];
        for notice in all {
            assert_eq!(notice.line().lines().find_map(Notice::parse), Some(notice));
        }
        assert_eq!(Notice::parse("[    1.0] usb 1-1: flowgauge-guest: init"), None);
    }
}
