//! The sending thread stays where it is: over veth the DUT forwards on the CPU of the thread that sends, and frames that
//! wait on different CPUs may overtake each other.

use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity};
use nix::unistd::{Pid, gettid};

use super::error::CableError;
use crate::generators::raw::socket;

/// A thread bound to the CPU that it was on.
#[derive(Debug)]
pub(super) struct Place {
    thread: Pid,
    before: CpuSet,
}

impl Place {
    /// Binds the calling thread, unless `place` has it bound already.
    pub(super) fn keep(place: &mut Option<Place>) -> Result<(), CableError> {
        if place.as_ref().is_some_and(|place| place.thread == gettid()) {
            return Ok(());
        }
        let failed = |cpu, error: nix::errno::Errno| CableError::Pin { cpu, source: io::Error::from(error) };
        let cpu = sched_getcpu().map_err(|error| failed(0, error))?;
        let before = sched_getaffinity(Pid::from_raw(0)).map_err(|error| failed(cpu, error))?;
        socket::pin(cpu).map_err(|source| CableError::Pin { cpu, source })?;
        *place = Some(Place { thread: gettid(), before });
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Best effort: the thread may have ended.
        let _ = sched_setaffinity(self.thread, &self.before);
    }
}
