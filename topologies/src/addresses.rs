//! The addresses of the `router` topology.
//!
//! IPv4 is the benchmarking range of RFC 2544 appendix C.2.2 (198.18.0.0/15), IPv6 the one of RFC 5180 section 8
//! (2001:2::/48): neither is routed anywhere, so a leak could do no harm. Each link has a small network for the ports
//! themselves and a large pool behind the tester, whose addresses exist only in the frames of a generator.
//!
//! ```text
//!  client                      dut                        server
//!  client0 .2 ---- 198.18.0.0/24 ---- .1 lan0
//!  pool 198.18.128.0/17               .1 wan0 ---- 198.19.0.0/24 ---- .2 server0
//!                                                             pool 198.19.128.0/17
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An IP network: an address and the length of its prefix in bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network<A> {
    /// The first address of the network.
    pub address: A,
    /// Length of the prefix in bits.
    pub prefix_len: u8,
}

/// What one link between a tester and the DUT is called, and its addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkPlan {
    /// Name of the tester's end.
    pub tester_port: &'static str,
    /// Name of the DUT's end.
    pub dut_port: &'static str,
    /// Interface index of the tester's end.
    pub tester_index: u32,
    /// Interface index of the DUT's end.
    pub dut_index: u32,
    /// MAC address of the tester's end.
    pub tester_mac: [u8; 6],
    /// MAC address of the DUT's end.
    pub dut_mac: [u8; 6],
    /// IPv4 addresses of tester and DUT, in a /24.
    pub ipv4: Ends<Ipv4Addr>,
    /// IPv6 addresses of tester and DUT, in a /64.
    pub ipv6: Ends<Ipv6Addr>,
    /// IPv4 pool behind the tester: routed by the DUT, held by no stack.
    pub pool_ipv4: Network<Ipv4Addr>,
    /// IPv6 pool behind the tester: routed by the DUT, held by no stack.
    pub pool_ipv6: Network<Ipv6Addr>,
}

/// The two ends of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends<A> {
    /// The tester's address.
    pub tester: A,
    /// The DUT's address, the tester's gateway.
    pub dut: A,
}

/// Prefix length of the IPv4 link networks, in bits.
pub const LINK_PREFIX_IPV4: u8 = 24;
/// Prefix length of the IPv6 link networks, in bits.
pub const LINK_PREFIX_IPV6: u8 = 64;

/// The link between client and DUT. MAC addresses are locally administered; byte 4 is the link, byte 5 the host.
pub const CLIENT_LINK: LinkPlan = LinkPlan {
    tester_port: "client0",
    dut_port: "lan0",
    tester_index: 12,
    dut_index: 11,
    tester_mac: [0x02, 0x66, 0x67, 0x00, 0x01, 0x02],
    dut_mac: [0x02, 0x66, 0x67, 0x00, 0x01, 0x01],
    ipv4: Ends { tester: Ipv4Addr::new(198, 18, 0, 2), dut: Ipv4Addr::new(198, 18, 0, 1) },
    ipv6: Ends { tester: Ipv6Addr::new(0x2001, 2, 0, 1, 0, 0, 0, 2), dut: Ipv6Addr::new(0x2001, 2, 0, 1, 0, 0, 0, 1) },
    pool_ipv4: Network { address: Ipv4Addr::new(198, 18, 128, 0), prefix_len: 17 },
    pool_ipv6: Network { address: Ipv6Addr::new(0x2001, 2, 0, 0x1001, 0, 0, 0, 0), prefix_len: 64 },
};

/// The link between DUT and server.
pub const SERVER_LINK: LinkPlan = LinkPlan {
    tester_port: "server0",
    dut_port: "wan0",
    tester_index: 22,
    dut_index: 21,
    tester_mac: [0x02, 0x66, 0x67, 0x00, 0x02, 0x02],
    dut_mac: [0x02, 0x66, 0x67, 0x00, 0x02, 0x01],
    ipv4: Ends { tester: Ipv4Addr::new(198, 19, 0, 2), dut: Ipv4Addr::new(198, 19, 0, 1) },
    ipv6: Ends { tester: Ipv6Addr::new(0x2001, 2, 0, 2, 0, 0, 0, 2), dut: Ipv6Addr::new(0x2001, 2, 0, 2, 0, 0, 0, 1) },
    pool_ipv4: Network { address: Ipv4Addr::new(198, 19, 128, 0), prefix_len: 17 },
    pool_ipv6: Network { address: Ipv6Addr::new(0x2001, 2, 0, 0x1002, 0, 0, 0, 0), prefix_len: 64 },
};

impl<A: Copy + Into<IpAddr>> Network<A> {
    /// Whether `address` lies in the network. Addresses of the other family never do.
    pub fn contains(&self, address: IpAddr) -> bool {
        let shift = |bits: u32| bits - u32::from(self.prefix_len).min(bits);
        match (self.address.into(), address) {
            (IpAddr::V4(net), IpAddr::V4(addr)) => {
                let differing = net.to_bits() ^ addr.to_bits();
                differing.checked_shr(shift(32)).unwrap_or(0) == 0
            }
            (IpAddr::V6(net), IpAddr::V6(addr)) => {
                let differing = net.to_bits() ^ addr.to_bits();
                differing.checked_shr(shift(128)).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_benchmarking_addresses_and_hold_no_port() {
        let ipv4 = Network { address: Ipv4Addr::new(198, 18, 0, 0), prefix_len: 15 };
        let ipv6 = Network { address: Ipv6Addr::new(0x2001, 2, 0, 0, 0, 0, 0, 0), prefix_len: 48 };
        for link in [CLIENT_LINK, SERVER_LINK] {
            for other in [CLIENT_LINK, SERVER_LINK] {
                for port in [other.ipv4.tester, other.ipv4.dut] {
                    assert!(!link.pool_ipv4.contains(port.into()) && ipv4.contains(port.into()));
                }
                for port in [other.ipv6.tester, other.ipv6.dut] {
                    assert!(!link.pool_ipv6.contains(port.into()) && ipv6.contains(port.into()));
                }
            }
            assert!(ipv4.contains(link.pool_ipv4.address.into()) && ipv6.contains(link.pool_ipv6.address.into()));
            for mac in [link.tester_mac, link.dut_mac] {
                assert_eq!(mac[0] & 0b11, 0b10, "unicast and locally administered");
            }
        }
    }

    #[test]
    fn a_network_ends_where_its_prefix_says() {
        let net = CLIENT_LINK.pool_ipv4;
        assert!(net.contains(Ipv4Addr::new(198, 18, 255, 255).into()));
        assert!(!net.contains(Ipv4Addr::new(198, 18, 127, 255).into()));
        assert!(!net.contains(Ipv4Addr::new(198, 19, 128, 0).into()));
        assert!(Network { address: Ipv4Addr::UNSPECIFIED, prefix_len: 0 }.contains(Ipv4Addr::BROADCAST.into()));
    }
}
