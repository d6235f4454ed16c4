//! The kernel's names of the standard statistics (ETHTOOL_MSG_STRSET_GET): a newer kernel has more of them.

use std::collections::BTreeMap;

use netlink_packet_core::DecodeError;

use super::genetlink::{GENLMSGHDR, header};
use crate::witnesses::netlink::{Conversation, NetlinkError, Question, attributes, ne32, push, push_nested, text};

const STRSET_GET: u8 = 1;
const STRSET_HEADER: u16 = 1;
const STRSET_STRINGSETS: u16 = 2;
const STRINGSETS_STRINGSET: u16 = 1;
const STRINGSET_ID: u16 = 1;
const STRINGSET_STRINGS: u16 = 3;
const STRING_INDEX: u16 = 1;
const STRING_VALUE: u16 = 2;
/// ETH_SS_STATS_STD, the names of the groups; then those of eth-phy, eth-mac, eth-ctrl and rmon.
pub(super) const GROUP_NAMES: u32 = 16;
const STRING_SETS: std::ops::RangeInclusive<u32> = GROUP_NAMES..=20;

/// Names by string set and index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names(BTreeMap<u32, BTreeMap<u32, String>>);

impl Names {
    /// The name of a string, or its number where the kernel did not name it.
    pub(super) fn of(&self, set: u32, index: u32) -> String {
        self.0.get(&set).and_then(|set| set.get(&index)).cloned().unwrap_or_else(|| index.to_string())
    }
}

#[cfg(test)]
impl<const N: usize> From<[(u32, u32, &str); N]> for Names {
    fn from(names: [(u32, u32, &str); N]) -> Self {
        let mut sets = BTreeMap::<u32, BTreeMap<u32, String>>::new();
        for (set, index, name) in names {
            sets.entry(set).or_default().insert(index, name.to_owned());
        }
        Names(sets)
    }
}

/// Asks for the names of the groups and of their statistics.
pub(super) fn names(socket: &mut Conversation, family: u16) -> Result<Names, NetlinkError> {
    let (mut sets, mut payload) = (Vec::new(), header(STRSET_GET));
    for id in STRING_SETS {
        let mut set = Vec::new();
        push(&mut set, STRINGSET_ID, &id.to_ne_bytes());
        push_nested(&mut sets, STRINGSETS_STRINGSET, &set);
    }
    // Empty: these sets are the same for every port. Without it some kernels refuse the request.
    push_nested(&mut payload, STRSET_HEADER, &[]);
    push_nested(&mut payload, STRSET_STRINGSETS, &sets);
    let doing = "reading the names of the standard statistics";
    let question = Question { doing, message_type: family, dump: false, payload: &payload };
    socket.ask(question, Names::default, |names, _, message| learn(names, message))
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
            names.0.insert(id, strings);
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

#[cfg(test)]
mod tests {
    use super::super::super::witnesses::netlink::push_string;
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

    #[test]
    fn names_are_learned_by_set_and_index() {
        let mut names = Names::default();
        learn(&mut names, &names_of(GROUP_NAMES, &[(0, "eth-phy"), (1, "eth-mac")])).unwrap();
        learn(&mut names, &names_of(18, &[(3, "FramesReceivedOK")])).unwrap();
        let expected = [(GROUP_NAMES, 0, "eth-phy"), (GROUP_NAMES, 1, "eth-mac"), (18, 3, "FramesReceivedOK")];
        assert_eq!(names, Names::from(expected));
        assert_eq!((names.of(18, 3), names.of(18, 4)), ("FramesReceivedOK".to_owned(), "4".to_owned()));
        assert!(learn(&mut names, &names_of(16, &[(0, "x")])[..30]).is_err());
    }
}
