//! What can go wrong before a kernel is ready to boot.

use std::path::PathBuf;

/// A kernel that cannot be had, or whose files are not what they should be.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// No place to keep kernels.
    #[error(
        "no cache folder: neither FLOWGAUGE_CACHE, XDG_CACHE_HOME nor HOME is set; set FLOWGAUGE_CACHE to a folder you can write"
    )]
    NoCache,
    /// A file or folder could not be read or written.
    #[error("{action} {}: {source}", path.display())]
    Io {
        /// What was tried, such as "read".
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// What came back.
        source: std::io::Error,
    },
    /// A program that is needed to get the kernel is not installed.
    #[error(
        "fetching a kernel needs the program {program}, which is not in PATH; install {package}, or give --kernel PATH --modules DIR"
    )]
    ProgramMissing {
        /// The program.
        program: &'static str,
        /// The package that holds it.
        package: &'static str,
    },
    /// A program ran and failed.
    #[error("`{command}` failed ({status}): {stderr}")]
    Program {
        /// The command line.
        command: String,
        /// Its exit status.
        status: String,
        /// The end of what it wrote to stderr.
        stderr: String,
    },
    /// The archive that apt knows has no such kernel.
    #[error("neither the host's apt nor Debian offers a kernel debian:{wanted} for amd64; there are {}", offered(.available))]
    NotOffered {
        /// The version asked for.
        wanted: String,
        /// What there is, as `debian:MAJOR.MINOR`.
        available: Vec<String>,
    },
    /// The archive that apt knows has no package of this name.
    #[error("apt knows no package {name}")]
    NoPackage {
        /// The package asked for.
        name: String,
    },
    /// The host's apt has no source of Debian packages, so there is no place to ask for Debian's suites.
    #[error(
        "Debian's suites come from the mirror that apt uses for Debian, and apt-get indextargets names none; use --kernel PATH --modules DIR, or add a Debian source"
    )]
    NoMirror,
    /// The unpacked package lacks its kernel or its modules.
    #[error("package {package} unpacked, but holds no {what}; please report this with the package name")]
    PackageShape {
        /// The package.
        package: String,
        /// What is missing.
        what: &'static str,
    },
    /// A file is no bzImage or vmlinux.
    #[error("{} is not a bootable x86 kernel: {reason}; give a bzImage (arch/x86/boot/bzImage, /boot/vmlinuz-*)", path.display())]
    NotAKernel {
        /// The file.
        path: PathBuf,
        /// Which check failed.
        reason: String,
    },
    /// No modules folder was given, and none lies where it usually does.
    #[error("no modules for kernel {release}: none of {} exists; give --modules DIR, the folder that contains kernel/ (make modules_install INSTALL_MOD_PATH=...)", list(.tried))]
    NoModules {
        /// The release of the kernel.
        release: String,
        /// The places looked at.
        tried: Vec<PathBuf>,
    },
    /// The modules belong to another kernel.
    #[error("the modules in {} are for kernel {found}, but the kernel is {release}; they would not load: give the folder of the same build", dir.display())]
    ModulesMismatch {
        /// The modules folder.
        dir: PathBuf,
        /// Release in the modules' vermagic.
        found: String,
        /// Release of the kernel.
        release: String,
    },
    /// A folder is no tree that a kernel was built in.
    #[error("{} is no build tree of a kernel: {reason}", dir.display())]
    NotATree {
        /// The folder.
        dir: PathBuf,
        /// What is missing, and what to do.
        reason: String,
    },
    /// The tree was configured anew, or got another commit, since its kernel was built.
    #[error("in {} the kernel is {built}, but the tree was configured for {configured} since; run make -j\"$(nproc)\" there", dir.display())]
    StaleTree {
        /// The tree.
        dir: PathBuf,
        /// Release in arch/x86/boot/bzImage.
        built: String,
        /// Release in include/config/kernel.release.
        configured: String,
    },
    /// The tree names modules that it does not hold.
    #[error("{}/modules.order names {missing} modules that are not built, such as {example}; run make -j\"$(nproc)\" modules there", dir.display())]
    UnbuiltModules {
        /// The tree.
        dir: PathBuf,
        /// How many.
        missing: usize,
        /// One of them.
        example: String,
    },
    /// A module is compressed in a way that cannot be read, or is damaged.
    #[error("unpack {}: {reason}", path.display())]
    Unpack {
        /// The file.
        path: PathBuf,
        /// What the decompressor or the ELF reader said.
        reason: String,
    },
}

impl KernelError {
    /// For `map_err`: names the action and the path of an I/O error.
    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

fn offered(available: &[String]) -> String {
    if available.is_empty() { "no kernel at all; check its sources".into() } else { available.join(", ") }
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", ")
}
