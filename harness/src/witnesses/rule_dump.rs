//! The rules of nftables' tables, from an NFT_MSG_GETRULE dump: comments and counters, nothing else of a rule matters.
//!
//! Attributes: include/uapi/linux/netfilter/nf_tables.h; comments: libnftnl's user data of a rule.

use flowgauge_reports::observation::Count;
use netlink_packet_core::DecodeError;

use super::netlink::{Conversation, NFGENMSG, Question, attributes, be64, nfgenmsg, push_string, text};
use super::witness::WitnessError;

/// NFNL_SUBSYS_NFTABLES.
pub(super) const SUBSYSTEM: u16 = 10 << 8;
const NEW_RULE: u16 = SUBSYSTEM | 6;
const GET_RULE: u16 = SUBSYSTEM | 7;

/// Tables of every family (NFPROTO_UNSPEC), in a question.
pub(crate) const ANY_FAMILY: u8 = 0;
/// Tables at the ingress of ports (NFPROTO_NETDEV).
pub(crate) const NETDEV: u8 = 5;

const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_HANDLE: u16 = 3;
const RULE_EXPRESSIONS: u16 = 4;
const RULE_USERDATA: u16 = 7;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
const COUNTER_BYTES: u16 = 1;
const COUNTER_PACKETS: u16 = 2;
/// NFTNL_UDATA_RULE_COMMENT.
const USERDATA_COMMENT: u8 = 0;

/// What to do when netfilter does not answer.
pub(super) const HINT: &str = "; it needs nf_tables (modprobe nf_tables) and root in the namespace";

/// What matters of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rule {
    /// The family of its table (NFPROTO_*): tables of one name may exist in several.
    pub(crate) family: u8,
    pub(crate) chain: String,
    pub(crate) comment: Option<String>,
    pub(crate) counter: Option<Count>,
    /// The kernel's number for it within its table.
    pub(crate) handle: u64,
    /// Whether it adds flows to a flowtable.
    pub(crate) adds_to_flowtable: bool,
}

/// The rules of every table `table` of `family`; none where there is no such table.
///
/// For a chain with `flags offload` the kernel asks the hardware for its counts and adds them to the rule's counter
/// (nft_flow_rule_stats): they are those of the moment.
pub(crate) fn dump(socket: &mut Conversation, family: u8, table: &str) -> Result<Vec<Rule>, WitnessError> {
    let mut payload = nfgenmsg(family).to_vec();
    push_string(&mut payload, RULE_TABLE, table);
    let question = Question { doing: "reading the nft rules", message_type: GET_RULE, dump: true, payload: &payload };
    let collect = |rules: &mut Vec<Rule>, kind: u16, payload: &[u8]| {
        if kind == NEW_RULE {
            rules.push(parse(payload)?);
        }
        Ok(())
    };
    socket.ask(question, Vec::new, collect).map_err(|source| WitnessError::Netlink { source, hint: HINT })
}

/// The counter of the only rule with this comment among those of `table`'s chain `chain`.
pub(super) fn only(
    rules: &[Rule],
    table: &'static str,
    chain: &'static str,
    comment: &'static str,
) -> Result<Count, WitnessError> {
    let found: Vec<Count> = rules
        .iter()
        .filter(|rule| rule.chain == chain && rule.comment.as_deref() == Some(comment))
        .filter_map(|rule| rule.counter)
        .collect();
    match found[..] {
        [count] => Ok(count),
        _ => Err(WitnessError::Rules { table, chain, comment, found: found.len() }),
    }
}

fn parse(message: &[u8]) -> Result<Rule, DecodeError> {
    let mut rule = Rule { family: message.first().copied().unwrap_or_default(), ..Rule::default() };
    for attribute in attributes(message.get(NFGENMSG..).unwrap_or_default()) {
        let attribute = attribute?;
        match attribute.kind() {
            RULE_CHAIN => rule.chain = text(attribute.value()),
            RULE_HANDLE => rule.handle = be64(&attribute)?,
            RULE_USERDATA => rule.comment = comment(attribute.value()),
            RULE_EXPRESSIONS => {
                for expression in attributes(attribute.value()) {
                    let expression = expression?;
                    rule.adds_to_flowtable |= is_named(expression.value(), "flow_offload")?;
                    rule.counter = rule.counter.or(counter(expression.value())?);
                }
            }
            _ => {}
        }
    }
    Ok(rule)
}

/// NFPROTO_* as nft names it.
pub(crate) fn family_name(family: u8) -> Option<&'static str> {
    [(1, "inet"), (2, "ip"), (3, "arp"), (NETDEV, "netdev"), (7, "bridge"), (10, "ip6")]
        .into_iter()
        .find_map(|(number, name)| (number == family).then_some(name))
}

fn is_named(expression: &[u8], name: &str) -> Result<bool, DecodeError> {
    for attribute in attributes(expression) {
        let attribute = attribute?;
        if attribute.kind() == EXPRESSION_NAME {
            return Ok(text(attribute.value()) == name);
        }
    }
    Ok(false)
}

/// The count of one expression, where it is an anonymous `counter`.
fn counter(expression: &[u8]) -> Result<Option<Count>, DecodeError> {
    let mut is_counter = false;
    let mut count = Count::default();
    for attribute in attributes(expression) {
        let attribute = attribute?;
        match attribute.kind() {
            EXPRESSION_NAME => is_counter = text(attribute.value()) == "counter",
            // The kernel writes the name first.
            EXPRESSION_DATA if is_counter => {
                for field in attributes(attribute.value()) {
                    let field = field?;
                    match field.kind() {
                        COUNTER_BYTES => count.bytes = be64(&field)?,
                        COUNTER_PACKETS => count.packets = be64(&field)?,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(is_counter.then_some(count))
}

/// The comment among type-length-value records of one byte each.
fn comment(mut userdata: &[u8]) -> Option<String> {
    while let [kind, length, rest @ ..] = userdata {
        let value = rest.get(..usize::from(*length))?;
        if *kind == USERDATA_COMMENT {
            return Some(text(value));
        }
        userdata = &rest[value.len()..];
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::netlink::{push, push_nested};
    use super::*;

    fn message(packets: u64, expression: &str) -> Vec<u8> {
        let (mut fields, mut inner, mut list, mut message) =
            (Vec::new(), Vec::new(), Vec::new(), vec![NETDEV, 0, 0, 0]);
        push(&mut fields, COUNTER_BYTES, &u64::MAX.to_be_bytes());
        push(&mut fields, COUNTER_PACKETS, &packets.to_be_bytes());
        push_string(&mut inner, EXPRESSION_NAME, expression);
        push_nested(&mut inner, EXPRESSION_DATA, &fields);
        push_nested(&mut list, 1, &inner);
        push_string(&mut message, RULE_CHAIN, "forward");
        push(&mut message, RULE_HANDLE, &9u64.to_be_bytes());
        push_nested(&mut message, RULE_EXPRESSIONS, &list);
        // A record of no interest before the comment.
        push(&mut message, RULE_USERDATA, &[&[1, 2, 9, 9, 0, 3][..], b"up\0"].concat());
        message
    }

    #[test]
    fn a_rule_is_read_with_its_comment_and_64_bit_counter() {
        let rule = parse(&message(1 << 40, "counter")).unwrap();
        let counter = Some(Count { packets: 1 << 40, bytes: u64::MAX });
        let (chain, comment) = ("forward".to_owned(), Some("up".to_owned()));
        assert_eq!(rule, Rule { family: NETDEV, chain, comment, counter, handle: 9, adds_to_flowtable: false });
        let offloading = parse(&message(1, "flow_offload")).unwrap();
        assert_eq!((offloading.counter, offloading.adds_to_flowtable), (None, true));
    }

    #[test]
    fn a_cut_message_is_an_error_and_never_a_panic() {
        let whole = message(7, "counter");
        for length in 0..whole.len() {
            // Cuts between attributes leave a shorter, sound message; every other one must be refused.
            let _ = parse(&whole[..length]);
        }
        assert!(parse(&whole[..whole.len() - 5]).is_err());
    }

    #[test]
    fn a_comment_must_be_that_of_exactly_one_counter() {
        let rule = |comment: &str| Rule {
            chain: "lan".to_owned(),
            comment: Some(comment.to_owned()),
            counter: Some(Count { packets: 3, bytes: 30 }),
            ..Rule::default()
        };
        assert_eq!(only(&[rule("a"), rule("b")], "t", "lan", "b").unwrap().packets, 3);
        assert!(matches!(only(&[rule("a")], "t", "wan", "a"), Err(WitnessError::Rules { found: 0, .. })));
        let error = only(&[rule("a"), rule("a")], "t", "lan", "a").unwrap_err().to_string();
        assert!(error.contains("2 counter rules have the comment \"a\""), "{error}");
    }
}
