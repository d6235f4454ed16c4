//! The standard statistics of a port (ETHTOOL_MSG_STATS_GET, include/uapi/linux/ethtool_netlink.h): IEEE 802.3 clause
//! 30 and RMON counters, of the same name and meaning with every driver that has them.

use std::collections::BTreeMap;

use flowgauge_topologies::Netns;
use netlink_packet_core::DecodeError;

use super::error::EthtoolError;
use super::genetlink::{GENLMSGHDR, family, header};
use crate::witnesses::netlink::{
    Conversation, NETLINK_GENERIC, NetlinkError, Question, attributes, ne32, ne64, push, push_nested, push_string, text,
};

const STRSET_GET: u8 = 1;
const STATS_GET: u8 = 32;

const STRSET_STRINGSETS: u16 = 2;
const STRINGSETS_STRINGSET: u16 = 1;
const STRINGSET_ID: u16 = 1;
const STRINGSET_STRINGS: u16 = 3;
const STRING_INDEX: u16 = 1;
const STRING_VALUE: u16 = 2;
/// ETH_SS_STATS_STD, the names of the groups; then those of eth-phy, eth-mac, eth-ctrl and rmon.
const GROUP_NAMES: u32 = 16;
const STRING_SETS: std::ops::RangeInclusive<u32> = GROUP_NAMES..=20;

const HEADER_DEV_NAME: u16 = 2;
const BITSET_NOMASK: u16 = 1;
const BITSET_SIZE: u16 = 2;
const BITSET_VALUE: u16 = 4;
const STATS_HEADER: u16 = 2;
const STATS_GROUPS: u16 = 3;
const STATS_GRP: u16 = 4;
/// Groups 0 to 3: eth-phy, eth-mac, eth-ctrl, rmon.
const ALL_GROUPS: u32 = 0b1111;

const GRP_ID: u16 = 2;
const GRP_SS_ID: u16 = 3;
const GRP_STAT: u16 = 4;
const GRP_HIST_RX: u16 = 5;
const GRP_HIST_TX: u16 = 6;
const HIST_BKT_LOW: u16 = 7;
const HIST_BKT_HI: u16 = 8;
const HIST_VAL: u16 = 9;

/// Names of statistics, by string set and index.
type Names = BTreeMap<u32, BTreeMap<u32, String>>;

/// Reads standard statistics in one namespace.
#[derive(Debug)]
pub struct StandardSocket {
    socket: Conversation,
    family: u16,
    names: Names,
}

impl StandardSocket {
    /// Opens it inside `netns` and learns the names that this kernel knows.
    pub fn open(netns: &Netns) -> Result<Self, EthtoolError> {
        let mut socket = Conversation::open(netns, NETLINK_GENERIC).map_err(EthtoolError::Family)?;
        let family = family(&mut socket, "ethtool").map_err(EthtoolError::Family)?;
        let names = names(&mut socket, family).map_err(EthtoolError::Family)?;
        Ok(StandardSocket { socket, family, names })
    }

    /// The statistics of `port` by `group.name` (`eth-mac.FramesTransmittedOK`); buckets of a histogram are
    /// `rmon.rx-etherStatsPkts65to127Octets`. Empty where the driver has none.
    pub fn read(&mut self, port: &str) -> Result<BTreeMap<String, u64>, EthtoolError> {
        let (mut device, mut groups, mut payload) = (Vec::new(), Vec::new(), header(STATS_GET));
        push_string(&mut device, HEADER_DEV_NAME, port);
        push(&mut groups, BITSET_NOMASK, &[]);
        push(&mut groups, BITSET_SIZE, &4u32.to_ne_bytes());
        push(&mut groups, BITSET_VALUE, &ALL_GROUPS.to_ne_bytes());
        push_nested(&mut payload, STATS_HEADER, &device);
        push_nested(&mut payload, STATS_GROUPS, &groups);
        let question = Question {
            doing: "reading the standard statistics",
            message_type: self.family,
            dump: false,
            payload: &payload,
        };
        let names = &self.names;
        let collect = |found: &mut BTreeMap<String, u64>, _, message: &[u8]| parse(found, names, message);
        let netlink = |source| EthtoolError::Netlink { port: port.to_owned(), source };
        self.socket.ask(question, BTreeMap::new, collect).map_err(netlink)
    }
}

fn names(socket: &mut Conversation, family: u16) -> Result<Names, NetlinkError> {
    let (mut sets, mut payload) = (Vec::new(), header(STRSET_GET));
    for id in STRING_SETS {
        let mut set = Vec::new();
        push(&mut set, STRINGSET_ID, &id.to_ne_bytes());
        push_nested(&mut sets, STRINGSETS_STRINGSET, &set);
    }
    push_nested(&mut payload, STRSET_STRINGSETS, &sets);
    let doing = "reading the names of the standard statistics";
    let question = Question { doing, message_type: family, dump: false, payload: &payload };
    socket.ask(question, Names::new, |names, _, message| learn(names, message))
}

/// Takes in the string sets of an answer.
fn learn(names: &mut Names, message: &[u8]) -> Result<(), DecodeError> {
    for outer in attributes(message.get(GENLMSGHDR..).unwrap_or_default()) {
        let outer = outer?;
        if outer.kind() != STRSET_STRINGSETS {
            continue;
        }
        for set in attributes(outer.value()) {
            let (mut id, mut strings) = (0, BTreeMap::new());
            for field in attributes(set?.value()) {
                let field = field?;
                match field.kind() {
                    STRINGSET_ID => id = ne32(&field)?,
                    STRINGSET_STRINGS => {
                        for entry in attributes(field.value()) {
                            let (index, name) = string(entry?.value())?;
                            strings.insert(index, name);
                        }
                    }
                    _ => {}
                }
            }
            names.insert(id, strings);
        }
    }
    Ok(())
}

fn string(entry: &[u8]) -> Result<(u32, String), DecodeError> {
    let (mut index, mut name) = (0, String::new());
    for field in attributes(entry) {
        let field = field?;
        match field.kind() {
            STRING_INDEX => index = ne32(&field)?,
            STRING_VALUE => name = text(field.value()),
            _ => {}
        }
    }
    Ok((index, name))
}

/// Takes in the groups of an answer.
fn parse(found: &mut BTreeMap<String, u64>, names: &Names, message: &[u8]) -> Result<(), DecodeError> {
    for group in attributes(message.get(GENLMSGHDR..).unwrap_or_default()) {
        let group = group?;
        if group.kind() != STATS_GRP {
            continue;
        }
        let (mut id, mut set) = (0, 0);
        // The kernel writes the two numbers before what they are the numbers of.
        for field in attributes(group.value()) {
            let field = field?;
            let name = |set: u32, index: u32| {
                names.get(&set).and_then(|set| set.get(&index)).cloned().unwrap_or_else(|| index.to_string())
            };
            match field.kind() {
                GRP_ID => id = ne32(&field)?,
                GRP_SS_ID => set = ne32(&field)?,
                GRP_STAT => {
                    for statistic in attributes(field.value()) {
                        let statistic = statistic?;
                        // One attribute each, of the type of the statistic's index; a pad has no value.
                        if statistic.value().len() == 8 {
                            let key = format!("{}.{}", name(GROUP_NAMES, id), name(set, statistic.kind().into()));
                            found.insert(key, ne64(&statistic)?);
                        }
                    }
                }
                GRP_HIST_RX | GRP_HIST_TX => {
                    let (low, high, value) = bucket(field.value())?;
                    let way = if field.kind() == GRP_HIST_RX { "rx" } else { "tx" };
                    let sizes = if high == 0 { format!("{low}toMax") } else { format!("{low}to{high}") };
                    found.insert(format!("{}.{way}-etherStatsPkts{sizes}Octets", name(GROUP_NAMES, id)), value);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

fn bucket(histogram: &[u8]) -> Result<(u32, u32, u64), DecodeError> {
    let (mut low, mut high, mut value) = (0, 0, 0);
    for field in attributes(histogram) {
        let field = field?;
        match field.kind() {
            HIST_BKT_LOW => low = ne32(&field)?,
            HIST_BKT_HI => high = ne32(&field)?,
            HIST_VAL => value = ne64(&field)?,
            _ => {}
        }
    }
    Ok((low, high, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(set: u32, entries: &[(u32, &str)]) -> Vec<u8> {
        let (mut strings, mut inner, mut sets, mut message) = (Vec::new(), Vec::new(), Vec::new(), header(STRSET_GET));
        for (index, name) in entries {
            let mut entry = Vec::new();
            push(&mut entry, STRING_INDEX, &index.to_ne_bytes());
            push_string(&mut entry, STRING_VALUE, name);
            push_nested(&mut strings, 1, &entry);
        }
        push(&mut inner, STRINGSET_ID, &set.to_ne_bytes());
        push_nested(&mut inner, STRINGSET_STRINGS, &strings);
        push_nested(&mut sets, STRINGSETS_STRINGSET, &inner);
        push_nested(&mut message, STRSET_STRINGSETS, &sets);
        message
    }

    fn group() -> Vec<u8> {
        let (mut statistic, mut histogram, mut group, mut message) =
            (Vec::new(), Vec::new(), Vec::new(), header(STATS_GET));
        push(&mut statistic, 0, &(5u64 << 32).to_ne_bytes());
        push(&mut statistic, 9, &7u64.to_ne_bytes());
        push(&mut histogram, HIST_BKT_LOW, &65u32.to_ne_bytes());
        push(&mut histogram, HIST_BKT_HI, &127u32.to_ne_bytes());
        push(&mut histogram, HIST_VAL, &8u64.to_ne_bytes());
        push(&mut group, GRP_ID, &1u32.to_ne_bytes());
        push(&mut group, GRP_SS_ID, &18u32.to_ne_bytes());
        push_nested(&mut group, GRP_STAT, &statistic);
        push_nested(&mut group, GRP_HIST_TX, &histogram);
        push_nested(&mut message, STATS_GRP, &group);
        message
    }

    #[test]
    fn statistics_get_the_kernels_names() {
        let (mut names, mut found) = (Names::new(), BTreeMap::new());
        learn(&mut names, &names_of(GROUP_NAMES, &[(0, "eth-phy"), (1, "eth-mac")])).unwrap();
        learn(&mut names, &names_of(18, &[(0, "FramesTransmittedOK")])).unwrap();
        parse(&mut found, &names, &group()).unwrap();
        let expected = [
            ("eth-mac.FramesTransmittedOK", 5 << 32),
            // One that this kernel has and does not name.
            ("eth-mac.9", 7),
            ("eth-mac.tx-etherStatsPkts65to127Octets", 8),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)).into());
    }

    #[test]
    fn what_is_cut_is_refused_and_never_a_panic() {
        let whole = group();
        for length in 0..whole.len() {
            let _ = parse(&mut BTreeMap::new(), &Names::new(), &whole[..length]);
        }
        assert!(parse(&mut BTreeMap::new(), &Names::new(), &whole[..whole.len() - 5]).is_err());
        assert!(learn(&mut Names::new(), &names_of(16, &[(0, "x")])[..30]).is_err());
    }
}
