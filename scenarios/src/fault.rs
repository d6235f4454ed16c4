//! Faults of the reference NIC: each stands for a class of real driver bugs, so that a verdict can be seen to turn.

use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the reference NIC does wrong on purpose. Each takes a number; what it means is in [`Fault::about`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Refuses rules by what they match.
    RefuseMatch,
    /// Refuses rules once so many are in the table.
    RefuseAt,
    /// Refuses the rules of one ingress port.
    RefuseDirection,
    /// Takes rules late.
    InstallDelayMs,
    /// Hardware counters stand still.
    FreezeCounters,
    /// Hardware counters count each packet twice.
    DoubleCounters,
    /// Rule counters count L2 bytes.
    CountL2,
    /// Flows never age.
    NoAging,
    /// Rules stay when their block is unbound.
    LeakAtUnbind,
    /// TTL and hop limit stay as they are.
    ForgetTtl,
    /// A wrong checksum.
    WrongChecksum,
    /// A wrong port after address translation.
    WrongNatPort,
    /// A deleted rule goes on forwarding.
    StaleAfterDelete,
    /// Every so many-th hardware packet is lost.
    DropEvery,
    /// Every so many-th hardware packet is sent after its successor.
    ReorderEvery,
}

impl Fault {
    /// Every fault, in the order of help texts.
    pub const ALL: [Fault; 15] = [
        Fault::RefuseMatch,
        Fault::RefuseAt,
        Fault::RefuseDirection,
        Fault::InstallDelayMs,
        Fault::FreezeCounters,
        Fault::DoubleCounters,
        Fault::CountL2,
        Fault::NoAging,
        Fault::LeakAtUnbind,
        Fault::ForgetTtl,
        Fault::WrongChecksum,
        Fault::WrongNatPort,
        Fault::StaleAfterDelete,
        Fault::DropEvery,
        Fault::ReorderEvery,
    ];

    /// The name in scenario files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Fault::RefuseMatch => "refuse-match",
            Fault::RefuseAt => "refuse-at",
            Fault::RefuseDirection => "refuse-direction",
            Fault::InstallDelayMs => "install-delay-ms",
            Fault::FreezeCounters => "freeze-counters",
            Fault::DoubleCounters => "double-counters",
            Fault::CountL2 => "count-l2",
            Fault::NoAging => "no-aging",
            Fault::LeakAtUnbind => "leak-at-unbind",
            Fault::ForgetTtl => "forget-ttl",
            Fault::WrongChecksum => "wrong-checksum",
            Fault::WrongNatPort => "wrong-nat-port",
            Fault::StaleAfterDelete => "stale-after-delete",
            Fault::DropEvery => "drop-every",
            Fault::ReorderEvery => "reorder-every",
        }
    }

    /// What it does and what its number means.
    pub const fn about(self) -> &'static str {
        match self {
            Fault::RefuseMatch => "refuses rules by match; bits: 1 IPv6, 2 UDP, 4 TCP, 8 VLAN, 16 NAT",
            Fault::RefuseAt => "refuses rules once N are in the table",
            Fault::RefuseDirection => "refuses the rules of one ingress port: 1 the LAN's, 2 the WAN's",
            Fault::InstallDelayMs => "takes each rule N ms late",
            Fault::FreezeCounters => "hardware counters stand still",
            Fault::DoubleCounters => "hardware counters count each packet twice",
            Fault::CountL2 => "rule counters count L2 bytes where software counts L3",
            Fault::NoAging => "idle flows are always reported as just used",
            Fault::LeakAtUnbind => "rules stay, and forward, when their block is unbound",
            Fault::ForgetTtl => "TTL and hop limit are not decremented",
            Fault::WrongChecksum => "the transport checksum is wrong",
            Fault::WrongNatPort => "the translated port is off by one",
            Fault::StaleAfterDelete => "a deleted rule goes on forwarding",
            Fault::DropEvery => "every Nth packet is lost",
            Fault::ReorderEvery => "every Nth packet is sent after its successor",
        }
    }

    /// The numbers that switch it on and mean something.
    pub const fn range(self) -> RangeInclusive<u32> {
        match self {
            Fault::RefuseMatch => 1..=31,
            Fault::RefuseDirection => 1..=2,
            Fault::RefuseAt => 1..=1_000_000,
            // With every packet lost or waiting nothing is left to measure.
            Fault::DropEvery | Fault::ReorderEvery => 2..=1_000_000,
            // Longer, and nft itself would hang in the kernel.
            Fault::InstallDelayMs => 1..=10_000,
            _ => 1..=1,
        }
    }

    /// What is wrong with `number`, as a sentence.
    pub(crate) fn check(self, number: u32) -> Result<(), String> {
        let (least, most) = self.range().into_inner();
        if self.range().contains(&number) {
            return Ok(());
        }
        let takes = if least == most { format!("only {least}") } else { format!("{least} to {most}") };
        Err(format!(
            "fault {} = {number}: it takes {takes} ({}); leave it away to switch it off",
            self.name(),
            self.about()
        ))
    }

    /// The driver's module parameter.
    pub fn parameter(self) -> String {
        format!("fault_{}", self.name().replace('-', "_"))
    }

    /// The fault of a name.
    pub fn of_name(name: &str) -> Option<Fault> {
        Fault::ALL.into_iter().find(|fault| fault.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_serde_and_of_the_driver() {
        for fault in Fault::ALL {
            assert_eq!(serde_json::to_value(fault).unwrap(), fault.name());
            assert_eq!(Fault::of_name(fault.name()), Some(fault));
        }
        assert!(Fault::RefuseDirection.check(3).unwrap_err().contains("1 to 2"));
        assert!(Fault::ForgetTtl.check(0).unwrap_err().contains("only 1"));
        assert_eq!(Fault::InstallDelayMs.check(20), Ok(()));
        assert_eq!(Fault::WrongNatPort.parameter(), "fault_wrong_nat_port");
    }
}
