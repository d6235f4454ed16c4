//! The nft counters at the top of the forward chain, from NFT_MSG_GETRULE.
//!
//! Netlink and not `nft -j list`: no program is started (under TCG that costs more than a trial's reading may), and
//! counters keep their 64 bits. Attributes: include/uapi/linux/netfilter/nf_tables.h; the comment lies in the user data
//! as libnftnl writes it (include/libnftnl/udata.h).

use flowgauge_reports::observation::{Count, RuleCounters};
use flowgauge_scenarios::ruleset::{DOWNSTREAM_COUNTER, FORWARD_CHAIN, TABLE, UPSTREAM_COUNTER};
use flowgauge_topologies::Netns;
use netlink_packet_core::DecodeError;

use super::netlink::{
    Conversation, NETLINK_NETFILTER, NFGENMSG, NetlinkError, Question, attributes, be64, nfgenmsg, push_string,
};
use super::witness::{Witness, WitnessError};

const SUBSYSTEM: u16 = 10 << 8;
const NEW_RULE: u16 = SUBSYSTEM | 6;
const GET_RULE: u16 = SUBSYSTEM | 7;

const RULE_TABLE: u16 = 1;
const RULE_CHAIN: u16 = 2;
const RULE_EXPRESSIONS: u16 = 4;
const RULE_USERDATA: u16 = 7;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
const COUNTER_BYTES: u16 = 1;
const COUNTER_PACKETS: u16 = 2;
/// NFTNL_UDATA_RULE_COMMENT.
const USERDATA_COMMENT: u8 = 0;

/// Reads the counters of the classic path.
#[derive(Debug)]
pub struct RuleWitness {
    dut: Conversation,
}

impl RuleWitness {
    /// Opens netfilter's netlink inside `dut`.
    pub fn open(dut: &Netns) -> Result<Self, NetlinkError> {
        Ok(RuleWitness { dut: Conversation::open(dut, NETLINK_NETFILTER)? })
    }
}

impl Witness<RuleCounters> for RuleWitness {
    fn read(&mut self) -> Result<RuleCounters, WitnessError> {
        let mut payload = nfgenmsg(0).to_vec();
        push_string(&mut payload, RULE_TABLE, TABLE);
        let question =
            Question { doing: "reading the nft rules", message_type: GET_RULE, dump: true, payload: &payload };
        let collect = |rules: &mut Vec<Rule>, kind: u16, payload: &[u8]| {
            if kind == NEW_RULE {
                rules.push(parse(payload)?);
            }
            Ok(())
        };
        let hint = "; it needs nf_tables (modprobe nf_tables) and root in the namespace";
        let rules =
            self.dut.ask(question, Vec::new, collect).map_err(|source| WitnessError::Netlink { source, hint })?;
        directions(&rules)
    }
}

/// What matters of a rule.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rule {
    chain: String,
    comment: Option<String>,
    counter: Option<Count>,
}

/// Without a forward chain there is nothing to watch.
fn directions(rules: &[Rule]) -> Result<RuleCounters, WitnessError> {
    if !rules.iter().any(|rule| rule.chain == FORWARD_CHAIN) {
        return Err(WitnessError::Absent);
    }
    Ok(RuleCounters { upstream: only(rules, UPSTREAM_COUNTER)?, downstream: only(rules, DOWNSTREAM_COUNTER)? })
}

fn only(rules: &[Rule], comment: &'static str) -> Result<Count, WitnessError> {
    let found: Vec<Count> = rules
        .iter()
        .filter(|rule| rule.chain == FORWARD_CHAIN && rule.comment.as_deref() == Some(comment))
        .filter_map(|rule| rule.counter)
        .collect();
    match found[..] {
        [count] => Ok(count),
        _ => Err(WitnessError::Rules { table: TABLE, chain: FORWARD_CHAIN, comment, found: found.len() }),
    }
}

fn parse(message: &[u8]) -> Result<Rule, DecodeError> {
    let mut rule = Rule::default();
    for attribute in attributes(message.get(NFGENMSG..).unwrap_or_default()) {
        let attribute = attribute?;
        match attribute.kind() {
            RULE_CHAIN => rule.chain = text(attribute.value()),
            RULE_USERDATA => rule.comment = comment(attribute.value()),
            RULE_EXPRESSIONS => {
                for expression in attributes(attribute.value()) {
                    rule.counter = rule.counter.or(counter(expression?.value())?);
                }
            }
            _ => {}
        }
    }
    Ok(rule)
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

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches('\0').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(chain: &str, comment: &str, packets: u64) -> Rule {
        let counter = Some(Count { packets, bytes: 10 * packets });
        Rule { chain: chain.to_owned(), comment: Some(comment.to_owned()), counter }
    }

    fn attribute(kind: u16, value: &[u8]) -> Vec<u8> {
        let length = 4 + value.len();
        let mut bytes = [(length as u16).to_ne_bytes(), kind.to_ne_bytes()].concat();
        bytes.extend_from_slice(value);
        bytes.resize(length.next_multiple_of(4), 0);
        bytes
    }

    fn message(packets: u64, expression: &[u8]) -> Vec<u8> {
        let fields = [attribute(COUNTER_BYTES, &u64::MAX.to_be_bytes()), attribute(2, &packets.to_be_bytes())].concat();
        let expression = [attribute(1, expression), attribute(0x8000 | 2, &fields)].concat();
        let userdata = [&[1, 2, 9, 9, 0, 3][..], b"up\0"].concat();
        let list = attribute(0x8000 | 1, &expression);
        [nfgenmsg(1).to_vec(), attribute(2, b"forward\0"), attribute(0x8000 | 4, &list), attribute(7, &userdata)]
            .concat()
    }

    #[test]
    fn a_rule_is_read_with_its_comment_and_64_bit_counter() {
        let rule = parse(&message(1 << 40, b"counter\0")).unwrap();
        let counter = Some(Count { packets: 1 << 40, bytes: u64::MAX });
        assert_eq!(rule, Rule { chain: "forward".to_owned(), comment: Some("up".to_owned()), counter });
        assert_eq!(parse(&message(1, b"limit\0")).unwrap().counter, None);
    }

    #[test]
    fn a_cut_message_is_an_error_and_never_a_panic() {
        let whole = message(7, b"counter\0");
        for length in 0..whole.len() {
            // Cuts between attributes leave a shorter, sound message; every other one must be refused.
            let _ = parse(&whole[..length]);
        }
        assert!(parse(&whole[..whole.len() - 5]).is_err());
    }

    #[test]
    fn each_direction_needs_exactly_one_counter() {
        let (up, down) = (rule(FORWARD_CHAIN, UPSTREAM_COUNTER, 3), rule(FORWARD_CHAIN, DOWNSTREAM_COUNTER, 4));
        let elsewhere = rule("postrouting", UPSTREAM_COUNTER, 9);
        let read = directions(&[up.clone(), elsewhere.clone(), down.clone()]).unwrap();
        assert_eq!((read.upstream.packets, read.downstream.packets), (3, 4));
        assert!(matches!(directions(&[]), Err(WitnessError::Absent)));
        assert!(matches!(directions(&[elsewhere]), Err(WitnessError::Absent)));
        assert!(matches!(directions(std::slice::from_ref(&up)), Err(WitnessError::Rules { found: 0, .. })));
        let error = directions(&[up.clone(), up, down]).unwrap_err().to_string();
        assert!(error.contains("2 counter rules have the comment \"classic upstream\""), "{error}");
    }
}
