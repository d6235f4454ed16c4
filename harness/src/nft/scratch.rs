//! Whether ports take offload, tried in a transaction that makes a scratch table and deletes it again.
//!
//! One transaction does both, so nothing of it can be left: the kernel works it off within the one system call that
//! sends it, and whatever kills this process comes before or after. The driver is asked all the same: for a flowtable
//! when the message is read (nf_tables_newflowtable), for a chain at the commit (nft_flow_rule_offload_commit), and is
//! told to unbind in the same commit.

use flowgauge_topologies::Netns;

use super::batch::{Batch, BatchError};
use crate::witnesses::netlink::push_string;

const NEW_TABLE: u16 = 0;
const DELETE_TABLE: u16 = 2;
const NEW_CHAIN: u16 = 3;
const NEW_FLOWTABLE: u16 = 22;
const NLM_F_CREATE: u16 = 0x400;
const NLM_F_EXCL: u16 = 0x200;
const NFPROTO_INET: u8 = 1;
const NFPROTO_NETDEV: u8 = 5;
const NESTED: u16 = 1 << 15;

const TABLE_NAME: u16 = 1;
const FLOWTABLE_TABLE: u16 = 1;
const FLOWTABLE_NAME: u16 = 2;
const FLOWTABLE_HOOK: u16 = 3;
const FLOWTABLE_FLAGS: u16 = 7;
/// NF_FLOWTABLE_HW_OFFLOAD.
const FLOWTABLE_OFFLOAD: u32 = 1;
const FLOWTABLE_HOOK_NUMBER: u16 = 1;
const FLOWTABLE_HOOK_PRIORITY: u16 = 2;
const FLOWTABLE_HOOK_DEVICES: u16 = 3;
const DEVICE_NAME: u16 = 1;

const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_POLICY: u16 = 5;
const CHAIN_TYPE: u16 = 7;
const CHAIN_FLAGS: u16 = 10;
/// NFT_CHAIN_BASE | NFT_CHAIN_HW_OFFLOAD.
const CHAIN_OFFLOAD: u32 = 3;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;
const HOOK_DEVICE: u16 = 3;

/// NF_NETDEV_INGRESS.
const INGRESS: u32 = 0;
const ACCEPT: u32 = 1;
/// Chains of a priority from 1 on are offloaded (nft_chain_offload_priority).
const PRIORITY: u32 = 1;

/// Binds a flowtable to `ports` in scratch table `table`, with `flags offload` if `offload`, and removes both again.
pub(crate) fn try_flowtable(netns: &Netns, table: &str, ports: &[&str], offload: bool) -> Result<(), BatchError> {
    let mut devices = Vec::new();
    ports.iter().for_each(|port| push_string(&mut devices, DEVICE_NAME, port));
    let mut hook = Vec::new();
    push_be32(&mut hook, FLOWTABLE_HOOK_NUMBER, INGRESS);
    push_be32(&mut hook, FLOWTABLE_HOOK_PRIORITY, 0);
    push_nested(&mut hook, FLOWTABLE_HOOK_DEVICES, &devices);
    let mut flowtable = Vec::new();
    push_string(&mut flowtable, FLOWTABLE_TABLE, table);
    push_string(&mut flowtable, FLOWTABLE_NAME, "probe");
    push_nested(&mut flowtable, FLOWTABLE_HOOK, &hook);
    push_be32(&mut flowtable, FLOWTABLE_FLAGS, if offload { FLOWTABLE_OFFLOAD } else { 0 });
    in_a_scratch_table(netns, NFPROTO_INET, table, |batch| {
        batch.push("to make the flowtable", NEW_FLOWTABLE, NLM_F_CREATE, NFPROTO_INET, &flowtable)
    })
}

/// Binds an empty chain with policy accept and `flags offload` to the ingress of `port` in scratch table `table`, and
/// removes both again.
pub(crate) fn try_chain(netns: &Netns, table: &str, port: &str) -> Result<(), BatchError> {
    let mut hook = Vec::new();
    push_be32(&mut hook, HOOK_NUMBER, INGRESS);
    push_be32(&mut hook, HOOK_PRIORITY, PRIORITY);
    push_string(&mut hook, HOOK_DEVICE, port);
    let mut chain = Vec::new();
    push_string(&mut chain, CHAIN_TABLE, table);
    push_string(&mut chain, CHAIN_NAME, "probe");
    push_nested(&mut chain, CHAIN_HOOK, &hook);
    push_be32(&mut chain, CHAIN_POLICY, ACCEPT);
    push_string(&mut chain, CHAIN_TYPE, "filter");
    push_be32(&mut chain, CHAIN_FLAGS, CHAIN_OFFLOAD);
    in_a_scratch_table(netns, NFPROTO_NETDEV, table, |batch| {
        batch.push("to make the chain", NEW_CHAIN, NLM_F_CREATE, NFPROTO_NETDEV, &chain)
    })
}

fn in_a_scratch_table(
    netns: &Netns,
    family: u8,
    table: &str,
    fill: impl FnOnce(Batch) -> Batch,
) -> Result<(), BatchError> {
    let mut name = Vec::new();
    push_string(&mut name, TABLE_NAME, table);
    // EXCL: a table of this name that is somebody else's must not be deleted below.
    let batch = Batch::new().push("to make a scratch table", NEW_TABLE, NLM_F_CREATE | NLM_F_EXCL, family, &name);
    fill(batch).push("to delete the scratch table", DELETE_TABLE, 0, family, &name).commit(netns)
}

fn push_be32(message: &mut Vec<u8>, kind: u16, value: u32) {
    message.extend_from_slice(&8u16.to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(&value.to_be_bytes());
}

/// `content` is a whole number of attributes, so it is aligned.
fn push_nested(message: &mut Vec<u8>, kind: u16, content: &[u8]) {
    message.extend_from_slice(&((4 + content.len()) as u16).to_ne_bytes());
    message.extend_from_slice(&(kind | NESTED).to_ne_bytes());
    message.extend_from_slice(content);
}
