//! The things a run may leave behind, and how each is removed.
//!
//! A record is a file, and a file can be wrong: damaged, of another version, or made by somebody who wants to see
//! something removed. So it is believed only where it names what a run of flowgauge can have made.

use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};
use std::{fs, io};

use nix::unistd::geteuid;
use serde::{Deserialize, Serialize};

use crate::netns::NetnsId;
use crate::netns_name::{path_of, unbind};
use crate::process::ProcessId;
use crate::spec::is_kept_name;

/// Something that outlives the process that made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Resource {
    /// A name in /run/netns: PREFIX-client, PREFIX-dut or PREFIX-server.
    NamedNamespace {
        /// The name.
        name: String,
        /// The namespace it was bound to; bound to another, the name is somebody else's by now.
        id: NetnsId,
    },
    /// A file, or a directory with all that is in it: of our own, at or below something called flowgauge...
    Path(PathBuf),
    /// A child process: flowgauge, QEMU or iperf3.
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
            Resource::Process(process) => end_process(process, dry_run),
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
    if !is_kept_name(name) {
        return Ok(Outcome::Foreign("no testbed has a namespace of that name"));
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
    if !is_ours_by_name(path) {
        return Ok(Outcome::Foreign("no run makes anything there: only absolute paths below a folder flowgauge..."));
    }
    let Some(meta) = examine(path)? else { return Ok(Outcome::Gone) };
    // A link on the way would lead elsewhere. Somebody else cannot put one into what is ours.
    let parent = path.parent().unwrap_or(path);
    if parent.canonicalize()? != parent {
        return Ok(Outcome::Foreign("its path leads through a symbolic link"));
    }
    if meta.uid() != geteuid().as_raw() {
        return Ok(Outcome::Foreign("it belongs to another user"));
    }
    if !dry_run {
        // A symbolic link is removed, never followed.
        if meta.is_dir() { fs::remove_dir_all(path)? } else { fs::remove_file(path)? }
    }
    Ok(Outcome::Removed)
}

/// Whether a path, as it is written, is absolute without detours and leads to or through something called flowgauge...
fn is_ours_by_name(path: &Path) -> bool {
    // `components` swallows `.` and doubled slashes, but the text must be what it says.
    let plain = path.components().collect::<PathBuf>().as_os_str() == path.as_os_str();
    let mut components = path.components();
    let rooted = components.next() == Some(Component::RootDir);
    let mut ours = false;
    for (depth, component) in components.enumerate() {
        let Component::Normal(name) = component else { return false };
        ours |= depth > 0 && name.as_encoded_bytes().starts_with(b"flowgauge");
    }
    plain && rooted && ours
}

fn end_process(process: &ProcessId, dry_run: bool) -> io::Result<Outcome> {
    if !process.is_alive() {
        return Ok(Outcome::Gone);
    }
    // Should the number pass to another process after this look, its start does not match, and nothing is killed.
    match process.program() {
        Ok(program) if is_run_by_us(&program) => {}
        Ok(_) => return Ok(Outcome::Foreign("it runs neither flowgauge nor QEMU nor iperf3")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Outcome::Gone),
        Err(_) => return Ok(Outcome::Foreign("what it runs cannot be read, so it is somebody else's")),
    }
    if dry_run {
        return Ok(Outcome::Removed);
    }
    Ok(if process.kill()? { Outcome::Removed } else { Outcome::Gone })
}

/// Whether a run starts programs of this file name.
fn is_run_by_us(program: &str) -> bool {
    matches!(program, "flowgauge" | "iperf3") || program.starts_with("qemu-system-")
}

fn examine(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(meta) => Ok(Some(meta)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_of_runs_are_believed() {
        for good in ["/tmp/flowgauge-0/vm-1", "/run/user/7/flowgauge/x", "/tmp/flowgauge-vm-1/initramfs.cpio"] {
            assert!(is_ours_by_name(Path::new(good)), "{good}");
        }
        for bad in [
            "",
            "/",
            "/tmp",
            "/flowgauge",
            "flowgauge/x",
            "/etc/passwd",
            "/tmp/flowgauge-0/../../etc",
            "/tmp/./flowgauge-0/x",
            "/tmp//flowgauge-0/x",
            "/home/user/not-flowgauge",
        ] {
            assert!(!is_ours_by_name(Path::new(bad)), "{bad}");
        }
    }

    #[test]
    fn only_programs_of_runs_are_ended() {
        assert!(["flowgauge", "iperf3", "qemu-system-x86_64"].into_iter().all(is_run_by_us));
        assert!(!["", "bash", "flowgauge-other", "qemu-img", "sshd"].into_iter().any(is_run_by_us));
        let own = Resource::Process(ProcessId::own().unwrap());
        assert!(matches!(own.remove(true, true), Ok(Outcome::Foreign(_))), "this test is none of them");
    }
}
