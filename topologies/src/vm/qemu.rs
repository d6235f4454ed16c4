//! QEMU's command line.

use std::{
    os::{fd::RawFd, unix::process::CommandExt},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{
    Acceleration, VmError,
    boot::{PORT, ROOT_TAG},
};

pub(crate) const PROGRAM: &str = "qemu-system-x86_64";

/// One machine to be started.
pub(crate) struct Machine<'a> {
    pub(crate) kernel: &'a Path,
    pub(crate) initramfs: &'a Path,
    pub(crate) cpus: u32,
    pub(crate) memory_mib: u32,
    pub(crate) acceleration: Acceleration,
    /// The caller's words, behind our own.
    pub(crate) kernel_arguments: &'a [String],
    /// Our end of a socket pair, to become the worker's channel; `None` for a trial boot, which gets
    /// no devices at all.
    pub(crate) channel: Option<RawFd>,
}

/// Kernel command line. `panic=-1 oops=panic`: a dying guest resets, which with -no-reboot ends QEMU.
/// `loglevel=5`: warnings reach the console. The rest shortens the boot: no self tests of ciphers that
/// nobody uses, no probing for hardware that is not there, no timer check that TCG fails at random.
const KERNEL_ARGUMENTS: &str = "console=ttyS0,115200 loglevel=5 panic=-1 oops=panic nokaslr \
    cryptomgr.notests no_timer_check tsc=reliable 8250.nr_uarts=1 i8042.nokbd i8042.noaux i8042.nopnp \
    pci=lastbus=0 random.trust_cpu=on";

impl Machine<'_> {
    /// The command, with its console on stdout. Searches PATH for QEMU.
    pub(crate) fn command(&self) -> Result<Command, VmError> {
        let mut qemu = Command::new(find()?);
        qemu.args(["-M", "q35", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"]);
        qemu.args(self.acceleration.arguments());
        qemu.args(["-smp", &self.cpus.to_string(), "-m", &format!("{}M", self.memory_mib)]);
        let words: Vec<&str> = std::iter::once(KERNEL_ARGUMENTS)
            .chain(self.acceleration.kernel_words().iter().copied())
            .chain(self.kernel_arguments.iter().map(String::as_str))
            .collect();
        qemu.arg("-kernel").arg(self.kernel).arg("-initrd").arg(self.initramfs).args(["-append", &words.join(" ")]);
        qemu.args(["-chardev", "stdio,id=console,signal=off", "-serial", "chardev:console"]);
        if let Some(channel) = self.channel {
            let share = "local,id=root,path=/,security_model=none,readonly=on,multidevs=remap";
            qemu.args(["-fsdev", share, "-device", &format!("virtio-9p-pci,fsdev=root,mount_tag={ROOT_TAG}")]);
            qemu.args(["-chardev", &format!("socket,id=worker,fd={channel}"), "-device", "virtio-serial-pci"]);
            qemu.args(["-device", &format!("virtserialport,chardev=worker,name={PORT}")]);
        }
        qemu.stdin(Stdio::null()).stdout(Stdio::piped());
        let (parent, channel) = (std::process::id(), self.channel);
        // SAFETY: between fork and exec only system calls are made, without allocation.
        unsafe { qemu.pre_exec(move || prepare_child(parent, channel)) };
        Ok(qemu)
    }
}

/// In the child: die with the thread that started it, let the channel through, and keep out of the
/// terminal's process group, so that Ctrl-C reaches only us, who then end the guest in order.
fn prepare_child(parent: u32, channel: Option<RawFd>) -> std::io::Result<()> {
    // SAFETY: system calls with integer arguments.
    unsafe {
        libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
        if libc::getppid() != parent.cast_signed() {
            // The parent died before the signal was set.
            libc::_exit(1);
        }
        libc::setpgid(0, 0);
        if channel.is_some_and(|fd| libc::fcntl(fd, libc::F_SETFD, 0) != 0) {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

/// QEMU's path.
pub(crate) fn find() -> Result<PathBuf, VmError> {
    let searched = std::env::var("PATH").unwrap_or_default();
    std::env::split_paths(&searched)
        .map(|dir| dir.join(PROGRAM))
        .find(|path| path.is_file())
        .ok_or(VmError::QemuMissing { program: PROGRAM, searched })
}
