//! Names of network namespaces, as `ip netns` knows them: a bind mount of the namespace's file in /run/netns.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use thiserror::Error;

/// Where iproute2 looks for named namespaces.
pub const NAMES_DIR: &str = "/run/netns";

/// A name bound to a namespace. Dropping it unbinds the name.
#[derive(Debug)]
pub(crate) struct NamespaceName {
    name: String,
    left: bool,
}

/// Why a name could not be bound.
#[derive(Debug, Error)]
pub enum NameError {
    /// Somebody has it already.
    #[error("{} exists already: choose another name, or remove it with `ip netns del {name}`", path_of(name).display())]
    Taken {
        /// The name.
        name: String,
    },
    /// It cannot be a file name.
    #[error("`{0}` cannot name a namespace: it must be a plain file name")]
    Invalid(String),
    /// The mount point or the mount failed.
    #[error("{doing} {}: {source}; named namespaces need root and a writable /run", path.display())]
    Bind {
        /// What was tried.
        doing: &'static str,
        /// On which path.
        path: PathBuf,
        /// What came back.
        source: io::Error,
    },
}

impl NamespaceName {
    /// Binds `name` to the namespace behind `netns`.
    pub(crate) fn bind(name: &str, netns: BorrowedFd<'_>) -> Result<NamespaceName, NameError> {
        if name.is_empty() || name == "." || name == ".." || name.contains('/') {
            return Err(NameError::Invalid(name.to_owned()));
        }
        let path = path_of(name);
        let failed = |doing| {
            let path = path.clone();
            move |source| NameError::Bind { doing, path, source }
        };
        fs::create_dir_all(NAMES_DIR).map_err(failed("creating the directory of"))?;
        match OpenOptions::new().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(NameError::Taken { name: name.to_owned() });
            }
            created => drop::<File>(created.map_err(failed("creating"))?),
        }
        // From here on the file is ours, and goes with this value if the mount fails.
        let bound = NamespaceName { name: name.to_owned(), left: false };
        let source = PathBuf::from(format!("/proc/thread-self/fd/{}", netns.as_raw_fd()));
        mount(Some(&source), &path, None::<&str>, MsFlags::MS_BIND, None::<&str>)
            .map_err(io::Error::from)
            .map_err(failed("binding a network namespace to"))?;
        Ok(bound)
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn leave(&mut self) {
        self.left = true;
    }
}

impl Drop for NamespaceName {
    fn drop(&mut self) {
        if !self.left {
            // What stays behind is still in the journal; `flowgauge clean` tries again and reports.
            let _ = unbind(&self.name);
        }
    }
}

/// The path of a namespace's name.
pub fn path_of(name: &str) -> PathBuf {
    Path::new(NAMES_DIR).join(name)
}

/// Unmounts and unlinks a name. A name that is gone already is no error. The directory stays, as with iproute2.
pub(crate) fn unbind(name: &str) -> io::Result<()> {
    let path = path_of(name);
    match umount2(&path, MntFlags::MNT_DETACH) {
        // EINVAL: no mount there, only the file.
        Ok(()) | Err(nix::Error::EINVAL | nix::Error::ENOENT) => {}
        Err(errno) => return Err(errno.into()),
    }
    match fs::remove_file(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
