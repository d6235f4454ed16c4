//! Parameters of the DUT's namespace that were changed, with what they were.

use std::collections::BTreeMap;

use flowgauge_topologies::Netns;
use flowgauge_topologies::sysctl::{self, SysctlError};

use super::Refused;

/// The limit of conntrack entries: the kernel's, and where a namespace has one of its own, that too.
const CONNTRACK_MAX: &str = "net.netfilter.nf_conntrack_max";

/// Changed parameters. What they were is written back by [`Settings::reset`].
#[derive(Debug, Default)]
pub(super) struct Settings {
    before: BTreeMap<String, String>,
    kernel_before: BTreeMap<String, String>,
    /// Whether the kernel is that of a VM of ours, whose parameters may be changed too.
    pub(super) kernel_is_ours: bool,
}

impl Settings {
    /// Writes a parameter and remembers what it was before the first time.
    pub(super) fn set(&mut self, netns: &Netns, key: &str, value: &str) -> Result<(), Refused> {
        if key == CONNTRACK_MAX && self.kernel_is_ours {
            // Up to 6.14 only the initial namespace may write it, and it bounds the others always.
            self.kernel_before.entry(key.to_owned()).or_insert(read(key)?);
            sysctl::write(key, value).map_err(refused)?;
            if self.set_here(netns, key, value).is_err() && netns.run(|| read(key))?? != value {
                return Err(Refused::Unsupported(format!("{key} of a namespace is not to be set to {value} here")));
            }
            return Ok(());
        }
        self.set_here(netns, key, value)
    }

    fn set_here(&mut self, netns: &Netns, key: &str, value: &str) -> Result<(), Refused> {
        let before = netns.run(|| {
            let before = read(key)?;
            sysctl::write(key, value).map_err(refused)?;
            Ok::<_, Refused>(before)
        })??;
        self.before.entry(key.to_owned()).or_insert(before);
        Ok(())
    }

    /// Writes back what the parameters were.
    pub(super) fn reset(&mut self, netns: &Netns) -> Result<(), Refused> {
        // The kernel's bounds come first, for what is within them.
        for (key, value) in std::mem::take(&mut self.kernel_before) {
            sysctl::write(&key, &value).map_err(refused)?;
        }
        let before = std::mem::take(&mut self.before);
        if before.is_empty() {
            return Ok(());
        }
        netns.run(|| before.iter().try_for_each(|(key, value)| sysctl::write(key, value)))?.map_err(refused)
    }
}

fn read(key: &str) -> Result<String, Refused> {
    let value = sysctl::read(key).map_err(refused)?;
    // Several numbers are separated by tabs, and are written with spaces as well.
    value.ok_or_else(|| Refused::Unsupported(format!("this kernel has no parameter {key}, or not in a namespace")))
}

fn refused(error: SysctlError) -> Refused {
    match error.source.raw_os_error() {
        Some(libc::ENOENT | libc::EACCES | libc::EPERM) => Refused::Unsupported(error.to_string()),
        _ => Refused::broken(error),
    }
}
