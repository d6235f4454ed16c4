//! How many packets crossed each port in each direction during a trial.

use flowgauge_scenarios::Direction;

use crate::observation::{PortCounters, Ports};

/// Packets of one direction, port by port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Crossing {
    pub(super) direction: Direction,
    /// Transmitted by the tester that sends.
    pub(super) sender_tx: u64,
    /// Dropped by the sending tester's port: on veth, because the DUT's receive backlog was full.
    pub(super) sender_dropped: u64,
    /// Received by the DUT.
    pub(super) ingress_rx: u64,
    /// Of those received, dropped by the port for want of room.
    pub(super) ingress_dropped: u64,
    /// Transmitted by the DUT: *out*.
    pub(super) egress_tx: u64,
    /// Dropped by the DUT's egress port.
    pub(super) egress_dropped: u64,
    /// Received by the tester that receives.
    pub(super) receiver_rx: u64,
    /// Of those received, dropped by its port for want of room.
    pub(super) receiver_dropped: u64,
}

/// The roles of the ports of a direction: sender, ingress, egress, receiver.
pub(super) const fn roles(direction: Direction) -> [&'static str; 4] {
    match direction {
        Direction::Downstream => ["server", "wan", "lan", "client"],
        _ => ["client", "lan", "wan", "server"],
    }
}

/// `after - before`, or a sentence about a counter that went backwards.
pub(super) fn step(name: &str, before: u64, after: u64) -> Result<u64, String> {
    after.checked_sub(before).ok_or_else(|| {
        format!("{name} went backwards, from {before} to {after}: it was reset or replaced during the trial")
    })
}

/// Both directions, upstream first; the error is a sentence about a counter that went backwards.
pub(super) fn crossings(before: &Ports, after: &Ports) -> Result<[Crossing; 2], String> {
    Ok([crossing(Direction::Upstream, before, after)?, crossing(Direction::Downstream, before, after)?])
}

fn crossing(direction: Direction, before: &Ports, after: &Ports) -> Result<Crossing, String> {
    let [sender, ingress, egress, receiver] = roles(direction);
    let of = |role: &str, what: &str, get: fn(&PortCounters) -> u64| {
        step(&format!("{what} of port {role}"), get(port(before, role)), get(port(after, role)))
    };
    Ok(Crossing {
        direction,
        sender_tx: of(sender, "tx_packets", |p| p.tx_packets)?,
        sender_dropped: of(sender, "tx_dropped", |p| p.tx_dropped)?,
        ingress_rx: of(ingress, "rx_packets", |p| p.rx_packets)?,
        ingress_dropped: of(ingress, "rx_dropped", |p| p.rx_dropped)?,
        egress_tx: of(egress, "tx_packets", |p| p.tx_packets)?,
        egress_dropped: of(egress, "tx_dropped", |p| p.tx_dropped)? + of(egress, "tx_errors", |p| p.tx_errors)?,
        receiver_rx: of(receiver, "rx_packets", |p| p.rx_packets)?,
        receiver_dropped: of(receiver, "rx_dropped", |p| p.rx_dropped)?,
    })
}

fn port<'a>(ports: &'a Ports, role: &str) -> &'a PortCounters {
    match role {
        "client" => &ports.client,
        "lan" => &ports.lan,
        "wan" => &ports.wan,
        _ => &ports.server,
    }
}
