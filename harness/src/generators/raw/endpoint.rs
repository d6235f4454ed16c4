//! Addresses and ports of the flows, and what the DUT translated them to.
//!
//! Within a family, flows are numbered from 0. Each block of [`PORTS_PER_SERVER`] shares one server address and has
//! source ports of its own. So 5-tuples are unique, and stay so when the DUT hides all clients behind one address:
//! towards one server no source port is needed twice.

use flowgauge_scenarios::{Direction, Families, Family};

/// First address of the client's IPv4 pool, 198.18.128.0/17.
pub const CLIENT_POOL_V4: [u8; 4] = [198, 18, 128, 0];
/// First address of the server's IPv4 pool, 198.19.128.0/17.
pub const SERVER_POOL_V4: [u8; 4] = [198, 19, 128, 0];
/// First address of the client's IPv6 pool, 2001:2:0:1001::/64.
pub const CLIENT_POOL_V6: [u8; 16] = [0x20, 1, 0, 2, 0, 0, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0];
/// First address of the server's IPv6 pool, 2001:2:0:1002::/64.
pub const SERVER_POOL_V6: [u8; 16] = [0x20, 1, 0, 2, 0, 0, 0x10, 2, 0, 0, 0, 0, 0, 0, 0, 0];
/// Flows of one family that share a server address.
pub const PORTS_PER_SERVER: u32 = 50_000;
/// The first source port.
pub const FIRST_PORT: u16 = 10_000;
/// The port that every server address is sent to; no conntrack helper listens for it.
pub const SERVER_PORT: u16 = 20_000;
/// Client addresses that the flows are spread over.
const CLIENTS: u32 = 1000;

/// Which tester.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The tester that opens the flows.
    Client,
    /// The tester that answers.
    Server,
}

impl Side {
    /// The other tester.
    pub const fn peer(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }

    /// The direction of what this side sends.
    pub const fn direction(self) -> Direction {
        match self {
            Side::Client => Direction::Upstream,
            Side::Server => Direction::Downstream,
        }
    }
}

/// An address with a port. An IPv4 address fills the first 4 bytes, the rest is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The address in network order.
    pub address: [u8; 16],
    /// The port.
    pub port: u16,
}

/// The number of `flow` among the flows of its family.
#[inline]
pub const fn index_in_family(families: Families, flow: u32) -> u32 {
    match families {
        Families::Both => flow / 2,
        _ => flow,
    }
}

impl Endpoint {
    /// The endpoint of a flow as its tester knows it; `index` is its number within the family.
    #[inline]
    pub fn of(side: Side, family: Family, index: u32) -> Endpoint {
        let (offset, port) = match side {
            Side::Client => (1 + index % CLIENTS, FIRST_PORT + (index % PORTS_PER_SERVER) as u16),
            Side::Server => (1 + index / PORTS_PER_SERVER, SERVER_PORT),
        };
        let mut address = [0; 16];
        let last = match family {
            Family::Ipv4 => {
                address[..4].copy_from_slice(if side == Side::Client { &CLIENT_POOL_V4 } else { &SERVER_POOL_V4 });
                2
            }
            Family::Ipv6 => {
                address = if side == Side::Client { CLIENT_POOL_V6 } else { SERVER_POOL_V6 };
                14
            }
        };
        // Both pools have at least 15 host bits and offsets stay below 1001: an OR never carries.
        address[last] |= (offset >> 8) as u8;
        address[last + 1] |= offset as u8;
        Endpoint { address, port }
    }

    /// The endpoint with this address in network order (4 or 16 bytes).
    #[inline]
    pub fn new(address: &[u8], port: u16) -> Endpoint {
        let mut bytes = [0; 16];
        bytes[..address.len()].copy_from_slice(address);
        Endpoint { address: bytes, port }
    }

    /// Whether `address` (4 or 16 bytes) lies in the pool of `side`.
    pub fn in_pool(side: Side, address: &[u8]) -> bool {
        match (address.len(), side) {
            (4, Side::Client) => address[..2] == CLIENT_POOL_V4[..2] && address[2] >= 128,
            (4, Side::Server) => address[..2] == SERVER_POOL_V4[..2] && address[2] >= 128,
            (16, Side::Client) => address[..8] == CLIENT_POOL_V6[..8],
            (16, Side::Server) => address[..8] == SERVER_POOL_V6[..8],
            _ => false,
        }
    }
}

/// Where the server sees each flow come from: 6 bytes for an IPv4 flow, 18 for an IPv6 flow.
#[derive(Debug, Default)]
pub struct Translations {
    ipv4: Vec<[u8; 6]>,
    ipv6: Vec<[u8; 18]>,
}

impl Translations {
    /// Room for `flows` flows of `families`; every one still unknown.
    pub fn new(families: Families, flows: u32) -> Self {
        let (v4, v6) = match families {
            Families::Ipv4 => (flows, 0),
            Families::Ipv6 => (0, flows),
            Families::Both => (flows - flows / 2, flows / 2),
        };
        Translations { ipv4: vec![[0; 6]; v4 as usize], ipv6: vec![[0; 18]; v6 as usize] }
    }

    /// Remembers where a flow comes from. Indices beyond the table are ignored.
    pub fn learn(&mut self, family: Family, index: u32, seen: &Endpoint) {
        let port = seen.port.to_be_bytes();
        match family {
            Family::Ipv4 => {
                if let Some(slot) = self.ipv4.get_mut(index as usize) {
                    slot[..4].copy_from_slice(&seen.address[..4]);
                    slot[4..].copy_from_slice(&port);
                }
            }
            Family::Ipv6 => {
                if let Some(slot) = self.ipv6.get_mut(index as usize) {
                    slot[..16].copy_from_slice(&seen.address);
                    slot[16..].copy_from_slice(&port);
                }
            }
        }
    }

    /// Where a flow comes from, or none while nothing was learned.
    #[inline]
    pub fn get(&self, family: Family, index: u32) -> Option<Endpoint> {
        let (address, port) = match family {
            Family::Ipv4 => self.ipv4.get(index as usize)?.split_at(4),
            Family::Ipv6 => self.ipv6.get(index as usize)?.split_at(16),
        };
        let port = u16::from_be_bytes([port[0], port[1]]);
        (port != 0).then(|| Endpoint::new(address, port))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_million_flows_are_unique_even_behind_one_address() {
        for family in [Family::Ipv4, Family::Ipv6] {
            let mut seen = HashSet::new();
            for index in 0..flowgauge_scenarios::traffic::MAX_FLOWS {
                let (client, server) =
                    (Endpoint::of(Side::Client, family, index), Endpoint::of(Side::Server, family, index));
                assert!(seen.insert((client.port, server.address, server.port)), "{index}");
            }
        }
    }

    #[test]
    fn endpoints_lie_in_their_pools() {
        for index in [0, 255, 256, 49_999, 50_000, 999_999] {
            for (family, len) in [(Family::Ipv4, 4), (Family::Ipv6, 16)] {
                for side in [Side::Client, Side::Server] {
                    let endpoint = Endpoint::of(side, family, index);
                    assert!(Endpoint::in_pool(side, &endpoint.address[..len]));
                    assert!(!Endpoint::in_pool(side.peer(), &endpoint.address[..len]));
                }
            }
        }
    }

    #[test]
    fn translations_are_learned_per_flow() {
        let mut table = Translations::new(Families::Both, 5);
        let seen = Endpoint::new(&[198, 19, 0, 1], 1024);
        table.learn(Family::Ipv4, 2, &seen);
        table.learn(Family::Ipv6, 2, &seen);
        assert_eq!(table.get(Family::Ipv4, 2), Some(seen));
        assert_eq!(table.get(Family::Ipv4, 1), None);
        assert_eq!(table.get(Family::Ipv6, 2), None);
    }
}
