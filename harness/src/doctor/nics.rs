//! The NICs: driver, bus, firmware, hw-tc-offload, queues, statistics that concern offload, what is known of the driver.

use std::fs;
use std::path::Path;

use super::nic::{HwTcOffload, driver_of, known};
use super::report::Check;
use crate::ethtool::{Driver, EthtoolSocket};

const CLASS: &str = "/sys/class/net";

/// Every NIC of the namespace that flowgauge was started in but loopback and veth.
pub(super) fn checks() -> Vec<Check> {
    let listed = fs::read_dir(CLASS).into_iter().flatten().flatten();
    let mut names: Vec<String> = listed.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    let found: Vec<Check> = names.iter().filter(|name| *name != "lo").filter_map(|name| check(name)).collect();
    if found.is_empty() { vec![Check::info("NICs", "none but loopback and veth")] } else { found }
}

fn check(name: &str) -> Option<Check> {
    let driver = driver_of(name);
    if driver.as_ref().is_ok_and(|driver| driver.name == "veth") {
        return None;
    }
    let virtual_port = !Path::new(CLASS).join(name).join("device").exists();
    let about = match &driver {
        Ok(driver) => describe(driver, virtual_port),
        Err(error) => format!("driver unknown ({error})"),
    };
    let hw_tc = HwTcOffload::read(name);
    let (rx, tx) = queues(name);
    let mut detail = format!("{about}, {}, queues {rx} rx {tx} tx", hw_tc.text());
    if let Ok(names) = EthtoolSocket::here().and_then(|socket| socket.statistic_names(name)) {
        detail += &statistics(&names);
    }
    if let Some(known) = driver.as_ref().ok().and_then(|driver| known(&driver.name)) {
        detail += &format!("; this driver {known}");
    }
    Some(match hw_tc {
        HwTcOffload::Off => {
            let try_it = format!("ethtool -K {name} hw-tc-offload on, then: flowgauge doctor --nic {name}");
            Check::gap(name, detail, try_it)
        }
        HwTcOffload::On | HwTcOffload::OnFixed => Check::ok(name, detail),
        HwTcOffload::Fixed | HwTcOffload::Absent | HwTcOffload::Unreadable => Check::info(name, detail),
    })
}

fn describe(driver: &Driver, virtual_port: bool) -> String {
    let about = match (driver.bus.as_str(), virtual_port) {
        (_, true) => format!("{} (no hardware)", driver.name),
        ("", false) => driver.name.clone(),
        (bus, false) => format!("{} at {bus}", driver.name),
    };
    if driver.firmware.is_empty() { about } else { format!("{about}, firmware {}", driver.firmware) }
}

fn queues(name: &str) -> (usize, usize) {
    let listed = fs::read_dir(Path::new(CLASS).join(name).join("queues")).into_iter().flatten().flatten();
    let names: Vec<String> = listed.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    let count = |prefix: &str| names.iter().filter(|name| name.starts_with(prefix)).count();
    (count("rx-"), count("tx-"))
}

/// How many statistics there are, and the first of those that concern offload.
fn statistics(names: &[String]) -> String {
    const SHOWN: usize = 4;
    if names.is_empty() {
        return String::new();
    }
    let concern: Vec<&str> = names.iter().map(String::as_str).filter(|name| concerns_offload(name)).collect();
    let shown = concern.iter().take(SHOWN).copied().collect::<Vec<_>>().join(" ");
    let more = if concern.len() > SHOWN { " ..." } else { "" };
    match concern.len() {
        0 => format!(", {} statistics, none on offload", names.len()),
        count => format!(", {count} of {} statistics on offload: {shown}{more}", names.len()),
    }
}

/// Whether a word of a statistic's name is one that drivers use for offloaded flows.
fn concerns_offload(name: &str) -> bool {
    const WORDS: [&str; 11] =
        ["offload", "offloads", "offloaded", "flow", "flows", "flower", "tc", "ppe", "esw", "vport", "fdb"];
    name.split(|c: char| !c.is_ascii_alphabetic()).any(|word| WORDS.contains(&word.to_ascii_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_of_offload_are_told_by_their_words() {
        for name in
            ["vport_rx_packets", "tc_flower_hits", "rx_vport_rdma_unicast_packets", "ppe0-packets", "offloaded_flows"]
        {
            assert!(concerns_offload(name), "{name}");
        }
        for name in ["rx_packets", "overflow", "rx_fifo_errors", "tx_queue_0_packets", "catch"] {
            assert!(!concerns_offload(name), "{name}");
        }
        let names: Vec<String> = (0..6).map(|n| format!("vport{n}")).collect();
        assert_eq!(statistics(&names), ", 6 of 6 statistics on offload: vport0 vport1 vport2 vport3 ...");
        assert_eq!(statistics(&["rx_packets".to_owned()]), ", 1 statistics, none on offload");
        assert_eq!(statistics(&[]), "");
    }
}
