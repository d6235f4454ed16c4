//! The two clocks of a latency: frames are stamped in CLOCK_MONOTONIC, the kernel's receive timestamps are in
//! CLOCK_REALTIME.
//!
//! Stamps must not jump when somebody sets the time of day, and the same counter serves the pacing. The offset between
//! the clocks is read anew for every block of the receive ring, within milliseconds of the timestamps in it.

use std::time::Duration;

use nix::time::{ClockId, clock_gettime};

/// CLOCK_MONOTONIC in nanoseconds.
#[inline]
pub fn monotonic_ns() -> u64 {
    read(ClockId::CLOCK_MONOTONIC)
}

/// CLOCK_REALTIME less CLOCK_MONOTONIC in nanoseconds: the best of three bracketed readings.
pub fn realtime_offset_ns() -> i64 {
    let bracket = || {
        let (before, real, after) = (monotonic_ns(), read(ClockId::CLOCK_REALTIME), monotonic_ns());
        (after - before, real as i64 - (before + (after - before) / 2) as i64)
    };
    (0..3).map(|_| bracket()).min_by_key(|b| b.0).map_or(0, |b| b.1)
}

/// Sleeps until CLOCK_MONOTONIC reaches `until_ns`; signals may wake it earlier.
pub fn sleep_until(until_ns: u64) {
    if let Some(left) = until_ns.checked_sub(monotonic_ns()) {
        let request = libc::timespec { tv_sec: (left / 1_000_000_000) as i64, tv_nsec: (left % 1_000_000_000) as i64 };
        // SAFETY: the request is a valid timespec on this stack; no remainder is asked for.
        unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, 0, &request, std::ptr::null_mut()) };
    }
}

#[inline]
fn read(clock: ClockId) -> u64 {
    // Both clocks exist on every Linux: the call cannot fail.
    clock_gettime(clock).map_or(0, |t| Duration::from(t).as_nanos() as u64)
}
