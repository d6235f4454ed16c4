//! The receive ring: TPACKET_V3 (Documentation/networking/packet_mmap.rst), mapped and read in place.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::socket::{bind, packet_socket, set_option};

/// One block in bytes; the largest frame must fit. A block is handed over when it is full, or after [`RETIRE_MS`].
const BLOCK: usize = 128 << 10;
/// The longest that a frame waits in a block that is not full. Small values use up the ring at low rates: 512 blocks
/// of 4 ms let a receiver that gets no CPU lag for 2 s.
const RETIRE_MS: u32 = 4;

/// What the kernel says of a received frame.
#[derive(Clone, Copy, Debug)]
pub struct RxMeta {
    /// CLOCK_REALTIME in nanoseconds when the frame reached the socket.
    pub realtime_ns: u64,
    /// The L4 checksum is left to an offload: the frame does not carry it.
    pub checksum_pending: bool,
}

/// A receiving packet socket with its mapped ring.
#[derive(Debug)]
pub struct RxRing {
    fd: OwnedFd,
    map: NonNull<u8>,
    blocks: usize,
    /// The block to be read next.
    current: usize,
}

// SAFETY: the mapping belongs to this value alone, and the kernel shares it by the block status only.
unsafe impl Send for RxRing {}

impl RxRing {
    /// A ring of about `bytes` on the port `ifindex` of the calling thread's namespace.
    pub(super) fn open(ifindex: libc::c_int, bytes: usize) -> Result<RxRing, (&'static str, io::Error)> {
        let fd = packet_socket()?;
        let option = |name, value: i32, step| set_option(&fd, libc::SOL_PACKET, name, &value).map_err(|e| (step, e));
        option(libc::PACKET_VERSION, libc::tpacket_versions::TPACKET_V3 as i32, "choose TPACKET_V3")?;
        option(libc::PACKET_IGNORE_OUTGOING, 1, "ignore outgoing frames (needs Linux 4.20)")?;
        let blocks = bytes.div_ceil(BLOCK).max(4);
        // V3 packs frames back to back; the frame size only has to divide the block.
        let request = libc::tpacket_req3 {
            tp_block_size: BLOCK as u32,
            tp_block_nr: blocks as u32,
            tp_frame_size: 2048,
            tp_frame_nr: (blocks * BLOCK / 2048) as u32,
            tp_retire_blk_tov: RETIRE_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set_option(&fd, libc::SOL_PACKET, libc::PACKET_RX_RING, &request).map_err(|e| ("make the receive ring", e))?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new shared mapping of the whole ring at an address of the kernel's choice.
        let map =
            unsafe { libc::mmap(std::ptr::null_mut(), blocks * BLOCK, access, libc::MAP_SHARED, fd.as_raw_fd(), 0) };
        if map == libc::MAP_FAILED {
            return Err(("map the receive ring", io::Error::last_os_error()));
        }
        let map = NonNull::new(map.cast()).ok_or(("map the receive ring", io::Error::from(io::ErrorKind::Other)))?;
        let ring = RxRing { fd, map, blocks, current: 0 };
        bind(&ring.fd, ifindex, libc::ETH_P_ALL as u16)?;
        Ok(ring)
    }

    fn block(&self, index: usize) -> *mut libc::tpacket_block_desc {
        // SAFETY: the index is reduced to the blocks of the mapping.
        unsafe { self.map.as_ptr().add(index % self.blocks * BLOCK).cast() }
    }

    fn status(&self, index: usize) -> &AtomicU32 {
        // SAFETY: the status is an aligned u32 in the mapping, which lives as long as self; the kernel changes it
        // concurrently, hence the atomic.
        unsafe { AtomicU32::from_ptr(&raw mut (*self.block(index)).hdr.bh1.block_status) }
    }

    fn is_ours(&self, index: usize) -> bool {
        self.status(index).load(Ordering::Acquire) & libc::TP_STATUS_USER != 0
    }

    /// Whether at least a quarter of the ring waits to be read.
    pub fn is_quarter_full(&self) -> bool {
        self.is_ours(self.current + self.blocks / 4 - 1)
    }

    /// Waits until a block can be read, at most `timeout_ms`.
    pub fn wait(&self, timeout_ms: u16) -> io::Result<()> {
        if self.is_ours(self.current) {
            return Ok(());
        }
        let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, PollTimeout::from(timeout_ms)) {
            Ok(_) if fds[0].revents().is_some_and(|r| r.contains(PollFlags::POLLERR)) => self.take_error(),
            Ok(_) | Err(nix::errno::Errno::EINTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// The error that waits on the socket, if any: ENETDOWN after the link went down. Taking it clears it.
    pub fn take_error(&self) -> io::Result<()> {
        match nix::sys::socket::getsockopt(&self.fd, nix::sys::socket::sockopt::SocketError)? {
            0 => Ok(()),
            code => Err(io::Error::from_raw_os_error(code)),
        }
    }

    /// Reads at most one block: calls `frame` for each frame in it, gives the block back and returns how many there
    /// were, or none when no block was ready.
    pub fn read_block(&mut self, mut frame: impl FnMut(&[u8], RxMeta)) -> Option<u32> {
        if !self.is_ours(self.current) {
            return None;
        }
        let block = self.block(self.current);
        // SAFETY: the block is ours until its status is given back below; the kernel wrote a valid header, and each
        // frame with its snapped bytes lies inside the block.
        let count = unsafe {
            let header = (*block).hdr.bh1;
            let mut at = block.cast::<u8>().add(header.offset_to_first_pkt as usize);
            for _ in 0..header.num_pkts {
                let meta = &*at.cast::<libc::tpacket3_hdr>();
                let bytes = std::slice::from_raw_parts(at.add(meta.tp_mac.into()), meta.tp_snaplen as usize);
                frame(
                    bytes,
                    RxMeta {
                        realtime_ns: u64::from(meta.tp_sec) * 1_000_000_000 + u64::from(meta.tp_nsec),
                        checksum_pending: meta.tp_status & libc::TP_STATUS_CSUMNOTREADY != 0,
                    },
                );
                at = at.add(meta.tp_next_offset as usize);
            }
            header.num_pkts
        };
        self.status(self.current).store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.current = (self.current + 1) % self.blocks;
        Some(count)
    }

    /// Frames dropped since the last call because the ring was full.
    pub fn take_drops(&self) -> io::Result<u64> {
        let mut stats = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        let mut len = size_of::<libc::tpacket_stats_v3>() as libc::socklen_t;
        // SAFETY: `stats` is writable for `len` bytes during the call.
        let result = unsafe {
            let out = (&raw mut stats).cast();
            libc::getsockopt(self.fd.as_raw_fd(), libc::SOL_PACKET, libc::PACKET_STATISTICS, out, &mut len)
        };
        if result == 0 { Ok(stats.tp_drops.into()) } else { Err(io::Error::last_os_error()) }
    }
}

impl Drop for RxRing {
    fn drop(&mut self) {
        // SAFETY: the mapping of this length was made in `open` and nobody refers to it any more.
        unsafe { libc::munmap(self.map.as_ptr().cast(), self.blocks * BLOCK) };
    }
}
