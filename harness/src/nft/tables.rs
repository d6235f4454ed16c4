//! Which nftables tables a namespace has, over netlink: without starting a program.

use flowgauge_topologies::Netns;

use crate::witnesses::netlink::{
    Conversation, NETLINK_NETFILTER, NFGENMSG, NetlinkError, Question, attributes, nfgenmsg,
};

const SUBSYSTEM: u16 = 10 << 8;
const NEW_TABLE: u16 = SUBSYSTEM;
const GET_TABLE: u16 = SUBSYSTEM | 1;
const TABLE_NAME: u16 = 1;

/// The families, as nft names them, in which `netns` has a table `name`.
///
/// A kernel without nf_tables has no tables.
pub(crate) fn families_of(netns: &Netns, name: &str) -> Result<Vec<&'static str>, NetlinkError> {
    let payload = nfgenmsg(0);
    let question =
        Question { doing: "listing the nftables tables", message_type: GET_TABLE, dump: true, payload: &payload };
    let collect = |families: &mut Vec<&'static str>, kind: u16, payload: &[u8]| {
        let Some((family, rest)) = payload.split_first() else { return Ok(()) };
        for attribute in attributes(rest.get(NFGENMSG - 1..).unwrap_or_default()) {
            let attribute = attribute?;
            let is_ours =
                attribute.kind() == TABLE_NAME && attribute.value().strip_suffix(b"\0") == Some(name.as_bytes());
            if kind == NEW_TABLE && is_ours {
                families.extend(family_name(*family));
            }
        }
        Ok(())
    };
    match Conversation::open(netns, NETLINK_NETFILTER)?.ask(question, Vec::new, collect) {
        Err(error) if matches!(error.errno(), Some(libc::EINVAL | libc::EOPNOTSUPP)) => Ok(Vec::new()),
        outcome => outcome,
    }
}

/// NFPROTO_* of include/uapi/linux/netfilter.h.
fn family_name(family: u8) -> Option<&'static str> {
    match family {
        1 => Some("inet"),
        2 => Some("ip"),
        3 => Some("arp"),
        5 => Some("netdev"),
        7 => Some("bridge"),
        10 => Some("ip6"),
        _ => None,
    }
}
