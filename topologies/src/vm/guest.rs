//! What this binary does as PID 1 of the guest: load modules, make the host's root its own, run the
//! worker on the channel, report how it ended, power off.

use std::{
    fs::{File, OpenOptions},
    os::{fd::AsFd, unix::process::ExitStatusExt},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        reboot::{RebootMode, reboot},
        wait::{WaitStatus, wait},
    },
};

use super::{
    boot::{BootDescription, DESCRIPTION, Notice, PORT},
    module_load, mounts,
};

/// Whether this process is the init of a guest that [`Vm::boot`](super::Vm::boot) started. To be asked
/// first thing in `main`.
pub fn is_guest_init() -> bool {
    std::process::id() == 1 && Path::new(DESCRIPTION).exists()
}

/// The guest's whole life. Never returns: the machine is powered off at the end.
pub fn guest_init() -> ! {
    say(&Notice::Init);
    if let Err(why) = live() {
        say(&Notice::Failed(why));
    }
    // SAFETY: no arguments.
    unsafe { libc::sync() };
    // Power off; if even that is refused, PID 1 must not return: exiting makes the kernel panic,
    // which ends QEMU as well.
    let refused = reboot(RebootMode::RB_POWER_OFF);
    say(&Notice::Failed(format!("power off: {refused:?}")));
    std::process::exit(1)
}

/// The kernel gave init the console as stderr.
fn say(notice: &Notice) {
    eprint!("{}", notice.line());
}

fn live() -> Result<(), String> {
    let text = std::fs::read(DESCRIPTION).map_err(|e| format!("read {DESCRIPTION}: {e}"))?;
    let description: BootDescription =
        serde_json::from_slice(&text).map_err(|e| format!("parse {DESCRIPTION}: {e}"))?;
    let Some((program, arguments)) = description.worker.split_first() else { return Ok(()) };
    mounts::early()?;
    for missed in module_load::wanted(&description.modules) {
        say(&Notice::Note(missed));
    }
    module_load::required(&description.extra_modules)?;
    for missed in mounts::enter_host_root()? {
        say(&Notice::Note(missed));
    }
    // There is no modprobe for this kernel: without a path, requests for a module fail at once.
    if let Err(why) = std::fs::write("/proc/sys/kernel/modprobe", "\n") {
        say(&Notice::Note(format!("switch off module requests: {why}")));
    }
    loopback_up().map_err(|e| format!("set lo up: {e}"))?;
    let port = open_port()?;
    let clone = || port.try_clone().map_err(|e| format!("duplicate the channel: {e}"));
    say(&Notice::Worker);
    let worker = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/run")
        .envs(description.environment)
        .stdin(Stdio::from(clone()?))
        .stdout(Stdio::from(clone()?))
        .spawn()
        .map_err(|e| format!("run the worker {program}: {e}"))?;
    say(&reap(i32::try_from(worker.id()).unwrap_or(i32::MAX))?);
    Ok(())
}

/// Waits for the worker, and for every orphan on the way, as init must.
fn reap(worker: i32) -> Result<Notice, String> {
    loop {
        match wait() {
            Ok(WaitStatus::Exited(pid, code)) if pid.as_raw() == worker => return Ok(Notice::Exited(code)),
            Ok(WaitStatus::Signaled(pid, signal, _)) if pid.as_raw() == worker => {
                return Ok(Notice::Signalled(
                    std::process::ExitStatus::from_raw(signal as i32).signal().unwrap_or_default(),
                ));
            }
            Ok(_) | Err(nix::Error::EINTR) => {}
            Err(errno) => return Err(format!("wait for the worker: {errno}")),
        }
    }
}

fn loopback_up() -> std::io::Result<()> {
    // SAFETY: an all-zero ifreq is valid; the ioctl reads it during the call only; the fd is closed once.
    unsafe {
        let mut request: libc::ifreq = std::mem::zeroed();
        (request.ifr_name[0], request.ifr_name[1]) = (b'l' as libc::c_char, b'o' as libc::c_char);
        request.ifr_ifru.ifru_flags = (libc::IFF_UP | libc::IFF_RUNNING) as libc::c_short;
        let fd = libc::socket(libc::AF_INET, libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, 0);
        let done = libc::ioctl(fd, libc::SIOCSIFFLAGS, &request);
        let error = std::io::Error::last_os_error();
        libc::close(fd);
        if done == 0 { Ok(()) } else { Err(error) }
    }
}

/// Opens the virtio-serial port named [`PORT`] and waits until its host side is connected: before
/// that a read would look like the end of input (drivers/char/virtio_console.c, port_fops_read).
fn open_port() -> Result<File, String> {
    let ports = "/sys/class/virtio-ports";
    let deadline = Instant::now() + Duration::from_secs(10);
    let device = loop {
        let found = std::fs::read_dir(ports)
            .into_iter()
            .flatten()
            .flatten()
            .find(|entry| std::fs::read_to_string(entry.path().join("name")).is_ok_and(|name| name.trim() == PORT));
        match found {
            Some(entry) => break Path::new("/dev").join(entry.file_name()),
            // The port is announced over the control queue just after the driver is bound; sysfs
            // offers no event to wait for without a uevent socket.
            None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
            None => return Err(format!("no port {PORT} in {ports}: is virtio_console there?")),
        }
    };
    let fail = |e: std::io::Error| format!("open {}: {e}", device.display());
    let port = OpenOptions::new().read(true).write(true).open(&device).map_err(fail)?;
    while Instant::now() < deadline {
        let mut waiting = [PollFd::new(port.as_fd(), PollFlags::POLLOUT)];
        poll(&mut waiting, PollTimeout::from(1000u16)).map_err(|e| fail(e.into()))?;
        if !waiting[0].revents().is_some_and(|events| events.contains(PollFlags::POLLHUP)) {
            return Ok(port);
        }
        // POLLHUP returns at once, so it cannot be waited on.
        std::thread::sleep(Duration::from_millis(2));
    }
    Err(format!("the host side of {} never connected", device.display()))
}
