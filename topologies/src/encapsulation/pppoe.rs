//! A PPPoE session (RFC 2516) without discovery and without negotiation: both ends know its number.
//!
//! What pppd and its plugin do with the kernel, less the protocols: a PPPoX socket is a channel, /dev/ppp gives a unit, and
//! the channel is connected with the unit (Documentation/networking/ppp_generic.rst). IPv4 and IPv6 pass at once, as they
//! would once IPCP and IPV6CP are open. The session ends with its descriptors.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;

use rtnetlink::{Handle, LinkUnspec};
use thiserror::Error;

use super::{SESSION, on};
use crate::link;
use crate::netlink::Doing;
use crate::netns::Netns;
use crate::port::Port;
use crate::testbed::BuildError;

const CONTROL: &str = "/dev/ppp";
const PX_PROTO_OE: u32 = 0;

// include/uapi/linux/ppp-ioctl.h
const PPPIOCGCHAN: libc::c_ulong = 0x8004_7437;
const PPPIOCATTCHAN: libc::c_ulong = 0x4004_7438;
const PPPIOCCONNECT: libc::c_ulong = 0x4004_743a;
const PPPIOCNEWUNIT: libc::c_ulong = 0xc004_743e;
const PPPIOCSNPMODE: libc::c_ulong = 0x4008_744b;
/// Protocol numbers of PPP: IPv4 and IPv6.
const NETWORK_PROTOCOLS: [i32; 2] = [0x21, 0x57];
const NPMODE_PASS: i32 = 0;

/// An open session: the device goes when it is dropped.
#[derive(Debug)]
pub struct Session {
    _channel: File,
    _unit: File,
    _socket: OwnedFd,
}

/// Why there is no session.
#[derive(Debug, Error)]
#[error("{doing}: {source}; PPPoE needs the modules pppoe and ppp_generic (`modprobe pppoe`) and root")]
pub struct PppoeError {
    /// What was tried.
    pub doing: &'static str,
    /// What came back.
    pub source: io::Error,
}

/// Opens the session with the port's peer and brings its device up.
pub(super) async fn connect(
    handle: &Handle,
    netns: &Netns,
    port: &Port,
    mtu: u32,
) -> Result<(Port, Session), BuildError> {
    // A unit belongs to the namespace of the thread that asks for it.
    let (session, unit) = netns.run(|| open(port))??;
    let name = format!("ppp{unit}");
    let ifindex = link::index_of(handle, &name).await?;
    let message = LinkUnspec::new_with_index(ifindex).mtu(mtu).up().build();
    handle.link().set(message).execute().await.doing(|| format!("bringing {name} up with MTU {mtu}"))?;
    Ok((on(port, name, ifindex), session))
}

fn open(port: &Port) -> Result<(Session, i32), PppoeError> {
    let socket = connected(port)?;
    let mut channel_number = 0;
    control(&socket, PPPIOCGCHAN, &mut channel_number, "asking for the PPP channel of the session")?;
    let unit = device()?;
    let mut number = -1;
    control(&unit, PPPIOCNEWUNIT, &mut number, "making a PPP device")?;
    let channel = device()?;
    control(&channel, PPPIOCATTCHAN, &mut channel_number, "attaching to the PPP channel")?;
    control(&channel, PPPIOCCONNECT, &mut number, "connecting the PPP channel with its device")?;
    for protocol in NETWORK_PROTOCOLS {
        // struct npioctl: protocol, mode.
        control(&unit, PPPIOCSNPMODE, &mut [protocol, NPMODE_PASS], "letting IP pass the PPP device")?;
    }
    Ok((Session { _channel: channel, _unit: unit, _socket: socket }, number))
}

/// A PPPoX socket in the session with the port's peer.
fn connected(port: &Port) -> Result<OwnedFd, PppoeError> {
    let address = address(port);
    // SAFETY: no pointers; a descriptor that comes back is ours alone.
    let socket = unsafe {
        let fd = libc::socket(libc::AF_PPPOX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, PX_PROTO_OE as i32);
        if fd < 0 {
            return Err(PppoeError { doing: "opening a PPPoE socket", source: io::Error::last_os_error() });
        }
        OwnedFd::from_raw_fd(fd)
    };
    // SAFETY: the address lives through the call, which reads as many bytes as it has.
    let done = unsafe { libc::connect(socket.as_raw_fd(), address.as_ptr().cast(), address.len() as libc::socklen_t) };
    if done != 0 {
        return Err(PppoeError { doing: "opening the PPPoE session", source: io::Error::last_os_error() });
    }
    Ok(socket)
}

/// `struct sockaddr_pppox` with `struct pppoe_addr`, packed (include/uapi/linux/if_pppox.h): family, protocol, session,
/// MAC address of the other end, name of the port.
fn address(port: &Port) -> [u8; 30] {
    let mut bytes = [0; 30];
    bytes[..2].copy_from_slice(&(libc::AF_PPPOX as u16).to_ne_bytes());
    bytes[2..6].copy_from_slice(&PX_PROTO_OE.to_ne_bytes());
    bytes[6..8].copy_from_slice(&SESSION.to_be_bytes());
    bytes[8..14].copy_from_slice(&port.peer_mac);
    // A port's name has 15 bytes at most, so a NUL stays.
    let name = port.name.as_bytes();
    let length = name.len().min(15);
    bytes[14..14 + length].copy_from_slice(&name[..length]);
    bytes
}

fn device() -> Result<File, PppoeError> {
    let opened = OpenOptions::new().read(true).write(true).open(Path::new(CONTROL));
    opened.map_err(|source| PppoeError { doing: "opening /dev/ppp", source })
}

fn control<T>(
    fd: &impl AsRawFd,
    request: libc::c_ulong,
    argument: &mut T,
    doing: &'static str,
) -> Result<(), PppoeError> {
    // SAFETY: each request reads or writes no more than its argument has (an int, or two), during the call only.
    match unsafe { libc::ioctl(fd.as_raw_fd(), request as _, std::ptr::from_mut(argument)) } {
        -1 => Err(PppoeError { doing, source: io::Error::last_os_error() }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addresses::CLIENT_LINK;

    #[test]
    fn the_address_is_packed_as_the_kernel_reads_it() {
        let port = Port {
            name: "fifteen-bytes-x".to_owned(),
            driver: String::new(),
            ifindex: 1,
            mac: CLIENT_LINK.dut_mac,
            peer_mac: CLIENT_LINK.tester_mac,
            ipv4: CLIENT_LINK.ipv4.dut,
            ipv6: CLIENT_LINK.ipv6.dut,
        };
        let bytes = address(&port);
        assert_eq!(bytes[..8], [24, 0, 0, 0, 0, 0, 0, 7]);
        assert_eq!(bytes[8..14], CLIENT_LINK.tester_mac);
        assert_eq!(&bytes[14..], b"fifteen-bytes-x\0");
    }
}
