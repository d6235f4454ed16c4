//! What crosses a port, seen through AF_PACKET.

use std::os::fd::{AsRawFd, OwnedFd};

use flowgauge_topologies::Netns;
use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, socket};

pub(crate) struct Frame {
    pub(crate) outgoing: bool,
    pub(crate) len: usize,
    pub(crate) ethertype: u16,
}

/// An AF_PACKET socket on `port`: sees what comes in and goes out.
pub(crate) fn watch(netns: &Netns, port: &str) -> OwnedFd {
    netns
        .run(|| {
            let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
            let watch = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll).unwrap();
            let mut address: libc::sockaddr_ll = unsafe_zeroed();
            address.sll_family = libc::AF_PACKET as u16;
            address.sll_protocol = (libc::ETH_P_ALL as u16).to_be();
            address.sll_ifindex = nix::net::if_::if_nametoindex(port).unwrap() as i32;
            let len = size_of_val(&address) as u32;
            // SAFETY: a valid descriptor, and an address of the length given.
            let bound = unsafe { libc::bind(watch.as_raw_fd(), (&raw const address).cast(), len) };
            assert_eq!(bound, 0, "binding to {port}");
            // Room for the whole stream; what does not fit is only missed.
            nix::sys::socket::setsockopt(&watch, nix::sys::socket::sockopt::RcvBuf, &(16 << 20)).unwrap();
            watch
        })
        .unwrap()
}

pub(crate) fn unsafe_zeroed() -> libc::sockaddr_ll {
    // SAFETY: sockaddr_ll is integers and an array of them; zero is a value of each.
    unsafe { std::mem::zeroed() }
}

/// The frames that wait in `watch`.
pub(crate) fn frames(watch: &OwnedFd) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut head = [0u8; 64];
    loop {
        let mut from = unsafe_zeroed();
        let mut from_len = size_of_val(&from) as u32;
        // SAFETY: both buffers are ours and have the lengths given. MSG_TRUNC returns the whole length of the frame.
        let len = unsafe {
            let fd = watch.as_raw_fd();
            libc::recvfrom(
                fd,
                head.as_mut_ptr().cast(),
                head.len(),
                libc::MSG_TRUNC,
                (&raw mut from).cast(),
                &mut from_len,
            )
        };
        if len < 0 {
            return frames;
        }
        let ethertype = u16::from_be_bytes([head[12], head[13]]);
        frames.push(Frame { outgoing: from.sll_pkttype == libc::PACKET_OUTGOING, len: len as usize, ethertype });
    }
}
