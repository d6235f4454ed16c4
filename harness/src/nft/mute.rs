//! Ports made silent or deaf: netdev tables that drop at a port's ingress and egress.
//!
//! Packet sockets (AF_PACKET) see a packet before the ingress hook does, so a deaf port still feeds the generator's
//! receiver while the stack above it learns nothing, and so answers nothing: no RST, no ICMP error, no ARP. The egress
//! hook is the second lock, for what the stack says unasked. It lets pass what comes from a program's socket: since
//! Linux 5.16 packet sockets go through it too, PACKET_QDISC_BYPASS or not (packet_xmit in net/packet/af_packet.c).

use std::borrow::Cow;

use flowgauge_topologies::Netns;
use nftables::batch::Batch;
use nftables::expr::{Expression, Meta, MetaKey, NamedExpression};
use nftables::schema::{Chain, NfListObject, Rule, Table};
use nftables::stmt::{Accept, Match, Operator, Statement};
use nftables::types::{NfChainPolicy, NfChainType, NfFamily, NfHook};

use super::program::{NftError, run};
use super::refusal::Refusal;
use super::tables::families_of;

/// The table that silences a tester's port.
const MUTE_TABLE: &str = "flowgauge_mute";
/// The table that drops what enters the DUT.
const DROP_TABLE: &str = "flowgauge_drop";

/// How silent a port is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// Its stack hears nothing and nothing that its stack says leaves.
    Both,
    /// Its stack hears nothing. What it says unasked (multicast reports) still leaves.
    IngressOnly {
        /// What the kernel or nft answered to an egress hook (it came with Linux 5.16 and nft 1.0.1).
        why: String,
    },
}

/// Makes the tester's stack behind `port` deaf and dumb. Muting a namespace again replaces what was muted in it.
pub fn mute(netns: &Netns, port: &str) -> Result<Silence, NftError> {
    match silence(netns, port, true) {
        Ok(()) => Ok(Silence::Both),
        Err(NftError::Refused(refusal)) => {
            // If not even the ingress hook can be had, its own error says why.
            silence(netns, port, false)?;
            Ok(Silence::IngressOnly {
                why: refusal.complaints.iter().map(|c| c.message.as_str()).collect::<Vec<_>>().join("; "),
            })
        }
        Err(error) => Err(error),
    }
}

/// Takes [`mute`] back. Where nothing is muted there is nothing to do.
pub fn unmute(netns: &Netns) -> Result<(), NftError> {
    delete(netns, MUTE_TABLE)
}

/// Drops every packet that enters at `ports`, before the stack does anything with it: what remains is the cost and the
/// rate of the generator. Replaces what was dropped before.
pub fn drop_at_ingress(netns: &Netns, ports: &[&str]) -> Result<(), NftError> {
    let names: Vec<String> = (0..ports.len()).map(|n| format!("ingress{n}")).collect();
    let mut batch = fresh(DROP_TABLE);
    for (name, port) in names.iter().zip(ports) {
        batch.add(dropping_chain(DROP_TABLE, name, NfHook::Ingress, port));
    }
    feed(netns, batch, &ports.join(", "))
}

/// Takes [`drop_at_ingress`] back. Where nothing is dropped there is nothing to do.
pub fn undrop(netns: &Netns) -> Result<(), NftError> {
    delete(netns, DROP_TABLE)
}

fn silence(netns: &Netns, port: &str, egress: bool) -> Result<(), NftError> {
    let mut batch = fresh(MUTE_TABLE);
    batch.add(dropping_chain(MUTE_TABLE, "ingress", NfHook::Ingress, port));
    if egress {
        batch.add(dropping_chain(MUTE_TABLE, "egress", NfHook::Egress, port));
        batch.add(pass_programs(MUTE_TABLE));
    }
    feed(netns, batch, port)
}

/// A batch that begins with an empty table. Adding first makes the deletion succeed whether or not it was there.
fn fresh(table: &str) -> Batch<'_> {
    let mut batch = Batch::new();
    batch.add(table_object(table));
    batch.delete(table_object(table));
    batch.add(table_object(table));
    batch
}

fn delete(netns: &Netns, table: &str) -> Result<(), NftError> {
    if families_of(netns, table)?.is_empty() {
        return Ok(());
    }
    let mut batch = Batch::new();
    batch.delete(table_object(table));
    feed(netns, batch, table)
}

/// The crate builds the JSON; the program is run here, because the crate lets nft's errors go to the terminal.
fn feed(netns: &Netns, batch: Batch<'_>, what: &str) -> Result<(), NftError> {
    let input = serde_json::to_string(&batch.to_nftables())?;
    let output = run(netns, &["-j", "-f", "-"], &input)?;
    if output.status.success() {
        return Ok(());
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(Refusal::read(format!("to change what {what} drops"), &stderr, "", 0).into())
}

fn table_object(name: &str) -> NfListObject<'_> {
    NfListObject::Table(Table { family: NfFamily::NetDev, name: name.into(), handle: None })
}

fn dropping_chain<'a>(table: &'a str, name: &'a str, hook: NfHook, port: &'a str) -> NfListObject<'a> {
    NfListObject::Chain(Chain {
        family: NfFamily::NetDev,
        table: table.into(),
        name: name.into(),
        newname: None,
        handle: None,
        _type: Some(NfChainType::Filter),
        hook: Some(hook),
        prio: Some(0),
        dev: Some(port.into()),
        policy: Some(NfChainPolicy::Drop),
    })
}

/// `meta skuid >= 0 accept`: true for the socket of any program. The kernel's own sockets (RST, ICMP, MLD) have no
/// owner, ARP has no socket, and the match fails (nft_meta_get_eval_skugid in net/netfilter/nft_meta.c).
fn pass_programs(table: &str) -> NfListObject<'_> {
    let owner = Expression::Named(NamedExpression::Meta(Meta { key: MetaKey::Skuid }));
    let any = Match { left: owner, right: Expression::Number(0), op: Operator::GEQ };
    NfListObject::Rule(Rule {
        family: NfFamily::NetDev,
        table: table.into(),
        chain: "egress".into(),
        expr: Cow::Owned(vec![Statement::Match(any), Statement::Accept(Some(Accept {}))]),
        handle: None,
        index: None,
        comment: None,
    })
}
