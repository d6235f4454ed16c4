//! The things a run may leave behind, and how each is removed.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::netns::NetnsId;
use crate::netns_name::{path_of, unbind};
use crate::process::ProcessId;

/// Something that outlives the process that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Resource {
    /// A name in /run/netns.
    NamedNamespace {
        /// The name.
        name: String,
        /// The namespace it was bound to; bound to another, the name is somebody else's by now.
        id: NetnsId,
    },
    /// A file, or a directory with all that is in it.
    Path(PathBuf),
    /// A child process.
    Process(ProcessId),
}

/// What became of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Removed,
    Gone,
    /// There is something of that name, and it is not ours.
    Foreign(&'static str),
}

impl Resource {
    /// Removes it; with `dry_run`, only tells what would happen. `since_boot`: made in the present boot.
    pub(super) fn remove(&self, dry_run: bool, since_boot: bool) -> io::Result<Outcome> {
        match self {
            // Neither survives a reboot.
            Resource::NamedNamespace { .. } | Resource::Process(_) if !since_boot => Ok(Outcome::Gone),
            Resource::NamedNamespace { name, id } => remove_name(name, *id, dry_run),
            Resource::Path(path) => remove_path(path, dry_run),
            Resource::Process(process) if !process.is_alive() => Ok(Outcome::Gone),
            Resource::Process(_) if dry_run => Ok(Outcome::Removed),
            Resource::Process(process) => Ok(if process.kill()? { Outcome::Removed } else { Outcome::Gone }),
        }
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Resource::NamedNamespace { name, .. } => write!(f, "network namespace {name}"),
            Resource::Path(path) => write!(f, "{}", path.display()),
            Resource::Process(process) => write!(f, "process {}", process.pid),
        }
    }
}

fn remove_name(name: &str, id: NetnsId, dry_run: bool) -> io::Result<Outcome> {
    if name.is_empty() || name == "." || name == ".." || name.contains('/') {
        return Ok(Outcome::Foreign("it is no name of a namespace"));
    }
    let Some(meta) = examine(&path_of(name))? else { return Ok(Outcome::Gone) };
    let ours = NetnsId { device: meta.dev(), inode: meta.ino() } == id;
    // Killed between making the file and mounting on it: an empty file is all there is.
    let never_bound = meta.is_file() && meta.len() == 0 && meta.dev() != id.device;
    if !ours && !never_bound {
        return Ok(Outcome::Foreign("the name belongs to another namespace now"));
    }
    if !dry_run {
        unbind(name)?;
    }
    Ok(Outcome::Removed)
}

fn remove_path(path: &Path, dry_run: bool) -> io::Result<Outcome> {
    if !path.is_absolute() || path.components().count() < 3 {
        return Ok(Outcome::Foreign("only absolute paths below a top-level directory are removed"));
    }
    let Some(meta) = examine(path)? else { return Ok(Outcome::Gone) };
    if !dry_run {
        // A symbolic link is removed, never followed.
        if meta.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    Ok(Outcome::Removed)
}

fn examine(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
