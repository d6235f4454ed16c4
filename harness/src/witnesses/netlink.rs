//! A blocking netlink conversation that hands on each message as it arrives.
//!
//! A witness asks the same few questions over and over and may get a million answers. So the socket is opened once,
//! inside the namespace it belongs to (it stays there, whoever uses it), and messages are parsed where they lie.

use std::io;
use std::os::fd::AsFd;

use flowgauge_topologies::{Netns, NetnsError};
use netlink_packet_core::{DecodeError, NLM_F_ACK, NLM_F_DUMP, NLM_F_DUMP_INTR, NLM_F_REQUEST};
use netlink_sys::Socket;
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::{TimeVal, TimeValLike};
use thiserror::Error;

pub use super::attributes::{
    NFGENMSG, attributes, be32, be64, ne32, ne64, nfgenmsg, push, push_nested, push_string, text,
};
pub use netlink_sys::protocols::{NETLINK_GENERIC, NETLINK_NETFILTER, NETLINK_ROUTE};

/// Length of `struct nlmsghdr`.
const HEADER: usize = 16;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// The kernel fills at most 32 KiB per datagram of a dump when the reader's buffer allows it (netlink_dump).
const BUFFER_BYTES: usize = 64 << 10;
/// A table that changes while it is dumped is dumped again; traffic stands still, so the second time succeeds.
const ATTEMPTS: u32 = 5;
/// The kernel answers within the system call that asks; a silence of seconds is a fault, not load.
const SILENCE_SECONDS: i64 = 20;

/// Why a question got no answer.
#[derive(Debug, Error)]
pub enum NetlinkError {
    /// The namespace could not be entered.
    #[error(transparent)]
    Namespace(#[from] NetnsError),
    /// The socket failed.
    #[error("{doing}: {source}")]
    Socket {
        /// What was tried.
        doing: &'static str,
        /// What came back.
        source: io::Error,
    },
    /// The kernel refused.
    #[error("{doing}: the kernel answered {source}{}", detail(.extack))]
    Refused {
        /// What was asked.
        doing: &'static str,
        /// What came back.
        source: io::Error,
        /// The kernel's own words, where it gave any.
        extack: String,
    },
    /// The answer cannot be understood.
    #[error("{doing}: the kernel's answer is malformed: {what}")]
    Malformed {
        /// What was asked.
        doing: &'static str,
        /// What is wrong with it.
        what: String,
    },
    /// The table changed during every attempt to dump it.
    #[error("{doing}: the table kept changing during {ATTEMPTS} dumps; let the traffic stand still first")]
    Unstable {
        /// What was asked.
        doing: &'static str,
    },
}

impl NetlinkError {
    /// The kernel's errno, where it refused.
    pub fn errno(&self) -> Option<i32> {
        match self {
            NetlinkError::Refused { source, .. } => source.raw_os_error(),
            _ => None,
        }
    }
}

fn detail(extack: &str) -> String {
    if extack.is_empty() { String::new() } else { format!(" ({extack})") }
}

/// One question to the kernel.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// For the error's text: what is tried.
    pub doing: &'static str,
    /// `nlmsg_type`.
    pub message_type: u16,
    /// Whether every object is asked for (NLM_F_DUMP), or one thing is done and acknowledged.
    pub dump: bool,
    /// What follows the netlink header.
    pub payload: &'a [u8],
}

/// A netlink socket inside one namespace. It keeps the namespace alive.
#[derive(Debug)]
pub struct Conversation {
    socket: Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Conversation {
    /// Opens a socket of `protocol` inside `netns`.
    pub fn open(netns: &Netns, protocol: isize) -> Result<Self, NetlinkError> {
        let failed = |source| NetlinkError::Socket { doing: "opening a netlink socket", source };
        let socket = netns.run(|| Socket::new(protocol))?.map_err(failed)?;
        let patience = TimeVal::seconds(SILENCE_SECONDS);
        setsockopt(&socket.as_fd(), sockopt::ReceiveTimeout, &patience).map_err(|errno| failed(errno.into()))?;
        // The kernel explains a refusal in words only when asked to; an old one that cannot is as good.
        let _ = socket.set_ext_ack(true);
        Ok(Conversation { socket, sequence: 0, buffer: Vec::with_capacity(BUFFER_BYTES) })
    }

    /// Asks and calls `each` with the type and payload of every message of the answer.
    ///
    /// A dump that was interrupted by a change is repeated: `each` then starts over after a call of `restart`.
    pub fn ask<S>(
        &mut self,
        question: Question<'_>,
        restart: impl Fn() -> S,
        mut each: impl FnMut(&mut S, u16, &[u8]) -> Result<(), DecodeError>,
    ) -> Result<S, NetlinkError> {
        for _ in 0..ATTEMPTS {
            let mut state = restart();
            self.send(question)?;
            if self.receive(question, |kind, payload| each(&mut state, kind, payload))? {
                return Ok(state);
            }
        }
        Err(NetlinkError::Unstable { doing: question.doing })
    }

    fn send(&mut self, question: Question<'_>) -> Result<(), NetlinkError> {
        self.sequence = self.sequence.wrapping_add(1);
        let mode = if question.dump { NLM_F_DUMP } else { NLM_F_ACK };
        let mut message = Vec::with_capacity(HEADER + question.payload.len());
        message.extend_from_slice(&((HEADER + question.payload.len()) as u32).to_ne_bytes());
        message.extend_from_slice(&question.message_type.to_ne_bytes());
        message.extend_from_slice(&(NLM_F_REQUEST | mode).to_ne_bytes());
        message.extend_from_slice(&self.sequence.to_ne_bytes());
        message.extend_from_slice(&0u32.to_ne_bytes());
        message.extend_from_slice(question.payload);
        match self.socket.send(&message, 0) {
            Ok(_) => Ok(()),
            Err(source) => Err(NetlinkError::Socket { doing: question.doing, source }),
        }
    }

    /// Reads until the answer is complete. False: the dump was inconsistent.
    fn receive(
        &mut self,
        question: Question<'_>,
        mut each: impl FnMut(u16, &[u8]) -> Result<(), DecodeError>,
    ) -> Result<bool, NetlinkError> {
        let doing = question.doing;
        let malformed = |what: String| NetlinkError::Malformed { doing, what };
        let mut consistent = true;
        loop {
            self.buffer.clear();
            let received = match self.socket.recv(&mut self.buffer, libc::MSG_TRUNC) {
                Ok(received) => received,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(NetlinkError::Socket { doing, source }),
            };
            if received > self.buffer.len() {
                return Err(malformed(format!("a datagram of {received} bytes")));
            }
            let mut rest = &self.buffer[..];
            while let Some((message, after)) = split(rest).map_err(malformed)? {
                rest = after;
                // What is left of a question that was given up.
                if message.sequence != self.sequence {
                    continue;
                }
                consistent &= message.flags & NLM_F_DUMP_INTR == 0;
                match message.kind {
                    NLMSG_ERROR | NLMSG_DONE => {
                        end(doing, &message)?;
                        return Ok(consistent);
                    }
                    kind => each(kind, message.payload).map_err(|error| malformed(error.to_string()))?,
                }
            }
        }
    }
}

struct Message<'a> {
    kind: u16,
    flags: u16,
    sequence: u32,
    payload: &'a [u8],
}

/// The first message of a datagram, and what follows it.
fn split(bytes: &[u8]) -> Result<Option<(Message<'_>, &[u8])>, String> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let word = |at: usize| bytes.get(at..at + 4).and_then(|b| b.try_into().ok()).map(u32::from_ne_bytes);
    let (Some(length), Some(kind_and_flags), Some(sequence)) = (word(0), word(4), word(8)) else {
        return Err(format!("{} bytes where a header was due", bytes.len()));
    };
    let length = length as usize;
    let Some(payload) = bytes.get(HEADER..length) else {
        return Err(format!("a message of {length} bytes with {} left", bytes.len()));
    };
    let halves = kind_and_flags.to_ne_bytes();
    let kind = u16::from_ne_bytes([halves[0], halves[1]]);
    let flags = u16::from_ne_bytes([halves[2], halves[3]]);
    let after = bytes.get(length.next_multiple_of(4)..).unwrap_or_default();
    Ok(Some((Message { kind, flags, sequence, payload }, after)))
}

/// Reads the errno of NLMSG_ERROR or NLMSG_DONE; zero is success.
fn end(doing: &'static str, message: &Message<'_>) -> Result<(), NetlinkError> {
    let code = message.payload.get(..4).and_then(|b| b.try_into().ok()).map_or(0, i32::from_ne_bytes);
    if code == 0 {
        return Ok(());
    }
    Err(NetlinkError::Refused {
        doing,
        source: io::Error::from_raw_os_error(-code),
        extack: extack(message).unwrap_or_default(),
    })
}

/// NLMSGERR_ATTR_MSG behind the error; the refused message lies between unless NLM_F_CAPPED (0x100) is set.
fn extack(message: &Message<'_>) -> Option<String> {
    const HAS_ATTRIBUTES: u16 = 0x200;
    const CAPPED: u16 = 0x100;
    const TEXT: u16 = 1;
    if message.flags & HAS_ATTRIBUTES == 0 {
        return None;
    }
    let mut at = 4;
    if message.kind == NLMSG_ERROR {
        let original = u32::from_ne_bytes(message.payload.get(4..8)?.try_into().ok()?) as usize;
        at += if message.flags & CAPPED != 0 { HEADER } else { original.next_multiple_of(4) };
    }
    let text = attributes(message.payload.get(at..)?).filter_map(Result::ok).find(|a| a.kind() == TEXT)?;
    Some(String::from_utf8_lossy(text.value()).trim_end_matches('\0').to_owned())
}
