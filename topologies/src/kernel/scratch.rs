//! A throw-away network namespace, entered by a child process that ends with it: what is tried
//! there cannot touch the host.

use std::{ffi::CStr, io};

/// Enters a new network namespace, and a new user namespace around it for `outer` (uid, gid) when
/// given. For use between fork and exec: system calls only, no allocation.
pub(crate) fn enter(outer: Option<IdMaps>) -> io::Result<()> {
    let flags = libc::CLONE_NEWNET | if outer.is_some() { libc::CLONE_NEWUSER } else { 0 };
    // SAFETY: unshare takes no pointers.
    if unsafe { libc::unshare(flags) } != 0 {
        return Err(io::Error::last_os_error());
    }
    let Some(maps) = outer else { return Ok(()) };
    write(c"/proc/self/setgroups", b"deny")?;
    write(c"/proc/self/uid_map", maps.uid())?;
    write(c"/proc/self/gid_map", maps.gid())
}

/// The lines that make the caller root in its user namespace, prepared before the fork.
#[derive(Clone, Copy)]
pub(crate) struct IdMaps {
    uid: ([u8; 32], usize),
    gid: ([u8; 32], usize),
}

impl IdMaps {
    /// Maps for this process; `None` for root, who needs no user namespace.
    pub(crate) fn unless_root() -> Option<Self> {
        let uid = nix::unistd::geteuid();
        let line = |id: u32| {
            let text = format!("0 {id} 1");
            let mut buffer = [0; 32];
            buffer[..text.len()].copy_from_slice(text.as_bytes());
            (buffer, text.len())
        };
        (!uid.is_root()).then(|| Self { uid: line(uid.as_raw()), gid: line(nix::unistd::getegid().as_raw()) })
    }

    fn uid(&self) -> &[u8] {
        &self.uid.0[..self.uid.1]
    }

    fn gid(&self) -> &[u8] {
        &self.gid.0[..self.gid.1]
    }
}

fn write(path: &CStr, text: &[u8]) -> io::Result<()> {
    // SAFETY: a NUL-terminated path, a live buffer with its own length, and an fd that is closed once.
    unsafe {
        let fd = libc::open(path.as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        let written = libc::write(fd, text.as_ptr().cast(), text.len());
        let error = io::Error::last_os_error();
        libc::close(fd);
        if written < 0 { Err(error) } else { Ok(()) }
    }
}

/// RTM_NEWLINK for a veth pair with names of the kernel's choosing: nlmsghdr, ifinfomsg,
/// IFLA_LINKINFO { IFLA_INFO_KIND "veth" } (include/uapi/linux/{netlink,rtnetlink,if_link}.h).
const NEW_VETH: [u8; 48] = {
    let mut message = [0u8; 48];
    message[0] = 48; // nlmsg_len
    message[4] = 16; // RTM_NEWLINK
    (message[6], message[7]) = (0x05, 0x06); // NLM_F_REQUEST | NLM_F_ACK | NLM_F_EXCL | NLM_F_CREATE
    message[32] = 16; // IFLA_LINKINFO, 16 bytes long, behind 16 bytes of ifinfomsg
    message[34] = 18;
    message[36] = 9; // IFLA_INFO_KIND, "veth" and a NUL
    message[38] = 1;
    (message[40], message[41], message[42], message[43]) = (b'v', b'e', b't', b'h');
    message
};

/// Asks the kernel for a veth pair in the current namespace. System calls only.
pub(crate) fn create_veth() -> io::Result<()> {
    let mut answer = [0u8; 64];
    // SAFETY: plain socket calls on live buffers with their own lengths; the fd is closed once.
    let (got, error) = unsafe {
        let fd = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW | libc::SOCK_CLOEXEC, libc::NETLINK_ROUTE);
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        let mut got = libc::send(fd, NEW_VETH.as_ptr().cast(), NEW_VETH.len(), 0);
        if got >= 0 {
            got = libc::recv(fd, answer.as_mut_ptr().cast(), answer.len(), 0);
        }
        let error = io::Error::last_os_error();
        libc::close(fd);
        (got, error)
    };
    if got < 20 {
        return Err(error);
    }
    // struct nlmsgerr follows the header: a negative errno, or 0.
    match i32::from_ne_bytes([answer[16], answer[17], answer[18], answer[19]]) {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(-errno)),
    }
}
