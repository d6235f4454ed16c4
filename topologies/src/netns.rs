//! Network namespaces, held by a file descriptor.
//!
//! A namespace lives as long as something refers to it. Here that is a descriptor: when the process ends, however
//! it ends, the kernel closes the descriptor and the namespace goes with its links, rules and sockets. Nothing forks:
//! `unshare` and `setns` with CLONE_NEWNET act on one thread, so each is done on a short-lived thread of its own.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::panic::resume_unwind;
use std::thread;

use futures_util::stream::BoxStream;
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use netlink_packet_core::NetlinkMessage;
use nix::sched::{CloneFlags, setns, unshare};
use rtnetlink::MulticastGroup;
use rtnetlink::packet_route::RouteNetlinkMessage;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::netns_name::{NameError, NamespaceName};

/// The calling thread's own network namespace. `/proc/self` would be the main thread's.
const OWN: &str = "/proc/thread-self/ns/net";

/// A network namespace. Dropping the last reference destroys it with all that is inside.
#[derive(Debug)]
pub struct Netns {
    fd: OwnedFd,
    name: Option<NamespaceName>,
}

/// What the kernel knows a namespace by: the inode of its file in nsfs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetnsId {
    /// Device number of nsfs.
    pub device: u64,
    /// Inode number, unique among the namespaces alive.
    pub inode: u64,
}

/// A conversation with rtnetlink in one namespace, with the link notifications of that namespace.
pub struct RouteSocket {
    /// Drives the socket; to be spawned.
    pub connection: BoxFuture<'static, ()>,
    /// Requests go here.
    pub handle: rtnetlink::Handle,
    /// Notifications of changed links (RTNLGRP_LINK).
    pub link_events: BoxStream<'static, NetlinkMessage<RouteNetlinkMessage>>,
}

/// Why a namespace could not be made or entered.
#[derive(Debug, Error)]
pub enum NetnsError {
    /// The kernel made none.
    #[error("creating a network namespace: {0}{hint}", hint = hint_for_unshare(.0))]
    Create(#[source] io::Error),
    /// A thread could not enter it.
    #[error("entering a network namespace: {0}; it needs CAP_SYS_ADMIN in the user namespace that owns it")]
    Enter(#[source] io::Error),
    /// The namespace's file could not be read.
    #[error("opening {path}: {source}{hint}", hint = hint_for_open(.source))]
    Open {
        /// The file.
        path: String,
        /// What came back.
        source: io::Error,
    },
    /// No thread could be started to work inside it.
    #[error("starting a thread to work inside a network namespace: {0}")]
    Thread(#[source] io::Error),
    /// No rtnetlink socket inside it.
    #[error("opening an rtnetlink socket inside a network namespace: {0}")]
    Socket(#[source] io::Error),
    /// It could not be given its name.
    #[error(transparent)]
    Name(#[from] NameError),
}

impl Netns {
    /// Makes an anonymous network namespace. Nothing in it is up, not even loopback.
    pub fn new() -> Result<Netns, NetnsError> {
        let fd = on_own_thread(|| {
            unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| NetnsError::Create(errno.into()))?;
            open(OWN)
        })??;
        Ok(Netns { fd, name: None })
    }

    /// Makes a network namespace that `ip netns` lists as `name`, until it is dropped.
    ///
    /// A killed process leaves the name behind; [`crate::journal`] exists for that. Needs root.
    pub fn named(name: &str) -> Result<Netns, NetnsError> {
        let mut netns = Netns::new()?;
        netns.set_name(name)?;
        Ok(netns)
    }

    /// The namespace of the calling thread.
    pub fn current() -> Result<Netns, NetnsError> {
        Ok(Netns { fd: open(OWN)?, name: None })
    }

    /// Binds the namespace to `name` in /run/netns, in place of an earlier name.
    pub fn set_name(&mut self, name: &str) -> Result<(), NetnsError> {
        self.name = Some(NamespaceName::bind(name, self.fd.as_fd())?);
        Ok(())
    }

    /// Lets the name outlive this value: somebody else removes it.
    pub(crate) fn leave_name(&mut self) {
        if let Some(name) = &mut self.name {
            name.leave();
        }
    }

    /// Its name in /run/netns, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_ref().map(NamespaceName::name)
    }

    /// Its descriptor, for `setns` and for IFLA_NET_NS_FD.
    pub fn fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }

    /// A second reference to the same namespace. The name stays with the first.
    pub fn try_clone(&self) -> io::Result<Netns> {
        Ok(Netns { fd: self.fd.try_clone()?, name: None })
    }

    /// What the kernel knows it by.
    pub fn id(&self) -> io::Result<NetnsId> {
        let stat = nix::sys::stat::fstat(&self.fd)?;
        Ok(NetnsId { device: stat.st_dev, inode: stat.st_ino })
    }

    /// Runs `work` on a fresh thread inside the namespace and waits for it. A panic of `work` goes on in the caller.
    pub fn run<T: Send>(&self, work: impl FnOnce() -> T + Send) -> Result<T, NetnsError> {
        on_own_thread(|| {
            self.enter_current_thread()?;
            Ok(work())
        })?
    }

    /// Moves the calling thread into the namespace, for good: only for threads that live inside it.
    pub fn enter_current_thread(&self) -> Result<(), NetnsError> {
        setns(&self.fd, CloneFlags::CLONE_NEWNET).map_err(|errno| NetnsError::Enter(errno.into()))
    }

    /// Opens rtnetlink inside the namespace for use on `runtime`. The socket stays there and keeps the namespace alive.
    pub fn connection(&self, runtime: &tokio::runtime::Handle) -> Result<RouteSocket, NetnsError> {
        let (connection, handle, events) = self
            .run(|| {
                let _reactor = runtime.enter();
                rtnetlink::new_multicast_connection(&[MulticastGroup::Link])
            })?
            .map_err(NetnsError::Socket)?;
        let link_events = events.map(|(message, _)| message).boxed();
        Ok(RouteSocket { connection: connection.boxed(), handle, link_events })
    }
}

fn open(path: &str) -> Result<OwnedFd, NetnsError> {
    let file = File::open(path).map_err(|source| NetnsError::Open { path: path.to_owned(), source })?;
    Ok(file.into())
}

/// Runs `work` on a thread made for it, because what `work` does to its thread cannot be undone.
fn on_own_thread<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, NetnsError> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("netns".to_owned()).spawn_scoped(scope, work);
        match thread.map_err(NetnsError::Thread)?.join() {
            Ok(value) => Ok(value),
            Err(panic) => resume_unwind(panic),
        }
    })
}

fn hint_for_open(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "; is /proc mounted?",
        _ => "",
    }
}

fn hint_for_unshare(error: &io::Error) -> &'static str {
    match error.raw_os_error() {
        Some(libc::EPERM) => "; run as root, or inside a user namespace",
        Some(libc::ENOSPC) => "; the limit is in /proc/sys/user/max_net_namespaces",
        Some(libc::EINVAL) => "; the kernel was built without CONFIG_NET_NS",
        _ => "",
    }
}
