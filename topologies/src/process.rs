//! Processes that can be told from a later one with the same number.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::{fs, io, process};

use serde::{Deserialize, Serialize};

/// A process by number and start: numbers are used again, the pair is not within one boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessId {
    /// Process number.
    pub pid: u32,
    /// When it started, in clock ticks since boot (field 22 of /proc/PID/stat).
    pub start_ticks: u64,
}

impl ProcessId {
    /// The calling process.
    pub fn own() -> io::Result<ProcessId> {
        Self::of(process::id())
    }

    /// The process that has the number `pid` now. NotFound: none does, or it is dead and only not yet waited for.
    pub fn of(pid: u32) -> io::Result<ProcessId> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
        match parse_stat(&stat) {
            Some(('Z' | 'X' | 'x', _)) => {
                Err(io::Error::new(io::ErrorKind::NotFound, format!("process {pid} is dead")))
            }
            Some((_, start_ticks)) => Ok(ProcessId { pid, start_ticks }),
            None => Err(io::Error::new(io::ErrorKind::InvalidData, format!("/proc/{pid}/stat is not understood"))),
        }
    }

    /// Whether it still runs. When /proc cannot tell, it is taken to.
    pub fn is_alive(&self) -> bool {
        match Self::of(self.pid) {
            Ok(now) => now == *self,
            // ESRCH: it ended between the open and the read.
            Err(error) => error.kind() != io::ErrorKind::NotFound && error.raw_os_error() != Some(libc::ESRCH),
        }
    }

    /// The file name of the program that the process of this number runs (/proc/PID/exe); the name it had, when the file
    /// is gone or replaced by a new build.
    pub(crate) fn program(&self) -> io::Result<String> {
        let path = fs::read_link(format!("/proc/{}/exe", self.pid))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(name.strip_suffix(" (deleted)").unwrap_or(&name).to_owned())
    }

    /// Kills it, and nothing else that may have its number by now. Returns false if it was gone already.
    pub(crate) fn kill(&self) -> io::Result<bool> {
        // The descriptor pins the process; comparing after opening leaves no gap for a successor.
        // SAFETY: pidfd_open takes a number and flags and returns a new descriptor or -1; no memory is involved.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, self.pid as libc::pid_t, 0) };
        if fd < 0 {
            let error = io::Error::last_os_error();
            return if error.raw_os_error() == Some(libc::ESRCH) { Ok(false) } else { Err(error) };
        }
        // SAFETY: the descriptor was just returned to us and has no other owner.
        let pidfd = unsafe { OwnedFd::from_raw_fd(fd as i32) };
        if !self.is_alive() {
            return Ok(false);
        }
        // SAFETY: a valid pidfd, a signal number, no siginfo and no flags.
        let sent = unsafe {
            libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), libc::SIGKILL, std::ptr::null::<()>(), 0)
        };
        match sent {
            0 => Ok(true),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

/// State and start time from the text of /proc/PID/stat.
fn parse_stat(stat: &str) -> Option<(char, u64)> {
    // The second field, the command in parentheses, may hold spaces and parentheses itself: start after the last one.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    let start_ticks = fields.nth(18)?.parse().ok()?;
    Some((state, start_ticks))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_parentheses_does_not_shift_the_fields() {
        let stat = "77 (a) b (c)) S 1 77 77 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 98765 1000 2000";
        assert_eq!(parse_stat(stat), Some(('S', 98765)));
        assert_eq!(parse_stat("77 (a) S 1"), None);
        assert_eq!(parse_stat(""), None);
    }

    #[test]
    fn we_are_alive_and_a_namesake_is_not_us() {
        let own = ProcessId::own().unwrap();
        assert!(own.is_alive());
        assert!(!ProcessId { start_ticks: own.start_ticks + 1, ..own }.is_alive());
        assert!(!ProcessId { start_ticks: own.start_ticks + 1, ..own }.kill().unwrap(), "must not kill a namesake");
    }
}
