//! The end of the DUT's nftables rules, before a port leaves its namespace.
//!
//! A port that goes away should lose its hardware rules with it, but for netdev chains with offload the kernel forgets to
//! unbind the driver: nf_tables_netdev_event (net/netfilter/nft_chain_filter.c) takes the port off the chain, and
//! nft_offload_netdev_event (nf_tables_offload.c), which comes second, does not find it there any more (read in 6.12, and
//! seen: the driver is called after it is gone). So the rules go first.

use std::io;
use std::os::fd::AsRawFd;

use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, send, socket};

use super::LoanError;
use crate::netns::Netns;
use crate::testbed::BuildError;

const NFNL_MSG_BATCH_BEGIN: u16 = 0x10;
const NFNL_MSG_BATCH_END: u16 = 0x11;
const NFNL_SUBSYS_NFTABLES: u16 = 10;
const NFT_MSG_DELTABLE: u16 = 2;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
/// nlmsghdr and nfgenmsg.
const MESSAGE_BYTES: usize = 20;

/// Deletes every nft table of a namespace, in one transaction.
pub(super) fn delete_all(room: &Netns) -> Result<(), BuildError> {
    Ok(room.run(transaction)?.map_err(LoanError::Rules)?)
}

fn transaction() -> io::Result<()> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let netfilter = match socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkNetFilter) {
        // No netfilter at all.
        Err(nix::Error::EPROTONOSUPPORT) => return Ok(()),
        made => made?,
    };
    // Without family, name and handle all tables are meant (nf_tables_deltable, net/netfilter/nf_tables_api.c).
    let delete = message(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_DELTABLE, NLM_F_ACK, 0);
    let batch = [
        message(NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES),
        delete,
        message(NFNL_MSG_BATCH_END, 0, NFNL_SUBSYS_NFTABLES),
    ];
    send(netfilter.as_raw_fd(), &batch.concat(), MsgFlags::empty())?;
    let mut answer = [0; 4096];
    let len = recv(netfilter.as_raw_fd(), &mut answer, MsgFlags::empty())?;
    match outcome(&answer[..len]) {
        Some(0) => Ok(()),
        // EOPNOTSUPP: nf_tables is not there, so no rule is.
        Some(error) if error == -libc::EOPNOTSUPP => Ok(()),
        Some(error) => Err(io::Error::from_raw_os_error(-error)),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "the answer is not understood")),
    }
}

/// A message without attributes (struct nlmsghdr, struct nfgenmsg: include/uapi/linux/netfilter/nfnetlink.h).
fn message(kind: u16, flags: u16, resource: u16) -> [u8; MESSAGE_BYTES] {
    let mut message = [0; MESSAGE_BYTES];
    message[..4].copy_from_slice(&(MESSAGE_BYTES as u32).to_ne_bytes());
    message[4..6].copy_from_slice(&kind.to_ne_bytes());
    message[6..8].copy_from_slice(&(NLM_F_REQUEST | flags).to_ne_bytes());
    message[18..].copy_from_slice(&resource.to_be_bytes());
    message
}

/// The errno of an acknowledgement (struct nlmsgerr), 0 or negative.
fn outcome(answer: &[u8]) -> Option<i32> {
    let kind = u16::from_ne_bytes(answer.get(4..6)?.try_into().ok()?);
    let error = i32::from_ne_bytes(answer.get(16..20)?.try_into().ok()?);
    (kind == NLMSG_ERROR).then_some(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_as_the_kernel_reads_them() {
        let begin = message(NFNL_MSG_BATCH_BEGIN, 0, NFNL_SUBSYS_NFTABLES);
        assert_eq!(begin[..8], [20, 0, 0, 0, 0x10, 0, 1, 0]);
        assert_eq!(begin[16..], [0, 0, 0, 10]);
        assert_eq!(outcome(&[36, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]), Some(-1));
        assert_eq!(outcome(&[]), None);
    }
}
