//! What a case runs on: the DUT's ports, its ruleset.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Fault;

/// What the DUT's LAN port carries. The WAN port is always plain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encapsulation {
    /// Plain frames.
    #[default]
    None,
    /// One 802.1Q tag, number 10.
    Vlan,
    /// An 802.1Q tag 10 inside an 802.1Q tag 20.
    DoubleVlan,
    /// An 802.1Q tag 10 inside an 802.1ad tag 20.
    Qinq,
    /// A PPPoE session, number 7.
    Pppoe,
    /// The port is in a bridge, and the bridge has the addresses.
    Bridge,
    /// The port is in a bridge with VLAN filtering, tagged 10; a VLAN of the bridge has the addresses.
    BridgeVlan,
    /// An IPIP (or IP6IP6) tunnel to the client, over the LAN.
    Tunnel,
    /// The port is the only one of a bond (active-backup), and the bond has the addresses.
    Bond,
}

impl Encapsulation {
    /// Every encapsulation, in the order of help texts.
    pub const ALL: [Encapsulation; 9] = [
        Encapsulation::None,
        Encapsulation::Vlan,
        Encapsulation::DoubleVlan,
        Encapsulation::Qinq,
        Encapsulation::Pppoe,
        Encapsulation::Bridge,
        Encapsulation::BridgeVlan,
        Encapsulation::Tunnel,
        Encapsulation::Bond,
    ];
}

/// Whose addresses the DUT changes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Translation {
    /// Nobody's.
    #[default]
    None,
    /// The client's, by `snat to` an address and a port range.
    Snat,
    /// The client's, by `masquerade`.
    Masquerade,
    /// The server's, by `dnat to` an address and a port.
    Dnat,
    /// Both at once: `dnat` at prerouting and `masquerade` at postrouting, back out of the port it came from.
    Hairpin,
}

impl Translation {
    /// Every translation, in the order of help texts.
    pub const ALL: [Translation; 5] =
        [Translation::None, Translation::Snat, Translation::Masquerade, Translation::Dnat, Translation::Hairpin];

    /// The word in the ids of instances.
    pub const fn name(self) -> &'static str {
        match self {
            Translation::None => "plain",
            Translation::Snat => "snat",
            Translation::Masquerade => "masquerade",
            Translation::Dnat => "dnat",
            Translation::Hairpin => "hairpin",
        }
    }
}

/// nft text beyond what forwards. In it `{lan}`, `{wan}` and `{flowtable}` stand for names, `{ip}` for `ip` or `ip6`. On the
/// reference, which has no flowtable, `flow add @{flowtable}` is left out of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// Objects and chains of the table, before its chains: quotas, helpers, sets.
    pub table: Vec<String>,
    /// Rules of the forward chain ahead of `flow add`.
    pub before: Vec<String>,
    /// Rules of the forward chain behind `flow add`, ahead of the verdict. On the reference they see every packet.
    pub after: Vec<String>,
    /// What a packet must match for `flow add`, in place of `meta l4proto { tcp, udp }`.
    pub offloaded: Option<String>,
    /// Whether the flowtable has no `counter`.
    pub uncounted: bool,
}

/// What a case runs on. Instances with the same one, the same translation and the same family share a ruleset.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Bed {
    /// What the LAN port carries.
    pub encapsulation: Encapsulation,
    /// MTU of the LAN link in bytes.
    pub lan_mtu: u32,
    /// MTU of the WAN link in bytes.
    pub wan_mtu: u32,
    /// Whether the LAN link carries packets that are still to be cut into segments, and leaves their checksums open, as between
    /// virtual machines and their host. On veth only.
    pub segmentation: bool,
    /// nft text of the case's own.
    pub rules: Rules,
    /// Parameters of the DUT's namespace: `net.netfilter.nf_flowtable_udp_timeout` to its value. See [`super::sysctls`].
    pub sysctls: BTreeMap<String, String>,
    /// What the reference NIC does wrong from the beginning, for a case that is about how the kernel bears it: faults with
    /// their numbers. On `flowtable-hw` only.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub faults: BTreeMap<Fault, u32>,
    /// Whether the case leaves the testbed unfit for others: it gets a ruleset, flowtable and conntrack table of its own.
    pub alone: bool,
}

impl Default for Bed {
    fn default() -> Self {
        Bed {
            encapsulation: Encapsulation::None,
            lan_mtu: 1500,
            wan_mtu: 1500,
            segmentation: false,
            rules: Rules::default(),
            sysctls: BTreeMap::new(),
            faults: BTreeMap::new(),
            alone: false,
        }
    }
}
