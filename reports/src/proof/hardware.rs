//! Witnesses of the hardware: what the CPU did not see, and what the driver says that its NIC forwarded.

use super::crossing::{Crossing, roles, step};
use super::drivers::{self, Told};
use super::finding::{Finding, stray};
use super::witness::{Asked, Witness, WitnessKind, both};
use crate::observation::{CpuHit, Observation, PortCounters};

/// Every witness of the hardware on a topology with a NIC. With GRO the stack merges packets before nft counts them at
/// the port, and that witness has nothing to say.
pub(super) fn ask(before: &Observation, after: &Observation, crossings: &[Crossing; 2], gro: bool) -> [Asked; 3] {
    [cpu_ports(before, after, crossings, gro), cpu_hit(before, after, crossings), driver(before, after, crossings)]
}

/// The nft counters at the ingress of the DUT's ports: what entered the port and not the stack went by the hardware.
fn cpu_ports(before: &Observation, after: &Observation, crossings: &[Crossing; 2], gro: bool) -> Asked {
    let name = WitnessKind::CpuPorts.name();
    if gro {
        return Asked::Silent(format!("{name} count packets that receive offload merged"));
    }
    let (b, a) = match both(name, &before.cpu_ports, &after.cpu_ports) {
        Ok(pair) => pair,
        Err(why) => return Asked::Silent(why),
    };
    let lan = step("the nft counter at port lan", b.lan.packets, a.lan.packets);
    let wan = step("the nft counter at port wan", b.wan.packets, a.wan.packets);
    match (lan, wan) {
        (Ok(lan), Ok(wan)) => {
            // Packets that the port dropped for want of room went by neither, and no chain saw them.
            let unseen = |c: &Crossing, cpu: u64| c.ingress_rx.saturating_sub(cpu).saturating_sub(c.ingress_dropped);
            said(WitnessKind::CpuPorts, [unseen(&crossings[0], lan), unseen(&crossings[1], wan)], crossings)
        }
        (Err(text), _) | (_, Err(text)) => Asked::Backwards(text),
    }
}

/// What the driver says that the CPU received and sent. The hardware forwarded what entered a port without the CPU and
/// left the other without it: what vanished between them did only the first. Packets dropped for want of room are hits.
fn cpu_hit(before: &Observation, after: &Observation, crossings: &[Crossing; 2]) -> Asked {
    let (b, a): (&CpuHit, &CpuHit) = match both(WitnessKind::CpuHit.name(), &before.cpu_hit, &after.cpu_hit) {
        Ok(pair) => pair,
        Err(why) => return Asked::Silent(why),
    };
    let by_port = |port: &str, b: &PortCounters, a: &PortCounters| {
        let received = step(&format!("CPU_HIT of port {port}"), b.rx_packets, a.rx_packets)?;
        Ok((received, step(&format!("CPU_HIT sent of port {port}"), b.tx_packets, a.tx_packets)?))
    };
    match (by_port("lan", &b.lan, &a.lan), by_port("wan", &b.wan, &a.wan)) {
        (Ok(lan), Ok(wan)) => {
            let past = |c: &Crossing, received: u64, sent: u64| {
                c.ingress_rx.saturating_sub(received).min(c.egress_tx.saturating_sub(sent))
            };
            let packets = [past(&crossings[0], lan.0, wan.1), past(&crossings[1], wan.0, lan.1)];
            said(WitnessKind::CpuHit, packets, crossings)
        }
        (Err(text), _) | (_, Err(text)) => Asked::Backwards(text),
    }
}

/// The driver's own counters.
fn driver(before: &Observation, after: &Observation, crossings: &[Crossing; 2]) -> Asked {
    let (b, a) = match both(WitnessKind::Driver.name(), &before.driver, &after.driver) {
        Ok(pair) => pair,
        Err(why) => return Asked::Silent(why),
    };
    match drivers::forwarded(b, a) {
        Told::Packets(packets) => said(WitnessKind::Driver, packets, crossings),
        Told::Unknown(driver) => {
            Asked::Silent(format!("no statistic of driver {driver} is known to count what its hardware forwards"))
        }
        Told::Backwards(text) => Asked::Backwards(text),
    }
}

/// The driver's hardware sent more than left its port: one of the two does not count what it says.
pub(super) fn invented(before: &Observation, after: &Observation, crossings: &[Crossing; 2]) -> Option<Finding> {
    let (b, a) = before.driver.seen().zip(after.driver.seen())?;
    let Told::Packets(packets) = drivers::forwarded(b, a) else { return None };
    let (c, sent) = crossings.iter().zip(packets).find(|(c, sent)| *sent > c.egress_tx + stray(c.egress_tx))?;
    let [_, _, egress, _] = roles(c.direction);
    Some(Finding::bad(format!(
        "the driver says that its hardware sent {sent} packets, only {} left port {egress}",
        c.egress_tx
    )))
}

/// More than what left a port is what the NIC dropped on the way; it is no part of what went out.
fn said(kind: WitnessKind, packets: [u64; 2], crossings: &[Crossing; 2]) -> Asked {
    let [up, down] = [packets[0].min(crossings[0].egress_tx), packets[1].min(crossings[1].egress_tx)];
    let out = crossings[0].egress_tx.saturating_add(crossings[1].egress_tx);
    Asked::Said(Witness::counted(kind, out, up.saturating_add(down)), [Some(up), Some(down)])
}

/// The mean over witnesses of what each says by direction; none without any.
pub(super) fn mean(said: &[[Option<u64>; 2]]) -> [Option<u64>; 2] {
    [0, 1].map(|direction| {
        let counts: Vec<u64> = said.iter().filter_map(|by_direction| by_direction[direction]).collect();
        let sum: u128 = counts.iter().map(|&count| u128::from(count)).sum();
        (!counts.is_empty()).then(|| u64::try_from(sum / counts.len() as u128).unwrap_or(u64::MAX))
    })
}
