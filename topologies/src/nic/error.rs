//! What can keep the reference NIC from being built.

use std::path::PathBuf;

use crate::kernel::KernelError;

/// The module could not be built for a kernel.
#[derive(Debug, thiserror::Error)]
pub enum NicError {
    /// A program of the build is not installed.
    #[error(
        "building the reference NIC needs the program {program}, which is not in PATH; install it (apt-get install {package})"
    )]
    ProgramMissing {
        /// The program.
        program: String,
        /// The package that holds it.
        package: &'static str,
    },
    /// Neither the modules folder nor the archive has the headers.
    #[error(
        "no headers for kernel {release}: no `build` folder with a Makefile at {}, and {archive}; {}",
        tried.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", "),
        if *cached {
            "the archive holds a newer one by now: delete the cached kernel (flowgauge list kernels shows where), and the newer is fetched with its headers"
        } else {
            "for a kernel of your own run `make modules_prepare modules` and link its tree as DIR/build, where DIR is what you give to --modules"
        }
    )]
    NoHeaders {
        /// The release of the kernel.
        release: String,
        /// The places looked at.
        tried: Vec<PathBuf>,
        /// What the package archive said.
        archive: String,
        /// Whether the kernel came from the archive.
        cached: bool,
    },
    /// make cannot work below this path.
    #[error("make cannot build below {}: its path holds a space, a colon or another character that make reads; set FLOWGAUGE_CACHE to a plain path", .0.display())]
    Path(PathBuf),
    /// The compiler or the kernel's build system failed.
    #[error("building the reference NIC for kernel {release} failed ({status}): {first_errors}\n(whole output: {}; command: {command})", log.display())]
    Build {
        /// The release of the kernel.
        release: String,
        /// The command line.
        command: String,
        /// Its exit status.
        status: String,
        /// The first lines with an error.
        first_errors: String,
        /// The file with everything that make said.
        log: PathBuf,
    },
    /// The archive or the cache failed.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// A file or process of ours could not be made.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What came back.
        source: std::io::Error,
    },
}

impl NicError {
    /// For `map_err`: names the action and the path of an I/O error.
    pub(super) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}
