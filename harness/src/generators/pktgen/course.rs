//! What pktgen is to hand over, and where.

use std::net::IpAddr;

use flowgauge_scenarios::traffic::FCS_LEN;
use flowgauge_scenarios::{Direction, Policy, Traffic, dnat};
use flowgauge_topologies::{CLIENT_LINK, SERVER_LINK, Testbed};

/// The client's port of the first flow; each flow has one of its own, counted up.
pub const FIRST_PORT: u16 = 10_000;
/// The server's port of every flow.
pub const SERVER_PORT: u16 = 9_000;

/// Where frames are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Entry {
    /// To the receive path of the port, as if its driver had received them.
    Receive,
    /// To the transmit function of the port.
    Transmit,
}

/// Frames of one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Course {
    /// The port.
    pub port: String,
    /// How it takes them.
    pub entry: Entry,
    /// Of the frames.
    pub source_mac: [u8; 6],
    /// Of the frames.
    pub destination_mac: [u8; 6],
    /// Of the frames.
    pub source: IpAddr,
    /// Of the frames.
    pub destination: IpAddr,
    /// First source port, and how many there are.
    pub source_ports: (u16, u16),
    /// First destination port, and how many there are.
    pub destination_ports: (u16, u16),
    /// Size of a frame in bytes, with FCS.
    pub frame: u16,
}

impl Course {
    /// The frames of `direction` (upstream or downstream), such that those of both directions belong to the same flows:
    /// the client is one host with a port for each flow, the server has one port.
    pub fn new(bed: &Testbed, traffic: &Traffic, policy: Policy, direction: Direction, entry: Entry) -> Course {
        let ipv6 = traffic.families.each().iter().any(|family| family.header_len() == 40);
        let first = |v4: std::net::Ipv4Addr, v6: std::net::Ipv6Addr| match ipv6 {
            true => IpAddr::from(std::net::Ipv6Addr::from_bits(v6.to_bits() + 1)),
            false => IpAddr::from(std::net::Ipv4Addr::from_bits(v4.to_bits() + 1)),
        };
        let client = first(CLIENT_LINK.pool_ipv4.address, CLIENT_LINK.pool_ipv6.address);
        let server = first(SERVER_LINK.pool_ipv4.address, SERVER_LINK.pool_ipv6.address);
        let flows = u16::try_from(traffic.flows).unwrap_or(u16::MAX);
        let (many, one) = ((FIRST_PORT, flows), (SERVER_PORT, 1));
        let frame = traffic.max_size();
        let port = |dut: &flowgauge_topologies::Port, host: &flowgauge_topologies::Port| match entry {
            Entry::Receive => dut.name.clone(),
            Entry::Transmit => host.name.clone(),
        };
        match direction {
            Direction::Downstream => Course {
                port: port(&bed.dut.wan, &bed.server.port),
                entry,
                source_mac: bed.server.port.mac,
                destination_mac: bed.dut.wan.mac,
                source: server,
                // A single client keeps its ports where the DUT hides it.
                destination: match (policy, ipv6) {
                    (Policy::Masquerade, false) => bed.dut.wan.ipv4.into(),
                    (Policy::Masquerade, true) => bed.dut.wan.ipv6.into(),
                    _ => client,
                },
                source_ports: one,
                destination_ports: many,
                frame,
            },
            _ => Course {
                port: port(&bed.dut.lan, &bed.client.port),
                entry,
                source_mac: bed.client.port.mac,
                destination_mac: bed.dut.lan.mac,
                source: client,
                destination: if policy == Policy::Dnat { dnat::virtual_of(server) } else { server },
                source_ports: many,
                destination_ports: one,
                frame,
            },
        }
    }

    /// What pktgen is told, a word a write.
    pub(super) fn words(&self, packets: u64) -> Vec<String> {
        let mac = |m: [u8; 6]| m.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":");
        let mut words = vec![
            format!("count {packets}"),
            "clone_skb 0".to_owned(),
            "delay 0".to_owned(),
            format!("pkt_size {}", usize::from(self.frame) - FCS_LEN),
            format!("src_mac {}", mac(self.source_mac)),
            format!("dst_mac {}", mac(self.destination_mac)),
            // Real checksums: a translation has to mend them.
            "flag UDPCSUM".to_owned(),
        ];
        match self.entry {
            Entry::Receive => words.push("xmit_mode netif_receive".to_owned()),
            Entry::Transmit => words.push("xmit_mode start_xmit".to_owned()),
        }
        match (self.source, self.destination) {
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                words.extend([format!("src6 {source}"), format!("dst6 {destination}")]);
            }
            (source, destination) => words.extend([
                format!("src_min {source}"),
                format!("src_max {source}"),
                format!("dst_min {destination}"),
                format!("dst_max {destination}"),
            ]),
        }
        for (name, (first, many)) in [("udp_src", self.source_ports), ("udp_dst", self.destination_ports)] {
            // The upper end is excluded, and ends that are equal mean one port.
            let end = if many > 1 { first.saturating_add(many) } else { first };
            words.extend([format!("{name}_min {first}"), format!("{name}_max {end}")]);
        }
        words
    }
}
