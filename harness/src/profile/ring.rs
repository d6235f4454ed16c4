//! The buffer that the kernel writes samples into: a page that says how far it is, and a ring of data behind it
//! (struct perf_event_mmap_page, include/uapi/linux/perf_event.h).

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

/// Where data_head and data_tail lie in the first page.
const DATA_HEAD: usize = 1024;
const DATA_TAIL: usize = 1032;

/// A mapped ring. It is not written over: what finds no room is lost, and counted.
#[derive(Debug)]
pub(super) struct Ring {
    map: NonNull<u8>,
    page: usize,
    bytes: usize,
}

// SAFETY: the mapping belongs to this value alone; the kernel shares it by the two atomic positions only.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps a ring of `bytes`, a power of two and at least a page, behind an event.
    pub(super) fn map(event: &File, bytes: usize) -> io::Result<Ring> {
        // SAFETY: takes no pointers.
        let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        let page = usize::try_from(page).map_err(|_| io::Error::last_os_error())?;
        // Writable: so the kernel knows a reader, and does not write over what was not read.
        let access = libc::PROT_READ | libc::PROT_WRITE;
        // SAFETY: a new shared mapping at an address of the kernel's choice.
        let map =
            unsafe { libc::mmap(std::ptr::null_mut(), page + bytes, access, libc::MAP_SHARED, event.as_raw_fd(), 0) };
        if map == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let map = NonNull::new(map.cast()).ok_or_else(|| io::Error::from(io::ErrorKind::Other))?;
        Ok(Ring { map, page, bytes })
    }

    fn position(&self, at: usize) -> &AtomicU64 {
        // SAFETY: an aligned u64 in the first page of the mapping, which lives as long as self; the kernel changes it
        // concurrently, hence the atomic.
        unsafe { AtomicU64::from_ptr(self.map.as_ptr().add(at).cast()) }
    }

    /// Takes out all that was written since the last call, in order.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let (head, tail) = (self.position(DATA_HEAD).load(Ordering::Acquire), self.position(DATA_TAIL));
        let from = tail.load(Ordering::Relaxed);
        let length = usize::try_from(head.wrapping_sub(from)).unwrap_or(0).min(self.bytes);
        let start = (from % self.bytes as u64) as usize;
        let until_end = length.min(self.bytes - start);
        let mut taken = Vec::with_capacity(length);
        // SAFETY: both parts lie within the data behind the first page, and the kernel does not write to them before
        // the tail is moved past them.
        unsafe {
            let data = self.map.as_ptr().add(self.page);
            taken.extend_from_slice(std::slice::from_raw_parts(data.add(start), until_end));
            taken.extend_from_slice(std::slice::from_raw_parts(data, length - until_end));
        }
        tail.store(head, Ordering::Release);
        taken
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping of this length was made in `map` and nobody refers to it any more.
        unsafe { libc::munmap(self.map.as_ptr().cast(), self.page + self.bytes) };
    }
}
