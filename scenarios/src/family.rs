//! Address families.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl Family {
    /// Bytes of the IP header without options or extension headers.
    pub const fn header_len(self) -> usize {
        match self {
            Family::Ipv4 => 20,
            Family::Ipv6 => 40,
        }
    }
}

/// The families that a policy covers and its traffic uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Families {
    /// IPv4 alone.
    Ipv4,
    /// IPv6 alone.
    Ipv6,
    /// Both at once: even flows are IPv4, odd flows IPv6.
    Both,
}

impl Families {
    /// Every name a user can give, in the order of help texts.
    pub const ALL: [Families; 3] = [Families::Ipv4, Families::Ipv6, Families::Both];

    /// The name in scenario files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Families::Ipv4 => "ipv4",
            Families::Ipv6 => "ipv6",
            Families::Both => "both",
        }
    }

    /// The families one by one.
    pub const fn each(self) -> &'static [Family] {
        match self {
            Families::Ipv4 => &[Family::Ipv4],
            Families::Ipv6 => &[Family::Ipv6],
            Families::Both => &[Family::Ipv4, Family::Ipv6],
        }
    }

    /// The family of flow number `flow`.
    pub const fn of_flow(self, flow: u32) -> Family {
        match self {
            Families::Ipv4 => Family::Ipv4,
            Families::Ipv6 => Family::Ipv6,
            Families::Both if flow.is_multiple_of(2) => Family::Ipv4,
            Families::Both => Family::Ipv6,
        }
    }

    /// The family of the nft table that covers them: `ip`, `ip6` or `inet`.
    pub const fn nft(self) -> &'static str {
        match self {
            Families::Ipv4 => "ip",
            Families::Ipv6 => "ip6",
            Families::Both => "inet",
        }
    }
}
