//! One run's record on disk.

use std::os::unix::fs::MetadataExt;
use std::{fs, io};

use serde::{Deserialize, Serialize};

use super::Resource;
use crate::process::ProcessId;

/// The version of the format. A record of another one is reported and left alone.
const VERSION: u32 = 1;

/// Who made what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entry {
    version: u32,
    /// The run's process.
    pub(super) owner: ProcessId,
    /// The boot in which `owner` is a number; after a reboot it is dead whatever has its number.
    boot_id: String,
    /// The PID namespace in which `owner` is a number (inode of its file); from another one it cannot be judged.
    pid_namespace: u64,
    /// What it made, in order.
    pub(super) resources: Vec<Resource>,
}

/// Whether a run still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Alive,
    Dead,
    /// Dead, and the machine was restarted since: only files can be left.
    DeadBeforeBoot,
    /// Its number means nothing in our PID namespace.
    Unknown,
}

impl Entry {
    pub(super) fn of_this_process() -> io::Result<Entry> {
        Ok(Entry {
            version: VERSION,
            owner: ProcessId::own()?,
            boot_id: boot_id()?,
            pid_namespace: pid_namespace()?,
            resources: Vec::new(),
        })
    }

    pub(super) fn to_json(&self) -> io::Result<String> {
        Ok(serde_json::to_string_pretty(self)?)
    }

    pub(super) fn from_json(json: &str) -> io::Result<Entry> {
        let entry: Entry = serde_json::from_str(json)?;
        match entry.version {
            VERSION => Ok(entry),
            other => Err(io::Error::other(format!("version {other} of the journal is not known here"))),
        }
    }

    pub(super) fn life(&self) -> io::Result<Life> {
        Ok(if self.boot_id != boot_id()? {
            Life::DeadBeforeBoot
        } else if self.pid_namespace != pid_namespace()? {
            Life::Unknown
        } else if self.owner.is_alive() {
            Life::Alive
        } else {
            Life::Dead
        })
    }
}

fn boot_id() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

fn pid_namespace() -> io::Result<u64> {
    Ok(fs::metadata("/proc/self/ns/pid")?.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn survives_its_own_json_and_knows_who_lives() {
        let entry = Entry::of_this_process().unwrap();
        assert_eq!(Entry::from_json(&entry.to_json().unwrap()).unwrap(), entry);
        assert_eq!(entry.life().unwrap(), Life::Alive);
        let mut other = entry.clone();
        other.owner.start_ticks += 1;
        assert_eq!(other.life().unwrap(), Life::Dead);
        other.pid_namespace += 1;
        assert_eq!(other.life().unwrap(), Life::Unknown);
        other.boot_id.clear();
        assert_eq!(other.life().unwrap(), Life::DeadBeforeBoot);
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        let mut entry = Entry::of_this_process().unwrap();
        entry.version = 99;
        assert!(Entry::from_json(&entry.to_json().unwrap()).unwrap_err().to_string().contains("version 99"));
        for text in ["", "{}", "[]", r#"{"version":1}"#] {
            assert!(Entry::from_json(text).is_err(), "{text:?}");
        }
    }
}
