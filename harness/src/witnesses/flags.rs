//! The offload flags that the kernel holds for a ruleset, read back over netlink.
//!
//! nft's JSON does not show them, and starting nft costs a thousand times the system calls. What its native text says
//! is the same words from the same source; [`offload_flags_of_text`] reads that.
//! Attributes: include/uapi/linux/netfilter/nf_tables.h.

use std::collections::BTreeMap;

use flowgauge_reports::observation::OffloadFlags;
use flowgauge_scenarios::ruleset::{FLOWTABLE, TABLE};
use flowgauge_topologies::Netns;
use netlink_packet_core::DecodeError;

use super::netlink::{
    Conversation, NETLINK_NETFILTER, NFGENMSG, NetlinkError, Question, attributes, be32, nfgenmsg, text,
};
use super::rule_dump::{ANY_FAMILY, HINT, NETDEV, SUBSYSTEM};
use super::witness::{Witness, WitnessError};
use crate::nft;

const NEW_CHAIN: u16 = SUBSYSTEM | 3;
const GET_CHAIN: u16 = SUBSYSTEM | 4;
const NEW_FLOWTABLE: u16 = SUBSYSTEM | 22;
const GET_FLOWTABLE: u16 = SUBSYSTEM | 23;

const CHAIN_TABLE: u16 = 1;
const CHAIN_NAME: u16 = 3;
const CHAIN_FLAGS: u16 = 10;
/// NFT_CHAIN_HW_OFFLOAD.
const CHAIN_OFFLOAD: u32 = 1 << 1;

const FLOWTABLE_TABLE: u16 = 1;
const FLOWTABLE_NAME: u16 = 2;
const FLOWTABLE_HOOK: u16 = 3;
const FLOWTABLE_FLAGS: u16 = 7;
const HOOK_DEVICES: u16 = 3;
/// NFT_FLOWTABLE_HW_OFFLOAD.
const FLOWTABLE_OFFLOAD: u32 = 1 << 0;

/// Reads which parts of the ruleset in force ask for hardware.
#[derive(Debug)]
pub struct FlagWitness {
    dut: Conversation,
}

impl FlagWitness {
    /// Opens netfilter's netlink inside `dut`.
    pub fn open(dut: &Netns) -> Result<Self, NetlinkError> {
        Ok(FlagWitness { dut: Conversation::open(dut, NETLINK_NETFILTER)? })
    }

    fn dump(
        &mut self,
        (doing, message_type): (&'static str, u16),
        family: u8,
        before: &OffloadFlags,
        each: impl Fn(&mut OffloadFlags, u16, &[u8]) -> Result<(), DecodeError>,
    ) -> Result<OffloadFlags, WitnessError> {
        let payload = nfgenmsg(family);
        let question = Question { doing, message_type, dump: true, payload: &payload };
        let answer = self.dut.ask(question, || before.clone(), each);
        answer.map_err(|source| WitnessError::Netlink { source, hint: HINT })
    }
}

impl Witness<OffloadFlags> for FlagWitness {
    fn read(&mut self) -> Result<OffloadFlags, WitnessError> {
        let flowtable = |flags: &mut OffloadFlags, kind: u16, payload: &[u8]| match kind {
            NEW_FLOWTABLE => flowtable(flags, payload),
            _ => Ok(()),
        };
        let chain = |flags: &mut OffloadFlags, kind: u16, payload: &[u8]| match kind {
            NEW_CHAIN => chain(flags, payload),
            _ => Ok(()),
        };
        let nothing = OffloadFlags::default();
        let flags = self.dump(("reading the flowtables", GET_FLOWTABLE), ANY_FAMILY, &nothing, flowtable)?;
        self.dump(("reading the netdev chains", GET_CHAIN), NETDEV, &flags, chain)
    }
}

/// Takes in our flowtable; others are none of ours.
fn flowtable(flags: &mut OffloadFlags, message: &[u8]) -> Result<(), DecodeError> {
    let (mut table, mut name, mut offload, mut devices) = (String::new(), String::new(), false, Vec::new());
    for attribute in attributes(message.get(NFGENMSG..).unwrap_or_default()) {
        let attribute = attribute?;
        match attribute.kind() {
            FLOWTABLE_TABLE => table = text(attribute.value()),
            FLOWTABLE_NAME => name = text(attribute.value()),
            FLOWTABLE_FLAGS => offload = be32(&attribute)? & FLOWTABLE_OFFLOAD != 0,
            FLOWTABLE_HOOK => {
                for field in attributes(attribute.value()) {
                    let field = field?;
                    if field.kind() == HOOK_DEVICES {
                        for device in attributes(field.value()) {
                            devices.push(text(device?.value()));
                        }
                    }
                }
            }
            _ => {}
        }
    }
    if table == TABLE && name == FLOWTABLE {
        devices.sort();
        (flags.flowtable, flags.devices) = (Some(offload), devices);
    }
    Ok(())
}

/// Takes in a netdev chain of our table that forwards; those that only watch are in another.
fn chain(flags: &mut OffloadFlags, message: &[u8]) -> Result<(), DecodeError> {
    let (mut table, mut name, mut offload) = (String::new(), String::new(), false);
    for attribute in attributes(message.get(NFGENMSG..).unwrap_or_default()) {
        let attribute = attribute?;
        match attribute.kind() {
            CHAIN_TABLE => table = text(attribute.value()),
            CHAIN_NAME => name = text(attribute.value()),
            CHAIN_FLAGS => offload = be32(&attribute)? & CHAIN_OFFLOAD != 0,
            _ => {}
        }
    }
    if table == TABLE {
        flags.chains.insert(name, offload);
    }
    Ok(())
}

/// What `nft list ruleset` (native text, never JSON) says of the same flags.
pub fn offload_flags_of_text(listing: &str) -> OffloadFlags {
    let mut flags = OffloadFlags::default();
    // Tables begin at the margin; those that watch have chains of the same names.
    let starts: Vec<usize> = listing.match_indices("table ").map(|(at, _)| at).collect();
    let starts = starts.into_iter().filter(|&at| at == 0 || listing.as_bytes()[at - 1] == b'\n');
    for table in starts.map(|at| &listing[at..]) {
        let table = &table[..table.find("\n}").map_or(table.len(), |end| end + 2)];
        let mut words = table.split_ascii_whitespace().skip(1);
        let (Some(family), Some(name)) = (words.next(), words.next()) else { continue };
        if name != TABLE {
            continue;
        }
        let read = nft::parse(table);
        let asks = |words: &[String]| words.iter().any(|word| word == "offload");
        if let Some(fast) = read.flowtables.iter().find(|flowtable| flowtable.name == FLOWTABLE) {
            (flags.flowtable, flags.devices) = (Some(asks(&fast.flags)), fast.devices.clone());
            flags.devices.sort();
        }
        if family == "netdev" {
            let chains: BTreeMap<_, _> = read.chains.into_iter().map(|c| (c.name, asks(&c.flags))).collect();
            flags.chains.extend(chains);
        }
    }
    flags
}

#[cfg(test)]
mod tests {
    use super::super::netlink::{push, push_nested, push_string};
    use super::*;

    fn flowtable_message(table: &str, flags: u32) -> Vec<u8> {
        let (mut devices, mut hook, mut message) = (Vec::new(), Vec::new(), nfgenmsg(1).to_vec());
        push_string(&mut devices, 1, "nic1");
        push_string(&mut devices, 1, "nic0");
        push_nested(&mut hook, HOOK_DEVICES, &devices);
        push_string(&mut message, FLOWTABLE_TABLE, table);
        push_string(&mut message, FLOWTABLE_NAME, FLOWTABLE);
        push_nested(&mut message, FLOWTABLE_HOOK, &hook);
        push(&mut message, FLOWTABLE_FLAGS, &flags.to_be_bytes());
        message
    }

    #[test]
    fn only_our_flowtable_and_chains_count() {
        let mut flags = OffloadFlags::default();
        flowtable(&mut flags, &flowtable_message("others", 1)).unwrap();
        assert_eq!(flags, OffloadFlags::default());
        // Bit 1 is `counter`.
        flowtable(&mut flags, &flowtable_message(TABLE, 2)).unwrap();
        assert_eq!((flags.flowtable, flags.devices.join(" ")), (Some(false), "nic0 nic1".to_owned()));
        flowtable(&mut flags, &flowtable_message(TABLE, 3)).unwrap();
        assert_eq!(flags.flowtable, Some(true));
        for (table, bits) in [(TABLE, 3u32), ("flowgauge_watch", 1)] {
            let mut message = nfgenmsg(NETDEV).to_vec();
            push_string(&mut message, CHAIN_TABLE, table);
            push_string(&mut message, CHAIN_NAME, "lan");
            push(&mut message, CHAIN_FLAGS, &bits.to_be_bytes());
            chain(&mut flags, &message).unwrap();
        }
        assert_eq!(flags.chains, BTreeMap::from([("lan".to_owned(), true)]));
        let cut = flowtable_message(TABLE, 1);
        assert!(flowtable(&mut flags, &cut[..cut.len() - 1]).is_err());
    }

    #[test]
    fn the_text_of_nft_says_the_same() {
        let text = "table inet flowgauge {\n\tflowtable fast {\n\t\thook ingress priority filter\n\t\tdevices = { nic1, nic0 }\n\
                    \t\tflags offload\n\t}\n\n\tchain forward {\n\t\ttype filter hook forward priority filter; policy accept;\n\t}\n}\n\
                    table netdev flowgauge {\n\tchain lan {\n\t\ttype filter hook ingress device \"nic0\" priority 10; flags offload; policy accept;\n\t}\n}\n\
                    table netdev flowgauge_watch {\n\tchain lan {\n\t\ttype filter hook ingress device \"nic0\" priority -400; policy accept;\n\t}\n}\n";
        let flags = offload_flags_of_text(text);
        assert_eq!((flags.flowtable, flags.devices.join(" ")), (Some(true), "nic0 nic1".to_owned()));
        assert_eq!(flags.chains, BTreeMap::from([("lan".to_owned(), true)]));
        assert_eq!(offload_flags_of_text(""), OffloadFlags::default());
        assert_eq!(offload_flags_of_text(&text.replace("flags offload", "")).flowtable, Some(false));
    }
}
