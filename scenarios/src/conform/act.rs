//! What is done to the DUT while flows are there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// An act of an administrator, or of the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Act {
    /// `conntrack -D` of the instance's flow.
    ConntrackDelete,
    /// `conntrack -F`.
    ConntrackFlush,
    /// The flowtable is deleted, and the rule that adds to it.
    FlowtableDelete,
    /// The table's rules are flushed, and the flowtable stays.
    TableFlush,
    /// The table is deleted whole.
    TableDelete,
    /// The same ruleset once more, in one transaction with the deletion of the old one.
    Reload,
    /// The WAN port is set down and up again, and furnished as it was.
    LinkFlap,
    /// The WAN port is set down.
    LinkDown,
    /// The WAN port is deleted (of a NIC: leaves for another namespace).
    PortDelete,
    /// The route to the server's pool becomes unreachable.
    RouteUnreachable,
    /// The route to the server's pool goes out of the LAN port.
    RouteAway,
    /// The neighbour of the WAN has another MAC address.
    NeighbourMoves,
    /// The neighbour of the WAN is gone and none answers.
    NeighbourFails,
    /// The MTU of the WAN port becomes so many bytes.
    WanMtu(u32),
    /// The WAN port's address is removed.
    AddressRemove,
    /// A parameter of the DUT's namespace: name and value.
    Sysctl(String, String),
    /// `nft -f -` with this text. In it `{lan}`, `{wan}` and `{flowtable}` stand for names as in [`super::Rules`], `{lan_port}` for the
    /// port below what the LAN port carries, `{table}` for the ruleset's table with its family, `{offload}` for `flags offload;`
    /// where the flowtable has it. Counters of a `table netdev flowgauge` are read, too.
    Nft(String),
    /// The DUT is the end of an IPsec tunnel from the client's address on the LAN: ESP without encryption (RFC 2410) and without
    /// integrity, SPI 1. What comes out of it may be forwarded. IPv4 only.
    IpsecTunnel,
    /// A bridge forgets where the client is and learns it elsewhere.
    BridgeMoves,
    /// `ethtool -K PORT hw-tc-offload off` on both ports.
    OffloadOff,
}
