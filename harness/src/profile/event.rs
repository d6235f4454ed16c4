//! perf_event_open(2): a software clock that samples one CPU.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd};

/// struct perf_event_attr as far as PERF_ATTR_SIZE_VER0 (include/uapi/linux/perf_event.h); newer fields stay zero.
#[repr(C)]
#[derive(Default)]
struct Attributes {
    kind: u32,
    size: u32,
    config: u64,
    sample_period: u64,
    sample_type: u64,
    read_format: u64,
    flags: u64,
    wakeup_events: u32,
    bp_type: u32,
    bp_addr: u64,
}

const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_COUNT_SW_CPU_CLOCK: u64 = 0;
const PERF_SAMPLE_IP: u64 = 1 << 0;
const PERF_SAMPLE_CALLCHAIN: u64 = 1 << 5;
/// Since Linux 6.0.
const PERF_FORMAT_LOST: u64 = 1 << 4;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;
/// _IO('$', 0) and _IO('$', 1).
const PERF_EVENT_IOC_ENABLE: libc::c_ulong = 0x2400;
const PERF_EVENT_IOC_DISABLE: libc::c_ulong = 0x2401;
/// _IO('$', 5).
const PERF_EVENT_IOC_SET_OUTPUT: libc::c_ulong = 0x2405;

/// Bits of the flags: what is left out, and that it is off until it is started.
const DISABLED: u64 = 1 << 0;
const EXCLUDE_USER: u64 = 1 << 4;
const EXCLUDE_HV: u64 = 1 << 6;
const EXCLUDE_IDLE: u64 = 1 << 7;
const EXCLUDE_CALLCHAIN_USER: u64 = 1 << 22;

/// A clock of one CPU. It is off at first.
#[derive(Debug)]
pub(super) struct Event {
    pub(super) file: File,
    counts_lost: bool,
}

impl Event {
    /// Opens it; it will take a sample every `period_ns` of the kernel's own time on that CPU, whatever runs.
    pub(super) fn open(cpu: u32, period_ns: u64) -> io::Result<Event> {
        // EINVAL is what a kernel says of a format that it does not know.
        match Event::try_open(cpu, period_ns, PERF_FORMAT_LOST) {
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Event::try_open(cpu, period_ns, 0),
            opened => opened,
        }
    }

    fn try_open(cpu: u32, period_ns: u64, read_format: u64) -> io::Result<Event> {
        let attributes = Attributes {
            kind: PERF_TYPE_SOFTWARE,
            size: size_of::<Attributes>() as u32,
            config: PERF_COUNT_SW_CPU_CLOCK,
            sample_period: period_ns,
            sample_type: PERF_SAMPLE_IP | PERF_SAMPLE_CALLCHAIN,
            read_format,
            flags: DISABLED | EXCLUDE_USER | EXCLUDE_HV | EXCLUDE_IDLE | EXCLUDE_CALLCHAIN_USER,
            ..Attributes::default()
        };
        let (every_process, no_group): (libc::pid_t, libc::c_int) = (-1, -1);
        // SAFETY: the attributes live during the call and say their own size; what is returned is a new fd, owned here.
        unsafe {
            let fd = libc::syscall(
                libc::SYS_perf_event_open,
                &raw const attributes,
                every_process,
                cpu as libc::c_int,
                no_group,
                PERF_FLAG_FD_CLOEXEC,
            );
            if fd < 0 {
                return Err(io::Error::last_os_error());
            }
            Ok(Event { file: File::from_raw_fd(fd as libc::c_int), counts_lost: read_format == PERF_FORMAT_LOST })
        }
    }

    pub(super) fn enable(&self) -> io::Result<()> {
        self.ioctl(PERF_EVENT_IOC_ENABLE, 0)
    }

    pub(super) fn disable(&self) -> io::Result<()> {
        self.ioctl(PERF_EVENT_IOC_DISABLE, 0)
    }

    /// Has its samples written into the buffer of another clock of the same CPU.
    pub(super) fn write_to(&self, other: &Event) -> io::Result<()> {
        self.ioctl(PERF_EVENT_IOC_SET_OUTPUT, other.file.as_raw_fd())
    }

    /// Samples that found no room in the buffer; none where the kernel does not count them.
    pub(super) fn lost(&mut self) -> io::Result<Option<u64>> {
        if !self.counts_lost {
            return Ok(None);
        }
        // The count of nanoseconds, and the number of samples lost.
        let mut words = [0; 16];
        self.file.read_exact(&mut words)?;
        let [.., a, b, c, d, e, f, g, h] = words;
        Ok(Some(u64::from_ne_bytes([a, b, c, d, e, f, g, h])))
    }

    fn ioctl(&self, request: libc::c_ulong, argument: libc::c_int) -> io::Result<()> {
        // SAFETY: all requests take an integer only.
        match unsafe { libc::ioctl(self.file.as_raw_fd(), request as libc::Ioctl, argument) } {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }
}
