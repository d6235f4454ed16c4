//! How many connections the DUT may track at once.

use crate::netns::Netns;
use crate::port::DutError;
use crate::sysctl::{self, SysctlError};

const MAX: &str = "net.netfilter.nf_conntrack_max";
const BUCKETS: &str = "net.netfilter.nf_conntrack_buckets";

/// Sees to it that the DUT may track `wanted` connections, as far as that is ours to decide, and returns the limit in
/// force (0: the kernel has no connection tracking yet).
///
/// The limit is one for the whole kernel and writable only from its initial network namespace. `kernel_is_ours` says
/// that the calling process runs in that namespace, of a VM that was started for this run; only then is it raised, the
/// hash table with it, and never lowered. On a host it is the administrator's: the caller compares and reports.
pub fn raise_conntrack_limit(dut: &Netns, wanted: u64, kernel_is_ours: bool) -> Result<u64, DutError> {
    if kernel_is_ours && read_limit()?.is_some_and(|limit| limit < wanted) {
        sysctl::write(MAX, &wanted.to_string())?;
        // An administrator who tracks so many gives the hash table as many buckets; else lookups walk long chains.
        sysctl::write(BUCKETS, &wanted.to_string())?;
    }
    // Newer kernels add a limit per namespace, bounded by the initial one's. The tighter one is in force.
    let own = dut.run(|| {
        let limit = read_limit()?;
        if kernel_is_ours && limit.is_some_and(|limit| limit < wanted) {
            // Older kernels do not let this namespace write; what is in force is read back below either way.
            let _ = sysctl::write(MAX, &wanted.to_string());
        }
        read_limit()
    })??;
    Ok([read_limit()?, own].into_iter().flatten().min().unwrap_or(0))
}

fn read_limit() -> Result<Option<u64>, SysctlError> {
    Ok(sysctl::read(MAX)?.and_then(|text| text.parse().ok()))
}
