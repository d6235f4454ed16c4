//! Errors of rtnetlink that say what was asked.

use std::io;

use thiserror::Error;

/// A request that rtnetlink refused.
#[derive(Debug, Error)]
#[error("{doing}: {source}{hint}", hint = hint(.source))]
pub struct NetlinkError {
    /// What was tried, on what.
    pub doing: String,
    /// What came back.
    pub source: io::Error,
}

/// Names a request, for the error it may come back with.
pub(crate) trait Doing<T> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, NetlinkError>;
}

impl<T> Doing<T> for Result<T, rtnetlink::Error> {
    fn doing(self, what: impl FnOnce() -> String) -> Result<T, NetlinkError> {
        self.map_err(|error| {
            let source = match error {
                rtnetlink::Error::NetlinkError(message) => message.to_io(),
                other => io::Error::other(other.to_string()),
            };
            NetlinkError { doing: what(), source }
        })
    }
}

fn hint(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EPERM) => "; it needs CAP_NET_ADMIN in the namespace",
        Some(libc::EOPNOTSUPP) => {
            "; the kernel has no driver for it (for veth: CONFIG_VETH, or `modprobe veth`; for dummy: CONFIG_DUMMY, or `modprobe dummy`)"
        }
        _ => "",
    }
}
