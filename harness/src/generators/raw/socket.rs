//! AF_PACKET sockets in a tester's namespace.
//!
//! A socket stays bound to the namespace in which it was made, so only a short-lived thread ever enters it.

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use nix::sched::{CloneFlags, CpuSet, sched_setaffinity, setns};
use nix::unistd::Pid;

use super::super::error::GeneratorError;
use super::ring::RxRing;
use super::wire::Wire;

/// Send buffer asked for, in bytes: frames may wait in the DUT's queues while the next batch is built.
const SEND_BUFFER: libc::c_int = 8 << 20;

/// Runs `work` on a thread of its own inside `netns`.
pub fn inside<T: Send>(netns: BorrowedFd<'_>, work: impl FnOnce() -> T + Send) -> io::Result<T> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().name("fg-netns".to_owned()).spawn_scoped(scope, || {
            setns(netns, CloneFlags::CLONE_NEWNET)?;
            Ok(work())
        })?;
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Pins the calling thread to `cpu`.
pub fn pin(cpu: usize) -> io::Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    Ok(sched_setaffinity(Pid::from_raw(0), &set)?)
}

/// A tester's sockets.
#[derive(Debug)]
pub struct Port {
    /// Sends, never receives.
    pub tx: OwnedFd,
    /// Receives, never sends.
    pub rx: RxRing,
}

impl Port {
    /// Opens both sockets on `wire`, with a receive ring of `ring_bytes`.
    pub fn open(wire: &Wire, ring_bytes: usize) -> Result<Port, GeneratorError> {
        let open = || -> Result<Port, (&'static str, io::Error)> {
            let name = CString::new(wire.ifname.as_str()).map_err(|e| ("read the port's name", e.into()))?;
            // SAFETY: `name` is a C string that outlives the call.
            let ifindex = match unsafe { libc::if_nametoindex(name.as_ptr()) } {
                0 => return Err(("find the port", io::Error::last_os_error())),
                index => index as libc::c_int,
            };
            Ok(Port { tx: sender(ifindex)?, rx: RxRing::open(ifindex, ring_bytes)? })
        };
        inside(wire.netns.as_fd(), open)
            .map_err(|source| GeneratorError::Namespace { ifname: wire.ifname.clone(), source })?
            .map_err(|(step, source)| GeneratorError::Socket { step, ifname: wire.ifname.clone(), source })
    }
}

/// A packet socket that sends past the queues of the port, and never receives.
pub(crate) fn sender(ifindex: libc::c_int) -> Result<OwnedFd, (&'static str, io::Error)> {
    let fd = packet_socket()?;
    set_option(&fd, libc::SOL_PACKET, libc::PACKET_QDISC_BYPASS, &1i32).map_err(|e| ("bypass the qdisc", e))?;
    // Above the system's limit only with CAP_NET_ADMIN there; a smaller buffer merely makes sendmmsg wait.
    if set_option(&fd, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &SEND_BUFFER).is_err() {
        set_option(&fd, libc::SOL_SOCKET, libc::SO_SNDBUF, &SEND_BUFFER).map_err(|e| ("size the send buffer", e))?;
    }
    // Protocol 0: nothing is ever queued to this socket.
    bind(&fd, ifindex, 0)?;
    Ok(fd)
}

/// A raw packet socket that receives nothing yet.
pub(crate) fn packet_socket() -> Result<OwnedFd, (&'static str, io::Error)> {
    // SAFETY: no pointers; the result is checked before it becomes an owner.
    let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) };
    if fd < 0 {
        return Err(("make an AF_PACKET socket", io::Error::last_os_error()));
    }
    // SAFETY: `fd` was just made and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Binds a packet socket to a port; `protocol` is the EtherType to receive.
pub(crate) fn bind(fd: &OwnedFd, ifindex: libc::c_int, protocol: u16) -> Result<(), (&'static str, io::Error)> {
    // SAFETY: all-zero is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = libc::AF_PACKET as u16;
    address.sll_protocol = protocol.to_be();
    address.sll_ifindex = ifindex;
    // SAFETY: the address is a complete sockaddr_ll and its true length is given.
    let result = unsafe {
        libc::bind(fd.as_raw_fd(), (&raw const address).cast(), size_of::<libc::sockaddr_ll>() as libc::socklen_t)
    };
    if result == 0 { Ok(()) } else { Err(("bind to the port", io::Error::last_os_error())) }
}

/// setsockopt with the bytes of `value`.
pub(crate) fn set_option<T: Copy>(fd: &OwnedFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: `value` is readable for its own size during the call.
    let result = unsafe {
        libc::setsockopt(fd.as_raw_fd(), level, name, (value as *const T).cast(), size_of::<T>() as libc::socklen_t)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
