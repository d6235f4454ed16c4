//! Observations: what each witness read at one moment, raw, so that any verdict can be recomputed.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a witness said, or why it could not.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reading<T> {
    /// It was read.
    Seen(T),
    /// It could not be read. A proof that needs it is `unproven`.
    Missing {
        /// What was tried and what came back.
        why: String,
    },
    /// It does not exist here, by design (no rules on `forward`).
    #[default]
    Absent,
}

impl<T> Reading<T> {
    /// The value, where it was read.
    pub fn seen(&self) -> Option<&T> {
        match self {
            Reading::Seen(value) => Some(value),
            _ => None,
        }
    }
}

/// Packets and bytes. Packets are skbs, bytes as the witness counts them (nft, conntrack: L3; ports: L2 without FCS).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Count {
    /// Packets (skbs).
    pub packets: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Counters of one port (`struct rtnl_link_stats64`). Bytes are L2 without FCS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PortCounters {
    /// Received packets.
    pub rx_packets: u64,
    /// Received bytes.
    pub rx_bytes: u64,
    /// Received and dropped.
    pub rx_dropped: u64,
    /// Received with errors.
    pub rx_errors: u64,
    /// Transmitted packets.
    pub tx_packets: u64,
    /// Transmitted bytes.
    pub tx_bytes: u64,
    /// Dropped instead of transmitted.
    pub tx_dropped: u64,
    /// Errors of transmission.
    pub tx_errors: u64,
}

/// The counters of every port, by role.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ports {
    /// The client's port.
    pub client: PortCounters,
    /// The DUT's port towards the client.
    pub lan: PortCounters,
    /// The DUT's port towards the server.
    pub wan: PortCounters,
    /// The server's port.
    pub server: PortCounters,
}

/// The nft counters at the top of the forward chain: packets on the classic path, by direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RuleCounters {
    /// LAN to WAN.
    pub upstream: Count,
    /// WAN to LAN.
    pub downstream: Count,
}

/// IP forwarding counters of the DUT's namespace. The fast path does not increment them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IpForwarding {
    /// `Ip: ForwDatagrams` of /proc/net/snmp.
    pub ipv4: u64,
    /// `Ip6OutForwDatagrams` of /proc/net/snmp6.
    pub ipv6: u64,
}

/// The DUT's conntrack table, TCP and UDP entries summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Conntrack {
    /// All entries.
    pub entries: u64,
    /// Entries with both directions seen (`IPS_SEEN_REPLY`, status bit 1).
    pub seen_reply: u64,
    /// Entries with `IPS_ASSURED` (status bit 2).
    pub assured: u64,
    /// Entries with `IPS_OFFLOAD` (status bit 14).
    pub offload: u64,
    /// Entries with `IPS_HW_OFFLOAD` (status bit 15).
    pub hw_offload: u64,
    /// Accounting of the original direction. Zero with `nf_conntrack_acct` off.
    pub original: Count,
    /// Accounting of the reply direction.
    pub reply: Count,
}

/// What the path witnesses read at one moment, traffic standing still.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Observation {
    /// Port counters.
    pub ports: Reading<Ports>,
    /// nft rule counters; absent on `forward`.
    pub rules: Reading<RuleCounters>,
    /// IP forwarding counters.
    pub ip_forwarding: Reading<IpForwarding>,
    /// Conntrack table.
    pub conntrack: Reading<Conntrack>,
    /// What the CPU saw at the ingress of the DUT's ports, by the netdev chains that count it; absent on veth.
    #[serde(default)]
    pub cpu_ports: Reading<CpuPorts>,
    /// What the driver says that the CPU saw and sent (`IFLA_OFFLOAD_XSTATS_CPU_HIT` of RTM_GETSTATS); absent on veth.
    #[serde(default)]
    pub cpu_hit: Reading<CpuHit>,
    /// The counters of the rules of netdev chains; absent on every other datapath.
    #[serde(default)]
    pub netdev_rules: Reading<RuleCounters>,
    /// The private statistics of the driver, as `ethtool -S` prints them; absent on veth.
    #[serde(default)]
    pub driver: Reading<DriverStatistics>,
    /// The standard statistics of the ports (ETHTOOL_MSG_STATS_GET); absent on veth.
    #[serde(default)]
    pub standard: Reading<StandardStatistics>,
    /// Which offload flags the kernel holds, read back in nft's native text; absent on veth.
    #[serde(default)]
    pub flags: Reading<OffloadFlags>,
}

/// Packets that the CPU saw at the ingress of the DUT's ports. Bytes are L3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CpuPorts {
    /// At the port towards the client: packets of upstream.
    pub lan: Count,
    /// At the port towards the server: packets of downstream.
    pub wan: Count,
}

/// What the driver says that the CPU saw (rx) and sent (tx) on the DUT's ports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CpuHit {
    /// The port towards the client.
    pub lan: PortCounters,
    /// The port towards the server.
    pub wan: PortCounters,
    /// Whether the hardware says that it counts for the stack (`IFLA_OFFLOAD_XSTATS_HW_S_INFO`); none where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hardware_statistics: Option<bool>,
}

/// The private statistics of one port: the driver's names with their values.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriverPort {
    /// The driver's name.
    pub driver: String,
    /// Name and value, as the driver gives them.
    pub counters: BTreeMap<String, u64>,
}

/// The private statistics of the DUT's ports.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DriverStatistics {
    /// The port towards the client.
    pub lan: DriverPort,
    /// The port towards the server.
    pub wan: DriverPort,
}

/// The standard statistics of the DUT's ports, by `group.name` (`eth-mac.FramesTransmittedOK`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StandardStatistics {
    /// The port towards the client.
    pub lan: BTreeMap<String, u64>,
    /// The port towards the server.
    pub wan: BTreeMap<String, u64>,
}

/// The offload flags of a ruleset that is in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OffloadFlags {
    /// Whether the flowtable has `flags offload`; none without a flowtable.
    pub flowtable: Option<bool>,
    /// The devices of the flowtable.
    pub devices: Vec<String>,
    /// The netdev chains that forward, each with whether it has `flags offload`.
    pub chains: BTreeMap<String, bool>,
}

/// Times of one CPU since boot, in nanoseconds (from /proc/stat, whose resolution is one clock tick).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CpuTimes {
    /// User mode, niced included.
    pub user_ns: u64,
    /// System mode.
    pub system_ns: u64,
    /// Idle, waiting for I/O included.
    pub idle_ns: u64,
    /// Hard interrupts.
    pub irq_ns: u64,
    /// Soft interrupts: where packets are received and forwarded.
    pub softirq_ns: u64,
    /// Stolen by the hypervisor.
    pub steal_ns: u64,
}

/// One line of /proc/net/softnet_stat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Softnet {
    /// Packets processed.
    pub processed: u64,
    /// Packets dropped because the backlog was full.
    pub dropped: u64,
    /// Times the budget ran out.
    pub time_squeeze: u64,
}

/// What the CPU witnesses read at one moment, as close to the traffic as can be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CpuObservation {
    /// When, in nanoseconds of CLOCK_MONOTONIC.
    pub taken_ns: u64,
    /// Times per CPU.
    pub cpus: Vec<CpuTimes>,
    /// Soft interrupts by kind (`NET_RX`, ...), per CPU.
    pub softirqs: BTreeMap<String, Vec<u64>>,
    /// softnet_stat, per CPU.
    pub softnet: Vec<Softnet>,
}
