//! A packet, by what sets it apart from a plain one of its flow.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A tester.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Side {
    /// Opens the flows; at the LAN.
    Client,
    /// Answers; at the WAN.
    Server,
}

/// ECN codepoint (RFC 3168 section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ecn {
    /// 00
    #[default]
    NotEct,
    /// 01
    Ect1,
    /// 10
    Ect0,
    /// 11
    Ce,
}

/// A checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Sum {
    /// As it must be.
    #[default]
    Right,
    /// Off by one bit.
    Wrong,
    /// Zero; for UDP over IPv4 that means none.
    Zero,
}

/// An option of an IPv4 header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ipv4Option {
    /// Four no-operations.
    Nop,
    /// RFC 2113.
    RouterAlert,
    /// RFC 791, room for one address.
    RecordRoute,
    /// RFC 791, room for one timestamp.
    Timestamp,
}

/// An extension header of IPv6, 8 bytes each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ipv6Extension {
    /// Hop-by-hop options, padding only.
    HopByHop,
    /// Destination options, padding only.
    Destination,
    /// A fragment header of an atomic fragment (RFC 6946).
    AtomicFragment,
}

/// Packets of a flow. What is left out is plain: TTL 64, no options, right checksums, ACK and PSH set, sequence numbers that
/// follow each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PacketSpec {
    /// Which flow of the instance, from 0.
    pub flow: u16,
    /// Who sends it; by itself whoever sends in the instance's direction. `true` turns that around.
    pub reverse: bool,
    /// How many.
    pub count: u32,
    /// Bytes behind the transport header; of a pattern that differs from packet to packet.
    pub payload: u16,
    /// TTL or hop limit.
    pub hop_limit: u8,
    /// Differentiated services codepoint, 0 to 63.
    pub dscp: u8,
    /// ECN codepoint.
    pub ecn: Ecn,
    /// Flow label of IPv6.
    pub flow_label: u32,
    /// Identification of IPv4; counted up from it.
    pub ip_id: u16,
    /// Don't fragment.
    pub dont_fragment: bool,
    /// Options of the IPv4 header.
    pub options: Vec<Ipv4Option>,
    /// Extension headers of IPv6.
    pub extensions: Vec<Ipv6Extension>,
    /// Sent in fragments of so many bytes of IP payload each (a multiple of 8); not at all where 0.
    pub fragment: u16,
    /// Sent as one fragment only, which has the IP payload from this byte (a multiple of 8) to that one; it says that more
    /// follows unless that is the end. Several of them with the same `ip_id` make overlaps and holes.
    pub part: Option<(u16, u16)>,
    /// The checksum of the IPv4 header.
    pub ip_sum: Sum,
    /// The checksum of the transport header.
    pub sum: Sum,
    /// TCP flags as letters of `FSRPAUEC`; `PA` where left out.
    pub flags: Option<String>,
    /// Added to the sequence number that would follow.
    pub sequence: i64,
    /// Added to the acknowledgement number that would follow.
    pub acknowledgement: i64,
    /// The window of TCP.
    pub window: u16,
    /// Whether TCP carries the timestamp option (RFC 7323).
    pub timestamps: bool,
    /// Another IP protocol number in place of the flow's, its header left as it is.
    pub protocol: Option<u8>,
    /// Added to the length field of the IP header.
    pub length: i32,
    /// Bytes behind the IP packet (Ethernet padding).
    pub padding: u16,
    /// Bytes cut from the end of the frame.
    pub cut: u16,
    /// Bytes put over the finished frame: an offset from the IP header, and hexadecimal digits.
    pub patch: Vec<(u16, String)>,
    /// The destination MAC address is not the DUT's.
    pub foreign_mac: bool,
    /// Handed to the DUT whole, to be cut on its way out into segments with so many bytes of payload (GSO); not at all where 0.
    /// TCP only, and in a bed with `segmentation`.
    pub segment: u16,
}

impl Default for PacketSpec {
    fn default() -> Self {
        PacketSpec {
            flow: 0,
            reverse: false,
            count: 1,
            payload: 32,
            hop_limit: 64,
            dscp: 0,
            ecn: Ecn::NotEct,
            flow_label: 0,
            ip_id: 0,
            dont_fragment: true,
            options: Vec::new(),
            extensions: Vec::new(),
            fragment: 0,
            part: None,
            ip_sum: Sum::Right,
            sum: Sum::Right,
            flags: None,
            sequence: 0,
            acknowledgement: 0,
            window: 65535,
            timestamps: false,
            protocol: None,
            length: 0,
            padding: 0,
            cut: 0,
            patch: Vec::new(),
            foreign_mac: false,
            segment: 0,
        }
    }
}
