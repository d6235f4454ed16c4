//! SIOCETHTOOL (include/uapi/linux/ethtool.h) in one namespace.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use flowgauge_topologies::Netns;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};

use super::error::EthtoolError;

/// Asks about the ports of the namespace that it was opened in.
#[derive(Debug)]
pub struct EthtoolSocket {
    socket: OwnedFd,
}

impl EthtoolSocket {
    /// Opens it inside `netns`.
    pub fn open(netns: &Netns) -> Result<Self, EthtoolError> {
        netns.run(Self::here)?
    }

    /// Opens it in the namespace of the calling thread.
    pub fn here() -> Result<Self, EthtoolError> {
        let socket = socket(AddressFamily::Inet, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None);
        Ok(EthtoolSocket { socket: socket.map_err(|errno| EthtoolError::Socket(errno.into()))? })
    }

    /// Hands `request`, whose first word is the command, to the kernel, which answers in place.
    ///
    /// # Safety
    /// `request` must have room for all that the kernel answers to the command.
    pub(super) unsafe fn call(&self, doing: &'static str, port: &str, request: &mut [u32]) -> Result<(), EthtoolError> {
        let mut ifr_name = [0; libc::IFNAMSIZ];
        if port.is_empty() || port.len() >= ifr_name.len() || port.contains('\0') {
            return Err(EthtoolError::Name(port.to_owned()));
        }
        for (to, from) in ifr_name.iter_mut().zip(port.bytes()) {
            *to = from as libc::c_char;
        }
        let ifru_data = request.as_mut_ptr().cast();
        let mut ifreq = libc::ifreq { ifr_name, ifr_ifru: libc::__c_anonymous_ifr_ifru { ifru_data } };
        // SAFETY: `ifreq` and the request it points to outlive the call, and the caller vouches for the room in it.
        match unsafe { libc::ioctl(self.socket.as_raw_fd(), libc::SIOCETHTOOL as _, &mut ifreq) } {
            0.. => Ok(()),
            _ => Err(EthtoolError::Ioctl { doing, port: port.to_owned(), source: io::Error::last_os_error() }),
        }
    }
}

/// The bytes of words that the kernel filled in.
pub(super) fn bytes(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}
