//! nf_tables transactions sent over netlink, and the kernel's answer to each message of one.
//!
//! The program nft prints one strerror for a whole transaction. Here every message is acknowledged for itself, with
//! the kernel's extended answer (NETLINK_EXT_ACK), so that it can be told which one was refused, or that all were taken
//! and the transaction failed at its commit, which is when drivers are asked about chains with `flags offload`.
//! Processing: nfnetlink_rcv_batch in net/netfilter/nfnetlink.c.

use std::fmt;
use std::io;

use flowgauge_topologies::Netns;
use netlink_packet_core::NetlinkBuffer;
use netlink_sys::Socket;
use thiserror::Error;

use crate::witnesses::netlink::{NETLINK_NETFILTER, NetlinkError, attributes, nfgenmsg};

const BATCH_BEGIN: u16 = 0x10;
const BATCH_END: u16 = 0x11;
const NFNL_SUBSYS_NFTABLES: u8 = 10;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const HEADER: usize = 16;
const DOING: &str = "sending an nftables transaction";

/// A transaction in the making.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// What each message does; its place is its sequence number less that of BATCH_BEGIN.
    steps: Vec<&'static str>,
}

/// Why a transaction failed. Nothing of it is in force.
#[derive(Debug, Error)]
pub enum BatchError {
    /// It did not reach the kernel, or the kernel's answer cannot be read.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// The kernel refused it.
    #[error(transparent)]
    Refused(#[from] Refused),
}

/// The kernel's first refusal within a transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What was asked for, such as `to make the flowtable`; `to commit` when all was taken but the whole.
    pub step: &'static str,
    /// The kernel's errno.
    pub errno: i32,
    /// The kernel's own words (NLMSGERR_ATTR_MSG); mostly empty, for nf_tables passes on few.
    pub extack: String,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the kernel refused {}: {}", self.step, io::Error::from_raw_os_error(self.errno))?;
        if self.extack.is_empty() { Ok(()) } else { write!(f, " ({})", self.extack) }
    }
}

impl std::error::Error for Refused {}

impl Batch {
    /// An empty transaction.
    pub(crate) fn new() -> Self {
        let mut batch = Batch { bytes: Vec::new(), steps: Vec::new() };
        let begin = [0, 0, 0, NFNL_SUBSYS_NFTABLES];
        batch.append("to begin", BATCH_BEGIN, 0, &begin);
        batch
    }

    /// Adds message `kind` (NFT_MSG_*) for `family` (NFPROTO_*). `flags` are those beside NLM_F_REQUEST.
    pub(crate) fn push(mut self, step: &'static str, kind: u16, flags: u16, family: u8, attributes: &[u8]) -> Self {
        let mut payload = nfgenmsg(family).to_vec();
        payload.extend_from_slice(attributes);
        self.append(step, u16::from(NFNL_SUBSYS_NFTABLES) << 8 | kind, flags | NLM_F_ACK, &payload);
        self
    }

    fn append(&mut self, step: &'static str, kind: u16, flags: u16, payload: &[u8]) {
        self.bytes.extend_from_slice(&((HEADER + payload.len()) as u32).to_ne_bytes());
        self.bytes.extend_from_slice(&kind.to_ne_bytes());
        self.bytes.extend_from_slice(&(NLM_F_REQUEST | flags).to_ne_bytes());
        self.bytes.extend_from_slice(&(self.steps.len() as u32).to_ne_bytes());
        self.bytes.extend_from_slice(&0u32.to_ne_bytes());
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.steps.push(step);
    }

    /// Sends it inside `netns` and reads what became of it. The system call that sends is the whole transaction: when
    /// it returns, all is done and every answer waits to be read.
    pub(crate) fn commit(mut self, netns: &Netns) -> Result<(), BatchError> {
        let messages = self.steps.len();
        self.append("to end", BATCH_END, 0, &[0, 0, 0, NFNL_SUBSYS_NFTABLES]);
        let failed = |source| NetlinkError::Socket { doing: DOING, source };
        let socket = netns.run(|| Socket::new(NETLINK_NETFILTER)).map_err(NetlinkError::from)?.map_err(failed)?;
        let _ = socket.set_ext_ack(true);
        let _ = socket.set_cap_ack(true);
        socket.set_non_blocking(true).map_err(failed)?;
        socket.send(&self.bytes, 0).map_err(failed)?;
        let mut answers = Vec::new();
        let mut buffer = Vec::with_capacity(64 << 10);
        loop {
            buffer.clear();
            match socket.recv(&mut buffer, 0) {
                Ok(_) => answers.extend(self.answers(&buffer)?),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(source) => return Err(failed(source).into()),
            }
        }
        conclude(&answers, messages)
    }

    /// The answers in one datagram: zero for an acknowledgement, else a refusal.
    fn answers(&self, datagram: &[u8]) -> Result<Vec<(usize, Option<Refused>)>, NetlinkError> {
        let malformed = |what: String| NetlinkError::Malformed { doing: DOING, what };
        let mut answers = Vec::new();
        let mut rest = datagram;
        while !rest.is_empty() {
            let message = NetlinkBuffer::new_checked(rest).map_err(|e| malformed(e.to_string()))?;
            if message.message_type() == NLMSG_ERROR {
                answers.push(self.answer(&message).ok_or_else(|| malformed("an error without errno".to_owned()))?);
            }
            rest = rest.get((message.length() as usize).next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(answers)
    }

    fn answer(&self, message: &NetlinkBuffer<&[u8]>) -> Option<(usize, Option<Refused>)> {
        let place = message.sequence_number() as usize;
        let errno = -i32::from_ne_bytes(message.payload().get(..4)?.try_into().ok()?);
        if errno == 0 {
            return Some((place, None));
        }
        // What is said of the beginning is said of the whole: a missing privilege, or a commit that failed.
        let step = if place == 0 { "to commit" } else { self.steps.get(place)? };
        Some((place, Some(Refused { step, errno, extack: extack(message).unwrap_or_default() })))
    }
}

/// The first refusal by place in the transaction, or that every one of `messages` (BATCH_BEGIN aside) was taken.
fn conclude(answers: &[(usize, Option<Refused>)], messages: usize) -> Result<(), BatchError> {
    let refusals = answers.iter().filter_map(|(place, refused)| Some((place, refused.as_ref()?)));
    // A failed commit answers for the first message; a refused message is the more exact answer.
    if let Some((_, refused)) = refusals.min_by_key(|(place, _)| if **place == 0 { usize::MAX } else { **place }) {
        return Err(refused.clone().into());
    }
    let taken = answers.len();
    if taken + 1 == messages {
        return Ok(());
    }
    let what = format!("{taken} acknowledgements of {} messages", messages - 1);
    Err(NetlinkError::Malformed { doing: DOING, what }.into())
}

/// NLMSGERR_ATTR_MSG, behind the error and the header (or, without NLM_F_CAPPED, all) of the message it answers.
fn extack(message: &NetlinkBuffer<&[u8]>) -> Option<String> {
    const CAPPED: u16 = 0x100;
    const HAS_ATTRIBUTES: u16 = 0x200;
    const TEXT: u16 = 1;
    if message.flags() & HAS_ATTRIBUTES == 0 {
        return None;
    }
    let payload = message.payload();
    let original = u32::from_ne_bytes(payload.get(4..8)?.try_into().ok()?) as usize;
    let at = 4 + if message.flags() & CAPPED != 0 { HEADER } else { original.next_multiple_of(4) };
    let text = attributes(payload.get(at..)?).filter_map(Result::ok).find(|a| a.kind() == TEXT)?;
    Some(String::from_utf8_lossy(text.value()).trim_end_matches('\0').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(sequence: u32, errno: i32, text: &str) -> Vec<u8> {
        let attribute = 4 + text.len() + 1;
        let length = HEADER + 4 + HEADER + attribute.next_multiple_of(4);
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&(length as u32).to_ne_bytes());
        bytes.extend_from_slice(&NLMSG_ERROR.to_ne_bytes());
        bytes.extend_from_slice(&0x300u16.to_ne_bytes());
        bytes.extend_from_slice(&sequence.to_ne_bytes());
        bytes.extend_from_slice(&[0; 4]);
        bytes.extend_from_slice(&(-errno).to_ne_bytes());
        bytes.extend_from_slice(&[0; HEADER]);
        bytes.extend_from_slice(&(attribute as u16).to_ne_bytes());
        bytes.extend_from_slice(&1u16.to_ne_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.resize(length, 0);
        bytes
    }

    fn outcome(answers: &[u8]) -> Result<(), BatchError> {
        let batch = Batch::new().push("to make the table", 0, 0, 5, &[]).push("to make the chain", 3, 0, 5, &[]);
        conclude(&batch.answers(answers)?, 3)
    }

    #[test]
    fn the_refused_message_is_named_with_the_kernels_words() {
        let all = [error(2, libc::EOPNOTSUPP, "no such thing"), error(1, 0, ""), error(0, libc::EINVAL, "")].concat();
        let Err(BatchError::Refused(refused)) = outcome(&all) else { panic!("it was refused") };
        assert_eq!((refused.step, refused.errno), ("to make the chain", libc::EOPNOTSUPP));
        assert!(refused.to_string().ends_with("(no such thing)"), "{refused}");
    }

    #[test]
    fn a_failed_commit_is_told_from_a_refused_message() {
        let all = [error(1, 0, ""), error(2, 0, ""), error(0, libc::EBUSY, "")].concat();
        assert!(matches!(outcome(&all), Err(BatchError::Refused(Refused { step: "to commit", .. }))));
    }

    #[test]
    fn silence_is_not_success() {
        assert!(outcome(&[error(1, 0, ""), error(2, 0, "")].concat()).is_ok());
        assert!(matches!(outcome(&error(1, 0, "")), Err(BatchError::Netlink(NetlinkError::Malformed { .. }))));
        assert!(outcome(&[]).is_err());
        assert!(outcome(&[7; 5]).is_err());
    }

    #[test]
    fn messages_are_aligned_and_numbered() {
        let batch = Batch::new().push("odd", 0, 0, 5, &[1, 2, 3]).push("next", 3, 0, 5, &[]);
        assert_eq!(batch.bytes.len(), 20 + 24 + 20);
        assert_eq!(batch.bytes[20..24], 23u32.to_ne_bytes());
        assert_eq!(batch.bytes[44 + 8..44 + 12], 2u32.to_ne_bytes());
    }
}
