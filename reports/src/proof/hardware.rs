//! Witnesses of the hardware: what the CPU did not see, and what the driver says that its NIC forwarded.

use super::crossing::{Crossing, step};
use super::drivers::{self, Told};
use super::witness::{Asked, Witness, WitnessKind, both};
use crate::observation::{CpuHit, Observation};

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
    unseen(WitnessKind::CpuPorts, lan, wan, crossings)
}

/// What the driver says that the CPU received.
fn cpu_hit(before: &Observation, after: &Observation, crossings: &[Crossing; 2]) -> Asked {
    let (b, a): (&CpuHit, &CpuHit) = match both(WitnessKind::CpuHit.name(), &before.cpu_hit, &after.cpu_hit) {
        Ok(pair) => pair,
        Err(why) => return Asked::Silent(why),
    };
    let lan = step("CPU_HIT of port lan", b.lan.rx_packets, a.lan.rx_packets);
    let wan = step("CPU_HIT of port wan", b.wan.rx_packets, a.wan.rx_packets);
    unseen(WitnessKind::CpuHit, lan, wan, crossings)
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

/// From what the CPU saw at each ingress port to what it did not see. Packets that the port dropped for want of room
/// went by neither.
fn unseen(kind: WitnessKind, lan: Result<u64, String>, wan: Result<u64, String>, crossings: &[Crossing; 2]) -> Asked {
    match (lan, wan) {
        (Ok(lan), Ok(wan)) => {
            let unseen = |c: &Crossing, cpu: u64| c.ingress_rx.saturating_sub(cpu).saturating_sub(c.ingress_dropped);
            said(kind, [unseen(&crossings[0], lan), unseen(&crossings[1], wan)], crossings)
        }
        (Err(text), _) | (_, Err(text)) => Asked::Backwards(text),
    }
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
