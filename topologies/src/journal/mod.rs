//! What a killed run could leave behind, written down before it exists.
//!
//! Most of a testbed is anonymous and goes with its process. What does not (names in /run/netns, files, child
//! processes) is recorded first, in one small file per run. A run that ends removes its file; [`clean`] reads the files
//! of the runs that did not, removes what they name, and touches nothing else.

mod clean;
mod entry;
mod resource;

use std::fs::{self, DirBuilder};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use nix::unistd::geteuid;
use thiserror::Error;

pub use clean::{Action, Report, clean};
pub use resource::Resource;

use entry::Entry;

/// The record of one run. Dropping it, once what it names is gone, removes it.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    entry: Entry,
    left: bool,
}

/// Why the journal could not be kept.
#[derive(Debug, Error)]
pub enum JournalError {
    /// A file operation failed.
    #[error("{doing} {}: {source}", path.display())]
    File {
        /// What was tried.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
    /// Somebody else could write the directory, and have us remove what they like.
    #[error("{} must be a directory of our own with mode 0700: remove it, or set XDG_RUNTIME_DIR", .0.display())]
    NotOurs(PathBuf),
}

impl Journal {
    /// Opens the record of a run of this process. A process may have several.
    pub fn open() -> Result<Journal, JournalError> {
        Self::open_in(&directory())
    }

    /// Opens a record in a directory of the caller's choice: made if it is not there, removed with its last record.
    pub fn open_in(directory: &Path) -> Result<Journal, JournalError> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        claim(directory)?;
        let entry = Entry::of_this_process().map_err(failed("reading", Path::new("/proc/self/stat")))?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("run-{}-{}-{number}.json", entry.owner.pid, entry.owner.start_ticks);
        Ok(Journal { path: directory.join(name), entry, left: false })
    }

    /// Writes down something that is about to be made. On disk when this returns.
    pub fn record(&mut self, resource: Resource) -> Result<(), JournalError> {
        self.entry.resources.push(resource);
        self.write()
    }

    /// Strikes out something that is gone.
    pub fn forget(&mut self, resource: &Resource) -> Result<(), JournalError> {
        self.entry.resources.retain(|recorded| recorded != resource);
        self.write()
    }

    /// Leaves the record, for [`clean`] to work through when this process has ended.
    pub(crate) fn leave(&mut self) {
        self.left = true;
    }

    fn directory(&self) -> &Path {
        self.path.parent().unwrap_or(Path::new("/"))
    }

    /// Replaces the file as a whole, so that a kill at any moment leaves the old one or the new one.
    fn write(&self) -> Result<(), JournalError> {
        let draft = self.path.with_extension("draft");
        let json = self.entry.to_json().map_err(failed("composing", &self.path))?;
        let mut file = match fs::File::create(&draft) {
            // A run that ended in between has removed the directory, which was empty.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                claim(self.directory())?;
                fs::File::create(&draft)
            }
            created => created,
        }
        .map_err(failed("creating", &draft))?;
        file.write_all(json.as_bytes()).map_err(failed("writing", &draft))?;
        fs::rename(&draft, &self.path).map_err(failed("renaming a draft to", &self.path))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        if !self.left {
            // A record that stays does no harm: what it names is gone, and `clean` removes it.
            let _ = fs::remove_file(&self.path);
            // Succeeds only when no other record is there.
            let _ = fs::remove_dir(self.directory());
        }
    }
}

/// Where the records are: $XDG_RUNTIME_DIR/flowgauge, else /tmp/flowgauge-UID.
pub fn directory() -> PathBuf {
    match std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from).filter(|dir| dir.is_absolute() && dir.is_dir()) {
        Some(runtime) => runtime.join("flowgauge"),
        None => PathBuf::from(format!("/tmp/flowgauge-{}", geteuid())),
    }
}

/// Makes the directory, or checks that it is ours alone: in /tmp anybody could have made it first.
fn claim(directory: &Path) -> Result<(), JournalError> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check_ours(directory),
        made => made.map_err(failed("creating the directory", directory)),
    }
}

fn check_ours(directory: &Path) -> Result<(), JournalError> {
    let meta = fs::symlink_metadata(directory).map_err(failed("examining", directory))?;
    match meta.is_dir() && meta.uid() == geteuid().as_raw() && meta.mode() & 0o077 == 0 {
        true => Ok(()),
        false => Err(JournalError::NotOurs(directory.to_owned())),
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> JournalError {
    let path = path.to_owned();
    move |source| JournalError::File { doing, path, source }
}
