//! Receiving, frame by frame: a ring (as of `generators::raw`) hands over blocks of frames milliseconds late, and here a
//! step ends with its last frame.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use crate::generators::raw::socket::{bind, packet_socket, set_option};

/// Room for frames that wait, in bytes of the kernel's own accounting: some 40,000 small frames.
const ROOM: libc::c_int = 64 << 20;
/// The longest frame: a segmentation offload may leave 64 KiB behind the Ethernet header.
const LONGEST: usize = 66 << 10;
/// Room for the control messages, aligned as they want it.
const CONTROL: usize = 32;

/// A socket that sees every frame that its port receives, before the stack and its hooks do.
#[derive(Debug)]
pub(super) struct Listener {
    pub(super) fd: OwnedFd,
    buffer: Box<[u8]>,
}

/// A received frame.
#[derive(Debug)]
pub(super) struct Heard {
    /// The frame with its VLAN tags.
    pub(super) frame: Vec<u8>,
    /// CLOCK_REALTIME in nanoseconds when the port received it.
    pub(super) realtime_ns: u64,
}

impl Listener {
    /// Listens on port `index` of the calling thread's namespace.
    pub(super) fn open(index: libc::c_int) -> Result<Listener, (&'static str, io::Error)> {
        let fd = packet_socket()?;
        let option = |level, name, step| set_option(&fd, level, name, &1i32).map_err(|e| (step, e));
        option(libc::SOL_PACKET, libc::PACKET_IGNORE_OUTGOING, "ignore outgoing frames (needs Linux 4.20)")?;
        // The kernel takes the outer VLAN tag out of the frame and keeps it aside.
        option(libc::SOL_PACKET, libc::PACKET_AUXDATA, "ask for VLAN tags")?;
        option(libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, "ask for timestamps")?;
        if set_option(&fd, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &ROOM).is_err() {
            set_option(&fd, libc::SOL_SOCKET, libc::SO_RCVBUF, &ROOM).map_err(|e| ("size the receive buffer", e))?;
        }
        bind(&fd, index, libc::ETH_P_ALL as u16)?;
        Ok(Listener { fd, buffer: vec![0; LONGEST].into_boxed_slice() })
    }

    /// The next frame that waits. None where none does.
    pub(super) fn next(&mut self) -> io::Result<Option<Heard>> {
        let mut control = [0u64; CONTROL];
        let mut part = libc::iovec { iov_base: self.buffer.as_mut_ptr().cast(), iov_len: self.buffer.len() };
        // SAFETY: all-zero is a valid msghdr: no name, no parts, no control data.
        let mut message: libc::msghdr = unsafe { std::mem::zeroed() };
        message.msg_iov = &raw mut part;
        message.msg_iovlen = 1;
        message.msg_control = control.as_mut_ptr().cast();
        message.msg_controllen = size_of_val(&control) as _;
        // SAFETY: the message points to `part` and `control`, which live on this stack, and `part` to the buffer of self,
        // which is borrowed; all are writable for the lengths given.
        let len = unsafe { libc::recvmsg(self.fd.as_raw_fd(), &raw mut message, libc::MSG_DONTWAIT) };
        if len < 0 {
            let error = io::Error::last_os_error();
            return match error.raw_os_error() {
                // ENETDOWN is told once after the link went down, and the socket goes on.
                Some(libc::EAGAIN | libc::ENETDOWN | libc::EINTR) => Ok(None),
                _ => Err(error),
            };
        }
        let aside = aside(&message);
        let bytes = &self.buffer[..(len as usize).min(self.buffer.len())];
        let mut frame = Vec::with_capacity(bytes.len() + 4);
        match aside.tag {
            Some(tag) if bytes.len() >= 12 => {
                frame.extend_from_slice(&bytes[..12]);
                frame.extend(tag);
                frame.extend_from_slice(&bytes[12..]);
            }
            _ => frame.extend_from_slice(bytes),
        }
        Ok(Some(Heard { frame, realtime_ns: aside.realtime_ns }))
    }

    /// Frames that found no room since the last call.
    pub(super) fn take_drops(&self) -> io::Result<u64> {
        let mut stats = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
        let mut len = size_of::<libc::tpacket_stats>() as libc::socklen_t;
        // SAFETY: `stats` is writable for `len` bytes during the call.
        let result = unsafe {
            let out = (&raw mut stats).cast();
            libc::getsockopt(self.fd.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS, out, &raw mut len)
        };
        if result == 0 { Ok(stats.tp_drops.into()) } else { Err(io::Error::last_os_error()) }
    }
}

/// What the kernel tells beside a frame.
#[derive(Debug, Default)]
struct Aside {
    /// The VLAN tag that it took out: TPID and TCI.
    tag: Option<[u8; 4]>,
    realtime_ns: u64,
}

fn aside(message: &libc::msghdr) -> Aside {
    let mut aside = Aside::default();
    // SAFETY: recvmsg filled `message`; its control buffer lives as long as the caller's frame, CMSG_FIRSTHDR and
    // CMSG_NXTHDR stay inside of it, and each message's type says what lies behind it (cmsg(3)), maybe unaligned.
    unsafe {
        let mut header = libc::CMSG_FIRSTHDR(message);
        while !header.is_null() {
            let data = libc::CMSG_DATA(header);
            match ((*header).cmsg_level, (*header).cmsg_type) {
                (libc::SOL_PACKET, libc::PACKET_AUXDATA) => {
                    let told: libc::tpacket_auxdata = data.cast::<libc::tpacket_auxdata>().read_unaligned();
                    if told.tp_status & libc::TP_STATUS_VLAN_VALID != 0 {
                        let named = told.tp_status & libc::TP_STATUS_VLAN_TPID_VALID != 0;
                        let tpid = if named { told.tp_vlan_tpid } else { libc::ETH_P_8021Q as u16 };
                        let ([a, b], [c, d]) = (tpid.to_be_bytes(), told.tp_vlan_tci.to_be_bytes());
                        aside.tag = Some([a, b, c, d]);
                    }
                }
                (libc::SOL_SOCKET, libc::SCM_TIMESTAMPNS) => {
                    let at: libc::timespec = data.cast::<libc::timespec>().read_unaligned();
                    aside.realtime_ns = (at.tv_sec as u64) * 1_000_000_000 + at.tv_nsec as u64;
                }
                _ => {}
            }
            header = libc::CMSG_NXTHDR(message, header);
        }
    }
    aside
}
