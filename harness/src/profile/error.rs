//! Why a profile could not be had.

use std::io;

use super::sampler::SHORTEST_PERIOD_NS;

/// The kernel could not be sampled.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The kernel refused the event.
    #[error("sample the kernel on CPU {cpu} (perf_event_open): {source}; {}", remedy(.source))]
    Open {
        /// Which CPU.
        cpu: u32,
        /// What came back.
        source: io::Error,
    },
    /// The buffer could not be mapped.
    #[error(
        "map a buffer of {bytes} bytes for the samples of CPU {cpu}: {source}; less memory is needed with fewer CPUs, and without root kernel.perf_event_mlock_kb limits it"
    )]
    Map {
        /// Which CPU.
        cpu: u32,
        /// How large.
        bytes: usize,
        /// What came back.
        source: io::Error,
    },
    /// An event could not be switched or read.
    #[error("{doing} the samples of CPU {cpu}: {source}")]
    Switch {
        /// What was tried.
        doing: &'static str,
        /// Which CPU.
        cpu: u32,
        /// What came back.
        source: io::Error,
    },
    /// A file of the kernel's could not be read.
    #[error("read {path}: {source}")]
    Read {
        /// Which.
        path: &'static str,
        /// What came back.
        source: io::Error,
    },
    /// The list of CPUs is not understood.
    #[error("{path} says {text:?}, which is no list of CPUs such as 0-3,6")]
    Cpus {
        /// Which file.
        path: &'static str,
        /// What it says.
        text: String,
    },
    /// The kernel gives no addresses.
    #[error(
        "/proc/kallsyms shows no addresses, so functions have no names; be root, and where kernel.kptr_restrict is 2 set it to 1"
    )]
    AddressesHidden,
    /// The period is shorter than what the kernel can do.
    #[error("a sample every {period_ns} ns is more than the kernel can take: give {SHORTEST_PERIOD_NS} ns or more")]
    TooOften {
        /// What was asked for.
        period_ns: u64,
    },
    /// The buffer is not what the kernel is documented to write.
    #[error(
        "the samples of CPU {cpu} are damaged at byte {at} of {bytes}; please report this with the kernel's release"
    )]
    Damaged {
        /// Which CPU.
        cpu: u32,
        /// Where.
        at: usize,
        /// Of how many.
        bytes: usize,
    },
}

fn remedy(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EACCES | libc::EPERM) => {
            "sampling a whole CPU needs root of the host or VM, not of a user namespace"
        }
        Some(libc::ENOSYS | libc::ENOENT | libc::EOPNOTSUPP) => "the kernel needs CONFIG_PERF_EVENTS",
        Some(libc::EMFILE) => "allow more open files (ulimit -n)",
        _ => "see perf_event_open(2)",
    }
}
