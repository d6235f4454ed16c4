//! Which private statistics of a driver (`ethtool -S`) tell the packets that its hardware forwarded, as data.
//!
//! A driver without an entry is not lost: the nft counters at its ports are a witness on any NIC, and drivers of whole
//! switches say by `IFLA_OFFLOAD_XSTATS_CPU_HIT` what the CPU saw (mlx5e representors en_rep.c, ice_repr.c,
//! nfp_net_repr.c, mlxsw spectrum.c). mtk_eth_soc names only totals of the port, sfc and airoha nothing of the kind.

use std::collections::BTreeMap;

use crate::observation::{DriverPort, DriverStatistics};

/// How the packets that the hardware forwarded follow from a port's statistics. Names are summed; a counter of which
/// the driver has no name is no part of the sum.
struct Meaning {
    /// The driver, as ethtool names it.
    driver: &'static str,
    /// What is counted: packets through the hardware, or all that crossed the port where `cpu` is not empty.
    counted: Names,
    /// What is to be taken off: packets that the CPU received or sent.
    cpu: Names,
}

struct Names {
    rx: &'static [&'static str],
    tx: &'static [&'static str],
}

const NONE: Names = Names { rx: &[], tx: &[] };

/// One entry a driver and set of names; the first whose names a port has is taken.
const MEANINGS: [Meaning; 5] = [
    // topologies/nic: what rules forwarded.
    Meaning { driver: "flowgauge_nic", counted: Names { rx: &["hw_rx_packets"], tx: &["hw_tx_packets"] }, cpu: NONE },
    // drivers/net/ethernet/mellanox/mlx5/core/en_stats.c: the port's frames (pport 802.3) against those of its rings.
    Meaning {
        driver: "mlx5_core",
        counted: Names { rx: &["rx_packets_phy"], tx: &["tx_packets_phy"] },
        cpu: Names { rx: &["rx_packets"], tx: &["tx_packets"] },
    },
    // drivers/net/ethernet/mellanox/mlx5/core/en_rep.c: vport_rep_stats_desc against sw_rep_stats_desc.
    Meaning {
        driver: "mlx5e_rep",
        counted: Names { rx: &["vport_rx_packets"], tx: &["vport_tx_packets"] },
        cpu: Names { rx: &["rx_packets"], tx: &["tx_packets"] },
    },
    // net/dsa/user.c, dsa_user_get_strings: the first four are the CPU's, then those of the switch;
    // drivers/net/dsa/mv88e6xxx/chip.c, mv88e6xxx_hw_stats.
    Meaning {
        driver: "dsa",
        counted: Names {
            rx: &["in_unicast", "in_broadcasts", "in_multicasts"],
            tx: &["out_unicast", "out_broadcasts", "out_multicasts"],
        },
        cpu: Names { rx: &["rx_packets"], tx: &["tx_packets"] },
    },
    // drivers/net/dsa/mt7530.c, mt7530_mib.
    Meaning {
        driver: "dsa",
        counted: Names {
            rx: &["RxUnicast", "RxBroadcast", "RxMulticast"],
            tx: &["TxUnicast", "TxBroadcast", "TxMulticast"],
        },
        cpu: Names { rx: &["rx_packets"], tx: &["tx_packets"] },
    },
];

/// The driver's name of the reference NIC.
pub(crate) const REFERENCE_NIC: &str = "flowgauge_nic";

/// What the statistics of the DUT's ports say that the hardware forwarded.
pub(super) enum Told {
    /// Packets by direction, upstream first.
    Packets([u64; 2]),
    /// No statistic of this driver is known to tell it; with the driver's name.
    Unknown(String),
    /// A sentence about a counter that went backwards.
    Backwards(String),
}

/// Packets that the hardware forwarded: those sent by the egress port of each direction.
pub(super) fn forwarded(before: &DriverStatistics, after: &DriverStatistics) -> Told {
    let mut packets = [0; 2];
    for (direction, (b, a)) in [(&before.wan, &after.wan), (&before.lan, &after.lan)].into_iter().enumerate() {
        let has = |m: &&Meaning| m.driver == a.driver && m.counted.tx.iter().any(|name| a.counters.contains_key(*name));
        let Some(meaning) = MEANINGS.iter().find(has) else { return Told::Unknown(a.driver.clone()) };
        match (moved(b, a, meaning.counted.tx), moved(b, a, meaning.cpu.tx)) {
            (Ok(counted), Ok(cpu)) => packets[direction] = counted.saturating_sub(cpu),
            (Err(text), _) | (_, Err(text)) => return Told::Backwards(text),
        }
    }
    Told::Packets(packets)
}

/// Packets that the hardware took in, by direction; none where the driver is not known.
pub(super) fn taken_in(before: &DriverStatistics, after: &DriverStatistics) -> Option<[u64; 2]> {
    let side = |b: &DriverPort, a: &DriverPort| {
        let has = |m: &&Meaning| m.driver == a.driver && m.counted.rx.iter().any(|name| a.counters.contains_key(*name));
        let meaning = MEANINGS.iter().find(has)?;
        let cpu = moved(b, a, meaning.cpu.rx).ok()?;
        Some(moved(b, a, meaning.counted.rx).ok()?.saturating_sub(cpu))
    };
    Some([side(&before.lan, &after.lan)?, side(&before.wan, &after.wan)?])
}

fn moved(before: &DriverPort, after: &DriverPort, names: &[&str]) -> Result<u64, String> {
    let mut sum: u64 = 0;
    for name in names {
        let Some(&a) = after.counters.get(*name) else { continue };
        let b = before.counters.get(*name).copied().unwrap_or(0);
        let step =
            a.checked_sub(b).ok_or_else(|| format!("{name} of {} went backwards, from {b} to {a}", after.driver))?;
        sum = sum.saturating_add(step);
    }
    Ok(sum)
}

/// Counters of a port that moved nearly as the packets did, the closest first; names of bytes and times are left out by
/// being far off.
pub(super) fn closest(before: &DriverPort, after: &DriverPort, packets: u64) -> Vec<(String, u64)> {
    let step = |(name, &a): (&String, &u64)| {
        let by = a.checked_sub(before.counters.get(name).copied().unwrap_or(0)).filter(|&by| by > 0)?;
        (by >= packets / 2 && by <= packets.saturating_mul(2)).then(|| (name.clone(), by))
    };
    let mut moved: Vec<(String, u64)> = after.counters.iter().filter_map(step).collect();
    moved.sort_by_key(|(_, by)| by.abs_diff(packets));
    moved
}

/// By how much a statistic of both ports together grew; none where neither has it or it went backwards.
pub(crate) fn grown(before: &DriverStatistics, after: &DriverStatistics, name: &str) -> Option<u64> {
    let sum = |s: &DriverStatistics| sum(s, name);
    sum(after)?.checked_sub(sum(before)?)
}

/// A statistic of both ports together; none where neither has it.
pub(crate) fn sum(statistics: &DriverStatistics, name: &str) -> Option<u64> {
    let of = |counters: &BTreeMap<String, u64>| counters.get(name).copied();
    match (of(&statistics.lan.counters), of(&statistics.wan.counters)) {
        (None, None) => None,
        (lan, wan) => Some(lan.unwrap_or(0).saturating_add(wan.unwrap_or(0))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn statistics(driver: &str, lan: &[(&str, u64)], wan: &[(&str, u64)]) -> DriverStatistics {
        let port = |counters: &[(&str, u64)]| DriverPort {
            driver: driver.to_owned(),
            counters: counters.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        };
        DriverStatistics { lan: port(lan), wan: port(wan) }
    }

    #[test]
    fn a_switch_is_told_by_all_packets_less_those_of_the_cpu() {
        let none = statistics("dsa", &[], &[]);
        let after = statistics(
            "dsa",
            &[("in_unicast", 900), ("rx_packets", 100), ("out_unicast", 40), ("tx_packets", 40)],
            &[
                ("in_unicast", 40),
                ("rx_packets", 40),
                ("out_unicast", 890),
                ("out_broadcasts", 10),
                ("tx_packets", 100),
            ],
        );
        assert!(matches!(forwarded(&none, &after), Told::Packets([800, 0])));
        assert_eq!(taken_in(&none, &after), Some([800, 0]));
        assert!(matches!(forwarded(&after, &none), Told::Unknown(driver) if driver == "dsa"));
    }

    #[test]
    fn counters_of_an_unknown_driver_are_ranked_by_closeness() {
        let after = statistics("new", &[("a", 990), ("b", 1_000), ("bytes", 64_000), ("still", 0)], &[]);
        let ranked = closest(&DriverPort::default(), &after.lan, 1_000);
        assert_eq!(ranked, [("b".to_owned(), 1_000), ("a".to_owned(), 990)]);
        assert!(matches!(forwarded(&statistics("new", &[], &[]), &after), Told::Unknown(_)));
    }
}
