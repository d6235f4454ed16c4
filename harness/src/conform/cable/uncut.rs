//! Packets that are handed over whole, to be cut into segments on the way out (GSO), their checksum still open: as they come from
//! a virtual machine. A packet socket takes them with a header in front (PACKET_VNET_HDR; include/uapi/linux/virtio_net.h).

use std::ffi::CString;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::generators::raw::checksum;
use crate::generators::raw::socket::{inside, sender, set_option};
use crate::generators::raw::wire::Wire;

/// VIRTIO_NET_HDR_F_NEEDS_CSUM.
const NEEDS_CHECKSUM: u8 = 1;
/// VIRTIO_NET_HDR_GSO_TCPV4 and VIRTIO_NET_HDR_GSO_TCPV6.
const CUT: [u8; 2] = [1, 4];
/// Where IP begins in a plain frame, and the checksum in TCP.
const ETHERNET: usize = 14;
const CHECKSUM: usize = 16;

/// A socket that takes them, in the namespace of a tester.
pub(super) fn socket(wire: &Wire) -> Result<OwnedFd, (&'static str, io::Error)> {
    let open = || -> Result<OwnedFd, (&'static str, io::Error)> {
        let name = CString::new(wire.ifname.as_str()).map_err(|e| ("read the port's name", e.into()))?;
        let index = nix::net::if_::if_nametoindex(name.as_c_str()).map_err(|e| ("find the port", e.into()))?;
        let fd = sender(index as libc::c_int)?;
        set_option(&fd, libc::SOL_PACKET, libc::PACKET_VNET_HDR, &1i32).map_err(|e| ("take uncut packets", e))?;
        Ok(fd)
    };
    inside(wire.netns.as_fd(), open).map_err(|e| ("enter the namespace", e))?
}

/// The frame behind its header, its checksum that of addresses and length alone, which whoever cuts it completes. A frame that is
/// no plain TCP goes as it is.
pub(super) fn with_header(frame: &[u8], segment: u16) -> Vec<u8> {
    let mut header = [0; 10];
    let mut frame = frame.to_vec();
    if let Some((six, tcp, pseudo)) = tcp_of(&frame) {
        header[0] = NEEDS_CHECKSUM;
        header[1] = CUT[usize::from(six)];
        let data = tcp + usize::from(frame[tcp + 12] >> 4) * 4;
        for (at, value) in [(2, data as u16), (4, segment), (6, tcp as u16), (8, CHECKSUM as u16)] {
            header[at..at + 2].copy_from_slice(&value.to_ne_bytes());
        }
        frame[tcp + CHECKSUM..tcp + CHECKSUM + 2].copy_from_slice(&pseudo.to_ne_bytes());
    }
    [&header[..], &frame].concat()
}

/// Whether it is IPv6, where TCP begins, and the sum of its pseudo header (RFC 9293 section 3.1, RFC 8200 section 8.1).
fn tcp_of(frame: &[u8]) -> Option<(bool, usize, u16)> {
    let (six, tcp, addresses) = match frame.get(12..14)? {
        [0x08, 0x00] => (false, ETHERNET + usize::from(frame.get(ETHERNET)? & 15) * 4, 26..34),
        [0x86, 0xdd] => (true, ETHERNET + 40, 22..54),
        _ => return None,
    };
    let length = frame.len().checked_sub(tcp).filter(|&length| length >= 20)?;
    let sum = checksum::sum(frame.get(addresses)?) + checksum::word(6) + checksum::word(length as u16);
    Some((six, tcp, checksum::fold(sum)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_says_where_tcp_is_and_the_checksum_is_open() {
        let mut frame = vec![0; 14 + 20 + 20 + 100];
        frame[12..14].copy_from_slice(&[8, 0]);
        frame[14] = 0x45;
        frame[26..34].copy_from_slice(&[10, 0, 0, 1, 10, 0, 0, 2]);
        frame[14 + 20 + 12] = 0x50;
        let whole = with_header(&frame, 40);
        let number = |at: usize| u16::from_ne_bytes([whole[at], whole[at + 1]]);
        assert_eq!((whole[0], whole[1]), (1, 1));
        assert_eq!((number(2), number(4), number(6), number(8)), (54, 40, 34, 16));
        // 0x0a00 + 1 + 0x0a00 + 2 + 6 + 120.
        assert_eq!(whole[10 + 34 + 16..][..2], [0x14, 0x81]);
        assert_eq!(with_header(&[0; 60], 40)[..10], [0; 10]);
    }
}
