//! Threaded NAPI of a port: packets are received in a kernel thread instead of softirq.
//!
//! A tester's reception then is thread time, and softirq time is the DUT's alone. The switch is in sysfs, which shows
//! the ports of the namespace it was mounted in, not of the one that looks: so a thread that mounts its own does it.

use std::fs;
use std::io;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::LoanError;
use crate::netns::Netns;
use crate::testbed::BuildError;

/// Switches threaded NAPI of `port` in `room`. Returns what it was before; `None` for a driver without NAPI.
pub(crate) fn set(room: &Netns, port: &str, on: bool) -> Result<Option<bool>, BuildError> {
    Ok(room.run(|| switch(port, on))??)
}

fn switch(port: &str, on: bool) -> Result<Option<bool>, LoanError> {
    let failed = |doing| move |source| LoanError::Threaded { doing, port: port.to_owned(), source };
    own_sysfs().map_err(failed("mounting a sysfs to reach"))?;
    let path = format!("/sys/class/net/{port}/threaded");
    let read = || fs::read_to_string(&path).map(|text| text.trim() != "0");
    let before = match read() {
        // Before 5.12 nobody has it, and later no port without NAPI.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        before => before.map_err(failed("reading"))?,
    };
    if before == on {
        return Ok(Some(before));
    }
    match fs::write(&path, if on { "1" } else { "0" }) {
        // dev_set_threaded: no NAPI instance.
        Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => return Ok(None),
        written => written.map_err(failed("writing"))?,
    }
    match read().map_err(failed("reading back"))? == on {
        true => Ok(Some(before)),
        false => Err(failed("reading back")(io::Error::other("the port did not take the value"))),
    }
}

/// Gives the calling thread mounts of its own, with a sysfs of its network namespace, as `ip netns exec` does.
fn own_sysfs() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    // What is mounted here must not appear elsewhere.
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)?;
    mount(Some("sysfs"), "/sys", Some("sysfs"), MsFlags::empty(), None::<&str>)?;
    Ok(())
}
