//! The guest's file systems: the host's root read-only over 9p, and everything that a system writes
//! to in memory. After [`enter_host_root`] the guest looks like the host, but nothing it writes gets out.

use std::path::Path;

use nix::mount::{MsFlags, mount};

use super::boot::{OWN_BINARY, ROOT_TAG};

const HOST: &str = "/host";

/// /proc, /sys and /dev of the initramfs itself.
pub(crate) fn early() -> Result<(), String> {
    for (kind, at) in [("proc", "/proc"), ("sysfs", "/sys"), ("devtmpfs", "/dev")] {
        fresh(kind, at, "")?;
    }
    Ok(())
}

/// Mounts the host's root, fresh system mounts on top, this binary at [`OWN_BINARY`], and makes it the
/// root. A real move of the root, not only a chroot: user namespaces can be created below it.
/// Returns what could not be mounted but can be missed.
pub(crate) fn enter_host_root() -> Result<Vec<String>, String> {
    let options = "trans=virtio,version=9p2000.L,cache=loose,msize=512000,access=any";
    mount(Some(ROOT_TAG), HOST, Some("9p"), MsFlags::MS_RDONLY, Some(options))
        .map_err(|e| format!("mount the host's root over 9p ({options}): {e}"))?;
    let mut missed = Vec::new();
    for (kind, at, options) in [
        ("proc", "/proc", ""),
        ("sysfs", "/sys", ""),
        ("devtmpfs", "/dev", ""),
        ("tmpfs", "/run", "mode=755"),
        ("tmpfs", "/tmp", "mode=1777"),
        ("debugfs", "/sys/kernel/debug", ""),
        ("tracefs", "/sys/kernel/tracing", ""),
        ("bpf", "/sys/fs/bpf", ""),
    ] {
        if let Err(why) = fresh(kind, &format!("{HOST}{at}"), options) {
            missed.push(why);
        }
    }
    for (kind, at, options) in [("devpts", "/dev/pts", "mode=620,ptmxmode=666"), ("tmpfs", "/dev/shm", "mode=1777")] {
        let at = format!("{HOST}{at}");
        let made = std::fs::create_dir_all(&at).map_err(|e| format!("create {at}: {e}"));
        missed.extend(made.and_then(|()| fresh(kind, &at, options)).err());
    }
    // devtmpfs has no links; `nft -f -` and shells open /dev/stdin by its name.
    for (name, target) in [("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2"), ("fd", "fd")] {
        let link = format!("{HOST}/dev/{name}");
        if let Err(e) = std::os::unix::fs::symlink(format!("/proc/self/{target}"), &link) {
            missed.push(format!("link {link}: {e}"));
        }
    }
    let own = format!("{HOST}{OWN_BINARY}");
    std::fs::write(&own, b"").map_err(|e| format!("create {own}: {e}"))?;
    mount(Some("/init"), own.as_str(), None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .map_err(|e| format!("offer the own binary at {OWN_BINARY}: {e}"))?;
    move_root().map_err(|e| format!("make the host's root the guest's: {e}"))?;
    Ok(missed)
}

fn move_root() -> nix::Result<()> {
    nix::unistd::chdir(HOST)?;
    mount(Some("."), "/", None::<&str>, MsFlags::MS_MOVE, None::<&str>)?;
    nix::unistd::chroot(".")?;
    nix::unistd::chdir("/")
}

fn fresh(kind: &str, at: &str, options: &str) -> Result<(), String> {
    let options = (!options.is_empty()).then_some(options);
    mount(Some(kind), Path::new(at), Some(kind), MsFlags::empty(), options)
        .map_err(|e| format!("mount {kind} on {at}: {e}"))
}
