//! A tester's port: a socket that sends and one that listens. It outlives its link: a port that was deleted and made
//! again is opened again.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{MsgFlags, send};

use super::error::CableError;
use super::listener::Listener;
use super::uncut;
use crate::generators::raw::socket::{inside, sender};
use crate::generators::raw::wire::Wire;

/// How often a full queue is asked again before the frame is taken for lost.
const ATTEMPTS: u32 = 64;

/// A tester's port.
#[derive(Debug)]
pub(super) struct Port {
    pub(super) wire: Wire,
    pub(super) listener: Listener,
    tx: OwnedFd,
    /// The port that the sockets are bound to is gone.
    gone: bool,
}

impl Port {
    /// Opens both sockets.
    pub(super) fn open(wire: Wire) -> Result<Port, CableError> {
        let (tx, listener) = sockets(&wire)?;
        Ok(Port { wire, listener, tx, gone: false })
    }

    /// Opens the sockets anew where the port had gone and is there again.
    pub(super) fn revive(&mut self) {
        if self.gone
            && let Ok((tx, listener)) = sockets(&self.wire)
        {
            (self.tx, self.listener, self.gone) = (tx, listener, false);
        }
    }

    /// Sends a frame with TCP that is still to be cut, on a socket of its own.
    pub(super) fn send_uncut(&mut self, frame: &[u8], segment: u16) -> Result<(), CableError> {
        let port = || self.wire.ifname.clone();
        let tx =
            uncut::socket(&self.wire).map_err(|(step, source)| CableError::Socket { step, port: port(), source })?;
        let whole = uncut::with_header(frame, segment);
        match send(tx.as_raw_fd(), &whole, MsgFlags::empty()) {
            Ok(_) => Ok(()),
            Err(error) => Err(CableError::Send { port: port(), len: frame.len(), source: error.into() }),
        }
    }

    /// Sends a frame. False where the link is dead and the frame lost.
    pub(super) fn send(&mut self, frame: &[u8]) -> Result<bool, CableError> {
        for _ in 0..ATTEMPTS {
            match send(self.tx.as_raw_fd(), frame, MsgFlags::empty()) {
                Ok(_) => return Ok(true),
                // A link without carrier says so too (packet_direct_xmit in net/packet/af_packet.c drops).
                Err(Errno::ENOBUFS | Errno::EAGAIN | Errno::EINTR) => std::thread::yield_now(),
                Err(Errno::ENETDOWN) => return Ok(false),
                Err(Errno::ENXIO | Errno::ENODEV) => {
                    self.gone = true;
                    return Ok(false);
                }
                Err(error) => {
                    let (port, source) = (self.wire.ifname.clone(), io::Error::from(error));
                    return Err(CableError::Send { port, len: frame.len(), source });
                }
            }
        }
        Ok(false)
    }
}

fn sockets(wire: &Wire) -> Result<(OwnedFd, Listener), CableError> {
    let port = || wire.ifname.clone();
    let open = || -> Result<_, (&'static str, io::Error)> {
        let name = CString::new(wire.ifname.as_str()).map_err(|e| ("read the port's name", e.into()))?;
        let index = nix::net::if_::if_nametoindex(name.as_c_str()).map_err(|e| ("find the port", e.into()))?;
        Ok((sender(index as libc::c_int)?, Listener::open(index as libc::c_int)?))
    };
    inside(wire.netns.as_fd(), open)
        .map_err(|source| CableError::Namespace { port: port(), source })?
        .map_err(|(step, source)| CableError::Socket { step, port: port(), source })
}
