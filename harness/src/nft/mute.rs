//! Ports made deaf: netdev tables that drop at a port's ingress.
//!
//! Packet sockets (AF_PACKET) see a packet before the ingress hook does, so a deaf port still feeds the generator's
//! receiver while the stack above it learns nothing, and so answers nothing: no RST, no ICMP error, no ARP. Unasked it
//! says nothing either: testers have permanent neighbours and no ARP. An egress hook would be a second lock, but since
//! Linux 5.16 packet sockets go through it too, PACKET_QDISC_BYPASS or not (packet_xmit in net/packet/af_packet.c), at
//! the generator's cost. Instead the proof compares what a tester's port sent with what the generator sent.

use flowgauge_topologies::Netns;
use nftables::batch::Batch;
use nftables::schema::{Chain, NfListObject, Table};
use nftables::types::{NfChainPolicy, NfChainType, NfFamily, NfHook};

use super::program::{NftError, run};
use super::refusal::Refusal;
use super::tables::families_of;

/// The table that silences a tester's port.
const MUTE_TABLE: &str = "flowgauge_mute";
/// The table that drops what enters the DUT.
const DROP_TABLE: &str = "flowgauge_drop";

/// Makes the tester's stack behind `port` deaf: what arrives reaches packet sockets and nothing else. Muting again
/// replaces what was muted.
pub fn mute(netns: &Netns, port: &str) -> Result<(), NftError> {
    deafen(netns, MUTE_TABLE, &[port])
}

/// Takes [`mute`] back. Where nothing is muted there is nothing to do.
pub fn unmute(netns: &Netns) -> Result<(), NftError> {
    delete(netns, MUTE_TABLE)
}

/// Drops every packet that enters at `ports`, before the stack does anything with it: what remains is the cost and the
/// rate of the generator. Replaces what was dropped before.
pub fn drop_at_ingress(netns: &Netns, ports: &[&str]) -> Result<(), NftError> {
    deafen(netns, DROP_TABLE, ports)
}

/// Takes [`drop_at_ingress`] back. Where nothing is dropped there is nothing to do.
pub fn undrop(netns: &Netns) -> Result<(), NftError> {
    delete(netns, DROP_TABLE)
}

fn deafen(netns: &Netns, table: &str, ports: &[&str]) -> Result<(), NftError> {
    let names: Vec<String> = (0..ports.len()).map(|n| format!("ingress{n}")).collect();
    let mut batch = Batch::new();
    // Adding first makes the deletion succeed whether or not the table was there.
    batch.add(table_object(table));
    batch.delete(table_object(table));
    batch.add(table_object(table));
    for (name, port) in names.iter().zip(ports) {
        batch.add(dropping_chain(table, name, port));
    }
    feed(netns, batch, &ports.join(", "))
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

fn dropping_chain<'a>(table: &'a str, name: &'a str, port: &'a str) -> NfListObject<'a> {
    NfListObject::Chain(Chain {
        family: NfFamily::NetDev,
        table: table.into(),
        name: name.into(),
        newname: None,
        handle: None,
        _type: Some(NfChainType::Filter),
        hook: Some(NfHook::Ingress),
        prio: Some(0),
        dev: Some(port.into()),
        policy: Some(NfChainPolicy::Drop),
    })
}
