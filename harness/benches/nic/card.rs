//! The card's table from outside: filled through debugfs, counted by the driver's statistics.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;

use flowgauge::ethtool::EthtoolSocket;
use flowgauge_topologies::Netns;

use super::guest::Outcome;

const FILL: &str = "/sys/kernel/debug/flowgauge_nic/fill";

/// What the last filling came to.
pub(crate) struct Filled {
    pub(crate) rules: u64,
    /// How many of them are new, and what inserting those took.
    pub(crate) inserted: u64,
    pub(crate) insert_ns: u64,
    /// Memory of one rule, the allocator's rounding included.
    pub(crate) rule_bytes: u64,
    /// Whether the table was full before all were in.
    pub(crate) full: bool,
}

/// Inserts or removes synthetic rules until there are so many.
pub(crate) fn fill(rules: u64) -> Outcome<Filled> {
    let full = match fs::write(FILL, rules.to_string()) {
        Ok(()) => false,
        Err(error) if error.kind() == ErrorKind::StorageFull => true,
        Err(error) => return Err(format!("writing {rules} to {FILL}: {error}").into()),
    };
    let text = fs::read_to_string(FILL)?;
    let fields: BTreeMap<&str, u64> =
        text.split_whitespace().filter_map(|word| word.split_once('=')).filter_map(number).collect();
    let field = |name| fields.get(name).copied().ok_or_else(|| format!("no {name} in \"{text}\""));
    let (rules, inserted) = (field("rules")?, field("inserted")?);
    Ok(Filled { rules, inserted, insert_ns: field("insert_ns")?, rule_bytes: field("rule_bytes")?, full })
}

fn number<'a>((name, value): (&'a str, &str)) -> Option<(&'a str, u64)> {
    Some((name, value.parse().ok()?))
}

/// The driver's statistics (`ethtool -S`) of both of the DUT's ports.
pub(crate) struct Counters {
    socket: EthtoolSocket,
    ports: [String; 2],
}

/// One reading, of LAN and WAN.
pub(crate) struct Reading([BTreeMap<String, u64>; 2]);

impl Counters {
    pub(crate) fn open(dut: &Netns, ports: [String; 2]) -> Outcome<Self> {
        Ok(Counters { socket: EthtoolSocket::open(dut)?, ports })
    }

    pub(crate) fn read(&self) -> Outcome<Reading> {
        let [lan, wan] = &self.ports;
        Ok(Reading([self.socket.statistics(lan)?, self.socket.statistics(wan)?]))
    }
}

impl Reading {
    /// The sum of both ports; 0 if there is no such counter.
    pub(crate) fn sum(&self, name: &str) -> u64 {
        self.0.iter().filter_map(|port| port.get(name)).sum()
    }

    /// What a counter of the LAN port grew by.
    pub(crate) fn lan_since(&self, before: &Reading, name: &str) -> u64 {
        let of = |reading: &Reading| reading.0[0].get(name).copied().unwrap_or_default();
        of(self) - of(before)
    }
}
