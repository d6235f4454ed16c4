//! A tester's port: a packet socket that sends frames and takes them, tags included.

use std::io;
use std::mem;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use flowgauge::generators::Wire;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, setns};

use crate::frame::{self, Opened};

pub(crate) struct Port {
    socket: OwnedFd,
    pub(crate) mac: [u8; 6],
    pub(crate) gateway: [u8; 6],
}

/// `struct tpacket_auxdata` (include/uapi/linux/if_packet.h).
#[repr(C)]
#[derive(Default)]
struct Auxiliary {
    status: u32,
    lengths: [u32; 2],
    offsets: [u16; 2],
    tag: u16,
    tag_protocol: u16,
}

const TAGGED: u32 = 1 << 4;

impl Port {
    pub(crate) fn open(wire: &Wire) -> io::Result<Port> {
        let socket = std::thread::scope(|scope| scope.spawn(|| raw_socket(wire)).join().expect("no panic"))?;
        Ok(Port { socket, mac: wire.mac, gateway: wire.gateway_mac })
    }

    pub(crate) fn send(&self, frame: &[u8]) -> io::Result<()> {
        // SAFETY: the frame lives through the call.
        match unsafe { libc::send(self.socket.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) } {
            -1 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }

    /// The next datagram that arrives within `patience`.
    pub(crate) fn next(&self, patience: Duration) -> io::Result<Option<Opened>> {
        let deadline = Instant::now() + patience;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut waiting = [PollFd::new(self.socket.as_fd(), PollFlags::POLLIN)];
            let timeout = PollTimeout::try_from(left.as_millis() as i32).expect("it is short");
            if poll(&mut waiting, timeout)? == 0 {
                return Ok(None);
            }
            if let Some(opened) = self.receive()?.as_deref().and_then(frame::open) {
                return Ok(Some(opened));
            }
        }
    }

    /// One frame with the tag that the kernel took off it; none for one that was sent from here.
    fn receive(&self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = vec![0u8; 2048];
        let mut control = [0u64; 16];
        // SAFETY: all-zero is valid for both; every pointer is to memory that outlives the call; the control message is
        // read only as far as its header says, after its kind was looked at.
        unsafe {
            let mut from: libc::sockaddr_ll = mem::zeroed();
            let mut part = libc::iovec { iov_base: bytes.as_mut_ptr().cast(), iov_len: bytes.len() };
            let mut header: libc::msghdr = mem::zeroed();
            (header.msg_name, header.msg_namelen) = ((&raw mut from).cast(), mem::size_of_val(&from) as u32);
            (header.msg_iov, header.msg_iovlen) = (&raw mut part, 1);
            (header.msg_control, header.msg_controllen) = (control.as_mut_ptr().cast(), mem::size_of_val(&control));
            let received = libc::recvmsg(self.socket.as_raw_fd(), &raw mut header, 0);
            if received < 0 {
                return Err(io::Error::last_os_error());
            }
            bytes.truncate(received as usize);
            if from.sll_pkttype == libc::PACKET_OUTGOING {
                return Ok(None);
            }
            let message = libc::CMSG_FIRSTHDR(&raw const header);
            if !message.is_null() && (*message).cmsg_type == libc::PACKET_AUXDATA {
                let auxiliary: Auxiliary = libc::CMSG_DATA(message).cast::<Auxiliary>().read_unaligned();
                if auxiliary.status & TAGGED != 0 {
                    let tag = [auxiliary.tag_protocol.to_be_bytes(), auxiliary.tag.to_be_bytes()].concat();
                    bytes.splice(12..12, tag);
                }
            }
        }
        Ok(Some(bytes))
    }
}

fn raw_socket(wire: &Wire) -> io::Result<OwnedFd> {
    setns(&wire.netns, CloneFlags::CLONE_NEWNET)?;
    let all = (libc::ETH_P_ALL as u16).to_be();
    // SAFETY: system calls with arguments that outlive them; the descriptor is ours alone.
    unsafe {
        let fd = libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, i32::from(all));
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        let socket = OwnedFd::from_raw_fd(fd);
        let name = std::ffi::CString::new(wire.ifname.as_str())?;
        let mut address: libc::sockaddr_ll = mem::zeroed();
        address.sll_family = libc::AF_PACKET as u16;
        address.sll_protocol = all;
        address.sll_ifindex = libc::if_nametoindex(name.as_ptr()) as i32;
        let one = 1i32;
        let size = mem::size_of_val(&one) as u32;
        let aux = libc::setsockopt(fd, libc::SOL_PACKET, libc::PACKET_AUXDATA, (&raw const one).cast(), size);
        let bound = libc::bind(fd, (&raw const address).cast(), mem::size_of_val(&address) as u32);
        if aux != 0 || bound != 0 { Err(io::Error::last_os_error()) } else { Ok(socket) }
    }
}
