//! Tables of nftables that need no program: over netlink a change takes the kernel's time alone, and stations make and delete
//! many. Messages: include/uapi/linux/netfilter/nf_tables.h.

use flowgauge_scenarios::ruleset::{FLOWTABLE, TABLE, WATCH_TABLE};
use flowgauge_topologies::Netns;

use super::Refused;
use crate::nft::{self, Batch};
use crate::witnesses::netlink::{Conversation, NETLINK_NETFILTER, push, push_nested, push_string};
use crate::witnesses::rule_dump::{ANY_FAMILY, NETDEV, dump, family_name};

const NEW_TABLE: u16 = 0;
const DELETE_TABLE: u16 = 2;
const NEW_CHAIN: u16 = 3;
const NEW_RULE: u16 = 6;
const DELETE_RULE: u16 = 8;
const DELETE_FLOWTABLE: u16 = 24;
const CREATE: u16 = 0x400;
const APPEND: u16 = 0x800;

/// The first two attributes of most messages: the table, and the name of what is in it.
const IN_TABLE: u16 = 1;
const NAME: u16 = 2;
const CHAIN_NAME: u16 = 3;
const CHAIN_HOOK: u16 = 4;
const CHAIN_POLICY: u16 = 5;
const CHAIN_TYPE: u16 = 7;
const HOOK_NUMBER: u16 = 1;
const HOOK_PRIORITY: u16 = 2;
const HOOK_DEVICE: u16 = 3;
const RULE_HANDLE: u16 = 3;
const RULE_EXPRESSIONS: u16 = 4;
const RULE_USERDATA: u16 = 7;
const LIST_ELEMENT: u16 = 1;
const EXPRESSION_NAME: u16 = 1;
const EXPRESSION_DATA: u16 = 2;
/// NFTNL_UDATA_RULE_COMMENT.
const COMMENT: u8 = 0;

/// NFPROTO_INET.
pub(super) const INET: u8 = 1;
const DROP: u32 = 0;
const ACCEPT: u32 = 1;

/// Where a chain hooks in.
#[derive(Clone, Copy, Debug)]
pub(super) enum Hook<'a> {
    /// Where packets are forwarded (NF_INET_FORWARD).
    Forward,
    /// Where a port receives (NF_NETDEV_INGRESS).
    Ingress(&'a str),
}

/// A table in the making, in place of the one of its name.
pub(super) struct Table<'a> {
    name: &'a str,
    family: u8,
    batch: Batch,
}

impl<'a> Table<'a> {
    pub(super) fn anew(family: u8, name: &'a str) -> Self {
        let mut table = Vec::new();
        push_string(&mut table, IN_TABLE, name);
        // Adding first makes the deletion succeed whether or not it was there.
        let batch = Batch::new()
            .push("to make a table", NEW_TABLE, CREATE, family, &table)
            .push("to delete a table", DELETE_TABLE, 0, family, &table)
            .push("to make a table", NEW_TABLE, CREATE, family, &table);
        Table { name, family, batch }
    }

    /// A chain that drops what comes to it.
    pub(super) fn dropping(self, name: &str, hook: Hook<'_>, priority: i32) -> Self {
        self.chain(name, hook, priority, DROP)
    }

    /// A chain that counts what comes to it, in a rule with the chain's name as its comment.
    pub(super) fn counting(mut self, name: &str, hook: Hook<'_>, priority: i32) -> Self {
        self = self.chain(name, hook, priority, ACCEPT);
        let (mut rule, mut counter, mut list) = (Vec::new(), Vec::new(), Vec::new());
        push_string(&mut counter, EXPRESSION_NAME, "counter");
        push_nested(&mut counter, EXPRESSION_DATA, &[]);
        push_nested(&mut list, LIST_ELEMENT, &counter);
        push_string(&mut rule, IN_TABLE, self.name);
        push_string(&mut rule, NAME, name);
        push_nested(&mut rule, RULE_EXPRESSIONS, &list);
        let text = [name.as_bytes(), &[0]].concat();
        push(&mut rule, RULE_USERDATA, &[&[COMMENT, text.len() as u8][..], &text].concat());
        self.batch = self.batch.push("to make a counter", NEW_RULE, CREATE | APPEND, self.family, &rule);
        self
    }

    fn chain(mut self, name: &str, hook: Hook<'_>, priority: i32, policy: u32) -> Self {
        let (mut chain, mut place) = (Vec::new(), Vec::new());
        let (number, device) = match hook {
            Hook::Forward => (2u32, None),
            Hook::Ingress(port) => (0, Some(port)),
        };
        push(&mut place, HOOK_NUMBER, &number.to_be_bytes());
        push(&mut place, HOOK_PRIORITY, &priority.to_be_bytes());
        device.into_iter().for_each(|port| push_string(&mut place, HOOK_DEVICE, port));
        push_string(&mut chain, IN_TABLE, self.name);
        push_string(&mut chain, CHAIN_NAME, name);
        push_nested(&mut chain, CHAIN_HOOK, &place);
        push(&mut chain, CHAIN_POLICY, &policy.to_be_bytes());
        push_string(&mut chain, CHAIN_TYPE, "filter");
        self.batch = self.batch.push("to make a chain", NEW_CHAIN, CREATE, self.family, &chain);
        self
    }

    pub(super) fn commit(self, netns: &Netns) -> Result<(), Refused> {
        Ok(self.batch.commit(netns)?)
    }
}

/// Makes the stack behind a port deaf, as `nft::mute` does: packet sockets still see what arrives.
pub(super) fn deafen(netns: &Netns, port: &str) -> Result<(), Refused> {
    Table::anew(NETDEV, "flowgauge_mute").dropping("ingress", Hook::Ingress(port), 0).commit(netns)
}

/// Removes the ruleset, whatever families it is in.
pub(super) fn remove_ruleset(netns: &Netns) -> Result<(), Refused> {
    let mut batch = None;
    for table in [TABLE, WATCH_TABLE] {
        for family in nft::families_of(netns, table)?.into_iter().filter_map(number) {
            let mut name = Vec::new();
            push_string(&mut name, IN_TABLE, table);
            let begun = batch.take().unwrap_or_else(Batch::new);
            batch = Some(begun.push("to delete the ruleset", DELETE_TABLE, 0, family, &name));
        }
    }
    Ok(batch.map_or(Ok(()), |batch| batch.commit(netns))?)
}

/// Deletes the table of the ruleset, or with `rules_only` its rules. False: there is none.
pub(in crate::conform) fn empty(netns: &Netns, rules_only: bool) -> Result<bool, Refused> {
    let families = nft::families_of(netns, TABLE)?.into_iter().filter_map(number);
    let Some(family) = families.into_iter().find(|&family| family != NETDEV) else { return Ok(false) };
    let mut table = Vec::new();
    push_string(&mut table, IN_TABLE, TABLE);
    let batch = match rules_only {
        true => Batch::new().push("to flush the table", DELETE_RULE, 0, family, &table),
        false => Batch::new().push("to delete the table", DELETE_TABLE, 0, family, &table),
    };
    batch.commit(netns)?;
    Ok(true)
}

/// Deletes the flowtable, and with it the rules that add to it, for otherwise it is in use. False: there is none.
pub(in crate::conform) fn delete_flowtable(netns: &Netns) -> Result<bool, Refused> {
    let rules = dump(&mut Conversation::open(netns, NETLINK_NETFILTER)?, ANY_FAMILY, TABLE)?;
    let mut adding = rules.iter().filter(|rule| rule.adds_to_flowtable).peekable();
    let Some(family) = adding.peek().map(|rule| rule.family) else { return Ok(false) };
    let mut batch = Batch::new();
    for rule in adding {
        let mut one = Vec::new();
        push_string(&mut one, IN_TABLE, TABLE);
        push_string(&mut one, NAME, &rule.chain);
        push(&mut one, RULE_HANDLE, &rule.handle.to_be_bytes());
        batch = batch.push("to delete a rule", DELETE_RULE, 0, family, &one);
    }
    let mut flowtable = Vec::new();
    push_string(&mut flowtable, IN_TABLE, TABLE);
    push_string(&mut flowtable, NAME, FLOWTABLE);
    batch.push("to delete the flowtable", DELETE_FLOWTABLE, 0, family, &flowtable).commit(netns)?;
    Ok(true)
}

/// NFPROTO_* by nft's name for it.
fn number(family: &str) -> Option<u8> {
    (0..=NFPROTO_LAST).find(|&number| family_name(number) == Some(family))
}

/// The greatest NFPROTO_* that nft has a name for.
const NFPROTO_LAST: u8 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_their_numbers() {
        assert_eq!(["inet", "ip", "netdev", "ip6", "x"].map(number), [Some(1), Some(2), Some(5), Some(10), None]);
    }
}
