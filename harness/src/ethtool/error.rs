//! Why ethtool's questions got no answer.

use std::io;

use flowgauge_topologies::NetnsError;
use thiserror::Error;

use crate::witnesses::netlink::NetlinkError;

/// Why a port's ethtool data could not be read.
#[derive(Debug, Error)]
pub enum EthtoolError {
    /// The kernel refused the ioctl.
    #[error("{doing} of {port} (SIOCETHTOOL): {source}")]
    Ioctl {
        /// What was tried.
        doing: &'static str,
        /// On which port.
        port: String,
        /// What came back.
        source: io::Error,
    },
    /// The kernel refused the netlink request.
    #[error("port {port}: {source}")]
    Netlink {
        /// On which port.
        port: String,
        /// What came back.
        source: NetlinkError,
    },
    /// No conversation with the kernel.
    #[error("asking for ethtool's family of generic netlink: {0}; it needs CONFIG_ETHTOOL_NETLINK, Linux 5.13")]
    Family(#[source] NetlinkError),
    /// No socket.
    #[error("opening a socket for ethtool: {0}")]
    Socket(#[source] io::Error),
    /// The namespace could not be entered.
    #[error(transparent)]
    Namespace(#[from] NetnsError),
    /// The name is too long for the kernel.
    #[error("`{0}` is no interface name: it must have 1 to 15 bytes and no NUL")]
    Name(String),
    /// More statistics than there is room for.
    #[error("{port} has {count} statistics, more than the {limit} that there is room for: please report it")]
    TooMany {
        /// On which port.
        port: String,
        /// How many.
        count: usize,
        /// The room.
        limit: usize,
    },
}

impl EthtoolError {
    /// Whether the driver or the kernel has no such thing.
    pub fn is_unsupported(&self) -> bool {
        let errno = match self {
            EthtoolError::Ioctl { source, .. } => source.raw_os_error(),
            EthtoolError::Netlink { source, .. } | EthtoolError::Family(source) => source.errno(),
            _ => None,
        };
        errno == Some(libc::EOPNOTSUPP)
    }
}
