//! The DUT's conntrack table, from a ctnetlink dump.
//!
//! Counts, status bits and accounting are summed while the dump streams in: a million entries need no more memory than
//! one. Attributes: include/uapi/linux/netfilter/nfnetlink_conntrack.h; status bits: nf_conntrack_common.h.

use flowgauge_reports::observation::{Conntrack, Count};
use flowgauge_topologies::Netns;
use netlink_packet_core::DecodeError;

use super::netlink::{
    Conversation, NETLINK_NETFILTER, NFGENMSG, NetlinkError, Question, attributes, be32, be64, nfgenmsg,
};
use super::witness::{Witness, WitnessError};

const SUBSYSTEM: u16 = 1 << 8;
const NEW: u16 = SUBSYSTEM;
const GET: u16 = SUBSYSTEM | 1;
const DELETE: u16 = SUBSYSTEM | 2;
const GET_STATS: u16 = SUBSYSTEM | 5;

const TUPLE_ORIG: u16 = 1;
const TUPLE_PROTO: u16 = 2;
const PROTO_NUM: u16 = 1;
const STATUS: u16 = 3;
const COUNTERS_ORIG: u16 = 9;
const COUNTERS_REPLY: u16 = 10;
const COUNTERS_PACKETS: u16 = 1;
const COUNTERS_BYTES: u16 = 2;
const STATS_GLOBAL_ENTRIES: u16 = 1;

const IPS_SEEN_REPLY: u32 = 1 << 1;
const IPS_ASSURED: u32 = 1 << 2;
const IPS_OFFLOAD: u32 = 1 << 14;
const IPS_HW_OFFLOAD: u32 = 1 << 15;

const TCP: u8 = 6;
const UDP: u8 = 17;

const HINT: &str =
    "; it needs nf_conntrack_netlink (CONFIG_NF_CT_NETLINK, modprobe nf_conntrack_netlink) and root in the namespace";

/// Reads and empties the conntrack table of one namespace.
#[derive(Debug)]
pub struct ConntrackWitness {
    dut: Conversation,
}

impl ConntrackWitness {
    /// Opens netfilter's netlink inside `dut`.
    pub fn open(dut: &Netns) -> Result<Self, NetlinkError> {
        Ok(ConntrackWitness { dut: Conversation::open(dut, NETLINK_NETFILTER)? })
    }

    /// Deletes every entry of the namespace, whatever its protocol.
    ///
    /// An offloaded entry goes too, but its flow stays in the flowtable until the next round of its garbage collector
    /// (up to a second): replace the ruleset first.
    pub fn flush(&mut self) -> Result<(), WitnessError> {
        let payload = nfgenmsg(0);
        let question =
            Question { doing: "deleting all conntrack entries", message_type: DELETE, dump: false, payload: &payload };
        self.dut.ask(question, || (), |(), _, _| Ok(())).map_err(netlink)
    }

    /// How many entries the namespace has, whatever their protocol. Quick: the kernel keeps the count.
    pub fn count(&mut self) -> Result<u64, WitnessError> {
        let payload = nfgenmsg(0);
        let question =
            Question { doing: "counting conntrack entries", message_type: GET_STATS, dump: false, payload: &payload };
        let read = |count: &mut u64, kind: u16, payload: &[u8]| {
            for attribute in attributes(payload.get(NFGENMSG..).unwrap_or_default()) {
                let attribute = attribute?;
                if kind == GET_STATS && attribute.kind() == STATS_GLOBAL_ENTRIES {
                    *count = be32(&attribute)?.into();
                }
            }
            Ok(())
        };
        self.dut.ask(question, || 0, read).map_err(netlink)
    }
}

impl Witness<Conntrack> for ConntrackWitness {
    fn read(&mut self) -> Result<Conntrack, WitnessError> {
        let payload = nfgenmsg(0);
        let question =
            Question { doing: "reading the conntrack table", message_type: GET, dump: true, payload: &payload };
        let sum = |table: &mut Conntrack, kind: u16, payload: &[u8]| {
            if kind == NEW {
                add(table, &parse(payload)?);
            }
            Ok(())
        };
        self.dut.ask(question, Conntrack::default, sum).map_err(netlink)
    }
}

fn netlink(source: NetlinkError) -> WitnessError {
    let refused = matches!(source.errno(), Some(libc::EINVAL | libc::EOPNOTSUPP | libc::EPERM));
    WitnessError::Netlink { source, hint: if refused { HINT } else { "" } }
}

/// What matters of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Entry {
    protocol: u8,
    status: u32,
    original: Count,
    reply: Count,
}

fn add(table: &mut Conntrack, entry: &Entry) {
    if !matches!(entry.protocol, TCP | UDP) {
        return;
    }
    let has = |bit: u32| u64::from(entry.status & bit != 0);
    table.entries += 1;
    table.seen_reply += has(IPS_SEEN_REPLY);
    table.assured += has(IPS_ASSURED);
    table.offload += has(IPS_OFFLOAD);
    table.hw_offload += has(IPS_HW_OFFLOAD);
    for (sum, count) in [(&mut table.original, entry.original), (&mut table.reply, entry.reply)] {
        sum.packets += count.packets;
        sum.bytes += count.bytes;
    }
}

fn parse(message: &[u8]) -> Result<Entry, DecodeError> {
    let mut entry = Entry::default();
    for attribute in attributes(message.get(NFGENMSG..).unwrap_or_default()) {
        let attribute = attribute?;
        match attribute.kind() {
            TUPLE_ORIG => entry.protocol = protocol(attribute.value())?,
            STATUS => entry.status = be32(&attribute)?,
            COUNTERS_ORIG => entry.original = count(attribute.value())?,
            COUNTERS_REPLY => entry.reply = count(attribute.value())?,
            _ => {}
        }
    }
    Ok(entry)
}

fn protocol(tuple: &[u8]) -> Result<u8, DecodeError> {
    for attribute in attributes(tuple) {
        let attribute = attribute?;
        if attribute.kind() == TUPLE_PROTO {
            for field in attributes(attribute.value()) {
                let field = field?;
                if let (PROTO_NUM, [number]) = (field.kind(), field.value()) {
                    return Ok(*number);
                }
            }
        }
    }
    Err(DecodeError::from("an entry without its protocol"))
}

/// The packets and bytes of one direction of an entry (`CTA_COUNTERS_ORIG`, `CTA_COUNTERS_REPLY`).
pub(crate) fn count(counters: &[u8]) -> Result<Count, DecodeError> {
    let mut count = Count::default();
    for field in attributes(counters) {
        let field = field?;
        match field.kind() {
            COUNTERS_PACKETS => count.packets = be64(&field)?,
            COUNTERS_BYTES => count.bytes = be64(&field)?,
            _ => {}
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = 4 + value.len();
        let mut bytes = [(length as u16).to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend_from_slice(value);
        bytes.resize(length.next_multiple_of(4), 0);
        bytes
    }

    fn nested(kind: u16, inner: &[Vec<u8>]) -> Vec<u8> {
        attribute(0x8000 | kind, &inner.concat())
    }

    /// Addresses (1) come before the protocol (2), as in the kernel.
    fn message(protocol: u8, status: u32, packets: u64) -> Vec<u8> {
        let addresses = nested(1, &[attribute(1, &[198, 18, 0, 2]), attribute(2, &[198, 19, 0, 2])]);
        let tuple = nested(1, &[addresses, nested(2, &[attribute(1, &[protocol]), attribute(2, &[0, 7])])]);
        let counted = |n: u64| [attribute(1, &n.to_be_bytes()), attribute(2, &(n * 60).to_be_bytes())];
        let counters = [nested(9, &counted(packets)), nested(10, &counted(2 * packets))].concat();
        [nfgenmsg(2).to_vec(), tuple, attribute(3, &status.to_be_bytes()), counters].concat()
    }

    #[test]
    fn status_bits_and_accounting_are_summed_over_tcp_and_udp() {
        let mut table = Conntrack::default();
        let confirmed = 1 << 3;
        for (protocol, status, packets) in [
            (UDP, confirmed, 1),
            (UDP, confirmed | 1 << 1, 10),
            (TCP, confirmed | 1 << 1 | 1 << 2, 100),
            (TCP, confirmed | 1 << 1 | 1 << 2 | 1 << 14, 1 << 33),
            (UDP, confirmed | 1 << 1 | 1 << 14 | 1 << 15, 1000),
            // ICMP is none of ours.
            (1, confirmed | 1 << 1 | 1 << 14, 5),
        ] {
            add(&mut table, &parse(&message(protocol, status, packets)).unwrap());
        }
        let packets = 1111 + (1 << 33);
        assert_eq!(
            table,
            Conntrack {
                entries: 5,
                seen_reply: 4,
                assured: 2,
                offload: 2,
                hw_offload: 1,
                original: Count { packets, bytes: 60 * packets },
                reply: Count { packets: 2 * packets, bytes: 120 * packets },
            }
        );
    }

    #[test]
    fn an_offloaded_entry_without_accounting_counts_as_offloaded_with_zero_packets() {
        // Without nf_conntrack_acct the kernel sends no counters at all.
        let whole = message(UDP, 1 << 14, 0);
        let bare = &whole[..whole.len() - 56];
        assert_eq!(parse(bare).unwrap(), Entry { protocol: UDP, status: 1 << 14, ..Entry::default() });
    }

    #[test]
    fn malformed_entries_are_errors_and_never_panics() {
        let whole = message(TCP, 0, 1);
        for length in 0..whole.len() {
            // A cut between attributes leaves a shorter, sound entry; one within the tuple must be refused.
            if let Ok(entry) = parse(&whole[..length]) {
                assert!(length <= NFGENMSG || entry.protocol == TCP, "cut at {length}");
            }
        }
        assert_eq!(parse(&nfgenmsg(2)).unwrap(), Entry::default());
        let short_status = [nfgenmsg(2).to_vec(), attribute(STATUS, &[1, 2])].concat();
        assert!(parse(&short_status).unwrap_err().to_string().contains("2 bytes instead of 4"));
        let no_protocol = [nfgenmsg(2).to_vec(), nested(1, &[])].concat();
        assert!(parse(&no_protocol).is_err());
    }
}
