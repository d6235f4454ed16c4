//! Batches of frames for sendmmsg: everything is allocated and linked once.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use flowgauge_scenarios::Family;

use super::template::{HEADERS_MAX, Tail, Template, pattern};

/// Frames of one sendmmsg call.
pub const BATCH: usize = 64;

/// Up to [`BATCH`] frames on their way to the kernel. Each frame is headers with stamp, and the shared pattern.
pub struct Batch {
    /// Per slot one buffer for each family, so that the constant header fields are written once.
    headers: Box<[[[u8; HEADERS_MAX]; 2]; BATCH]>,
    pattern: Box<[u8]>,
    parts: Box<[[libc::iovec; 2]; BATCH]>,
    messages: Box<[libc::mmsghdr; BATCH]>,
    len: usize,
    /// Times that the kernel had no buffer for a frame; each was offered again.
    pub refused: u64,
}

impl Batch {
    /// An empty batch of frames made from `templates`, with up to `max_tail` bytes behind the stamp.
    pub fn new(templates: &[&Template], max_tail: usize) -> Batch {
        let mut headers = Box::new([[[0; HEADERS_MAX]; 2]; BATCH]);
        for template in templates {
            for slot in headers.iter_mut() {
                template.prepare(&mut slot[template.family() as usize]);
            }
        }
        let pattern = pattern(max_tail).into_boxed_slice();
        let empty = libc::iovec { iov_base: pattern.as_ptr().cast_mut().cast(), iov_len: 0 };
        let mut parts = Box::new([[empty; 2]; BATCH]);
        // SAFETY: all-zero is a valid mmsghdr: no name, no parts, no control data.
        let mut messages: Box<[libc::mmsghdr; BATCH]> = Box::new([unsafe { std::mem::zeroed() }; BATCH]);
        for (message, parts) in messages.iter_mut().zip(parts.iter_mut()) {
            message.msg_hdr.msg_iov = parts.as_mut_ptr();
        }
        Batch { headers, pattern, parts, messages, len: 0, refused: 0 }
    }

    /// Frames in the batch.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether the batch holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether the batch must be flushed before the next frame.
    pub fn is_full(&self) -> bool {
        self.len == BATCH
    }

    /// Forgets all frames.
    pub fn clear(&mut self) {
        self.len = 0;
    }

    /// Adds a frame: `write` fills the headers and returns their length. The batch must not be full.
    #[inline]
    pub fn push(&mut self, family: Family, tail: Tail, write: impl FnOnce(&mut [u8; HEADERS_MAX]) -> usize) {
        let slot = self.len;
        let buffer = &mut self.headers[slot][family as usize];
        let len = write(buffer);
        let tail_len = usize::from(tail.len).min(self.pattern.len());
        self.parts[slot][0] = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: len };
        self.parts[slot][1].iov_len = tail_len;
        self.messages[slot].msg_hdr.msg_iovlen = 1 + usize::from(tail_len > 0);
        self.len += 1;
    }

    /// Hands all frames to the kernel. A refusal for want of buffers is counted and tried again.
    pub fn flush(&mut self, fd: &OwnedFd) -> io::Result<()> {
        let mut done = 0;
        while done < self.len {
            // SAFETY: messages[done..len] point to parts, and these to headers and pattern: all boxed in self, which
            // is borrowed for the call.
            let sent = unsafe {
                let first = self.messages.as_mut_ptr().add(done);
                libc::sendmmsg(fd.as_raw_fd(), first, (self.len - done) as libc::c_uint, 0)
            };
            if sent > 0 {
                done += sent as usize;
                continue;
            }
            let error = io::Error::last_os_error();
            match error.raw_os_error() {
                Some(libc::ENOBUFS | libc::EAGAIN) => {
                    self.refused += 1;
                    std::thread::yield_now();
                }
                Some(libc::EINTR) => {}
                _ => {
                    self.len = 0;
                    return Err(error);
                }
            }
        }
        self.len = 0;
        Ok(())
    }
}
