//! The ethtool ioctl (SIOCETHTOOL, include/uapi/linux/ethtool.h), as far as rtnetlink does not do.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use crate::features::FeatureError;

/// Length of a string in the tables of ethtool, in bytes.
pub(crate) const ETH_GSTRING_LEN: usize = 32;

/// A socket to ask for what ethtool knows of one port. It acts on the namespace of the thread that opened it.
pub(crate) struct EthtoolSocket {
    socket: OwnedFd,
    port: String,
    name: [libc::c_char; libc::IFNAMSIZ],
}

impl EthtoolSocket {
    /// Opens it for `port`.
    pub(crate) fn open(port: &str) -> Result<Self, FeatureError> {
        let mut name = [0; libc::IFNAMSIZ];
        if port.is_empty() || port.len() >= name.len() || port.contains('\0') {
            return Err(FeatureError::Name(port.to_owned()));
        }
        for (to, from) in name.iter_mut().zip(port.bytes()) {
            *to = from as libc::c_char;
        }
        let socket =
            socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).map_err(|errno| {
                FeatureError::Ioctl {
                    doing: "opening a socket to ask for the state",
                    port: port.to_owned(),
                    source: errno.into(),
                }
            })?;
        Ok(EthtoolSocket { socket, port: port.to_owned(), name })
    }

    /// Hands `request`, whose first word is the command, to the kernel, which answers in place.
    pub(crate) fn call(&self, doing: &'static str, request: &mut [u32]) -> Result<(), FeatureError> {
        let ifru_data = request.as_mut_ptr().cast();
        let mut ifreq = libc::ifreq { ifr_name: self.name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_data } };
        // SAFETY: `ifreq` and the request it points to outlive the call; the caller sized the request for the count in
        // its header, which bounds what the kernel writes.
        let result = unsafe { libc::ioctl(self.socket.as_raw_fd(), libc::SIOCETHTOOL as _, &mut ifreq) };
        match result {
            0.. => Ok(()),
            _ => Err(FeatureError::Ioctl { doing, port: self.port.clone(), source: io::Error::last_os_error() }),
        }
    }
}
