//! What this process may do, and how an ordinary user gets a network of their own.
//!
//! Making namespaces and links needs CAP_SYS_ADMIN and CAP_NET_ADMIN only in the user namespace that owns them. A
//! process without root may make itself such a user namespace, where the kernel and the distribution allow it.

use std::os::unix::fs::MetadataExt;
use std::{fs, io};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{getegid, geteuid};
use thiserror::Error;

/// Why this process may not do what is asked.
#[derive(Debug, Error)]
pub enum PrivilegeError {
    /// Named namespaces are mounts that everybody sees.
    #[error("named namespaces (--keep) need root: they are mounts in /run/netns; run with sudo, or without --keep")]
    NamesNeedRoot,
    /// User namespaces can be entered only by a process with one thread.
    #[error("a user namespace must be entered before the process starts its first thread")]
    Threads,
    /// The kernel or the distribution forbids it.
    #[error("{doing}: {source}; {remedy}")]
    UserNamespace {
        /// What was tried.
        doing: &'static str,
        /// What came back.
        source: io::Error,
        /// What forbids it, and what to do.
        remedy: String,
    },
}

/// Whether the process has the effective user id 0, in whatever user namespace.
pub fn is_root() -> bool {
    geteuid().is_root()
}

/// Whether the process is in the user namespace that the machine booted with, where root is root of everything.
pub fn in_initial_user_namespace() -> bool {
    // The initial one maps the whole range onto itself; a kernel without user namespaces has no such file.
    fs::read_to_string("/proc/self/uid_map").map_or(true, |map| is_whole_range(&map))
}

/// Enters a user namespace as its root, with a network and a mount namespace of its own.
///
/// For the whole process, which must have a single thread, and for good. Host mode works without root after it.
pub fn enter_user_namespace() -> Result<(), PrivilegeError> {
    let (uid, gid) = (geteuid(), getegid());
    let flags = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS;
    unshare(flags).map_err(|errno| match errno {
        Errno::EINVAL => PrivilegeError::Threads,
        errno => refused("creating a user namespace with its own network", errno.into()),
    })?;
    // Without this an unprivileged process may not write gid_map (user_namespaces(7)).
    let written = match fs::write("/proc/self/setgroups", "deny") {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    };
    written
        .and_then(|()| fs::write("/proc/self/uid_map", format!("0 {uid} 1")))
        .and_then(|()| fs::write("/proc/self/gid_map", format!("0 {gid} 1")))
        .map_err(|error| refused("becoming root of the new user namespace", error))
}

/// Named namespaces live in a directory of the host's, where only its root may mount.
pub(crate) fn require_root_for_names() -> Result<(), PrivilegeError> {
    match is_root() && in_initial_user_namespace() {
        true => Ok(()),
        false => Err(PrivilegeError::NamesNeedRoot),
    }
}

/// Whether the process lives in a chroot, where the kernel makes no user namespace (create_user_ns in
/// kernel/user_namespace.c): its root is no mount, or another than that of process 1, where that may be looked at.
pub fn in_a_chroot() -> bool {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let root = |path: &str| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    let elsewhere = matches!((root("/proc/1/root/."), root("/")), (Some(first), Some(ours)) if first != ours);
    elsewhere || !mounts.is_empty() && !root_is_a_mount(&mounts)
}

/// The fifth field of a line of mountinfo is the place of a mount, seen from the process's root (proc_pid_mountinfo(5)).
fn root_is_a_mount(mountinfo: &str) -> bool {
    mountinfo.lines().any(|line| line.split(' ').nth(4) == Some("/"))
}

fn refused(doing: &'static str, source: io::Error) -> PrivilegeError {
    let switch = |path: &str| fs::read_to_string(path).ok().map(|text| text.trim().to_owned());
    let remedy = remedy(source.raw_os_error(), |name| switch(&format!("/proc/sys/{name}")));
    PrivilegeError::UserNamespace { doing, source, remedy }
}

/// Finds what forbids user namespaces among the known switches. `sysctl` reads one, by its path below /proc/sys.
fn remedy(errno: Option<i32>, sysctl: impl Fn(&str) -> Option<String>) -> String {
    let is = |name: &str, value: &str| sysctl(name).as_deref() == Some(value);
    let otherwise = "or run as root, or with `--kernel` in a VM, which needs neither";
    if is("user/max_user_namespaces", "0") || errno == Some(libc::ENOSPC) {
        format!("user.max_user_namespaces is too low: raise it with sysctl, {otherwise}")
    } else if is("kernel/unprivileged_userns_clone", "0") {
        format!("the kernel reserves them for root: sysctl kernel.unprivileged_userns_clone=1, {otherwise}")
    } else if is("kernel/apparmor_restrict_unprivileged_userns", "1") {
        format!(
            "AppArmor reserves them: sysctl kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for \
             this program that allows userns, {otherwise}"
        )
    } else {
        format!(
            "a chroot, a container's seccomp profile or a kernel without CONFIG_USER_NS forbids it: leave or allow it, \
             {otherwise}"
        )
    }
}

fn is_whole_range(uid_map: &str) -> bool {
    uid_map.split_whitespace().eq(["0", "0", "4294967295"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remedy_names_the_switch_that_forbids_it() {
        let with = |on: &'static str, value: &'static str| {
            remedy(Some(libc::EPERM), move |name| (name == on).then(|| value.to_owned()))
        };
        assert!(with("user/max_user_namespaces", "0").contains("max_user_namespaces"));
        assert!(with("kernel/unprivileged_userns_clone", "0").contains("unprivileged_userns_clone=1"));
        assert!(with("kernel/apparmor_restrict_unprivileged_userns", "1").contains("AppArmor"));
        assert!(with("kernel/unprivileged_userns_clone", "1").contains("seccomp"));
        assert!(remedy(Some(libc::ENOSPC), |_| Some("5".to_owned())).contains("max_user_namespaces"));
    }

    #[test]
    fn a_root_that_is_no_mount_is_a_chroot() {
        assert!(root_is_a_mount("21 1 254:0 / / rw - ext4 /dev/vda rw\n22 21 0:20 / /proc rw - proc proc rw\n"));
        assert!(!root_is_a_mount("22 21 0:20 / /proc rw - proc proc rw\n"));
    }

    #[test]
    fn only_the_whole_range_is_the_initial_user_namespace() {
        assert!(is_whole_range("         0          0 4294967295\n"));
        assert!(!is_whole_range("         0       1000          1\n"));
        assert!(!is_whole_range("0 0 65536\n"));
    }
}
