//! The standard statistics of a port (ETHTOOL_MSG_STATS_GET, include/uapi/linux/ethtool_netlink.h): IEEE 802.3 clause
//! 30 and RMON counters, of the same name and meaning with every driver that has them.

use std::collections::BTreeMap;

use flowgauge_topologies::Netns;
use netlink_packet_core::DecodeError;

use super::error::EthtoolError;
use super::genetlink::{GENLMSGHDR, family, header};
use super::strings::{self, GROUP_NAMES, Names};
use crate::witnesses::netlink::{
    Conversation, NETLINK_GENERIC, Question, attributes, ne32, ne64, push, push_nested, push_string,
};

const STATS_GET: u8 = 32;

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
        let names = strings::names(&mut socket, family).map_err(EthtoolError::Family)?;
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
            let name = |set: u32, index: u32| names.of(set, index);
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
        let names = [(GROUP_NAMES, 1, "eth-mac"), (18, 0, "FramesTransmittedOK")];
        let (names, mut found) = (Names::from(names), BTreeMap::new());
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
            let _ = parse(&mut BTreeMap::new(), &Names::default(), &whole[..length]);
        }
        assert!(parse(&mut BTreeMap::new(), &Names::default(), &whole[..whole.len() - 5]).is_err());
    }
}
