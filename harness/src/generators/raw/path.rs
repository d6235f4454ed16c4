//! What the DUT may do to a frame on its way. Anything else is damage.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use flowgauge_scenarios::{Family, dnat};

use super::endpoint::{Endpoint, Side, Translations};
use super::wire::Macs;

/// The way between the testers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Path {
    /// Routers on it: each takes one off TTL and hop limit. 0 on a direct link and where frames are passed on at L2.
    pub hops: u8,
    /// Whether frames arrive with the MAC addresses that they were sent with, as a netdev chain's `fwd` passes them
    /// on. Otherwise the last hop gives them its own and the receiver's.
    pub l2: bool,
    /// What becomes of addresses and ports.
    pub nat: Nat,
}

/// The translation of addresses, by policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nat {
    /// None: `route`, `stateful`.
    None,
    /// The server sees every flow come from the DUT's WAN address, from a port that the DUT chose and keeps.
    Masquerade {
        /// The WAN port's IPv4 address.
        ipv4: Ipv4Addr,
        /// The WAN port's IPv6 address.
        ipv6: Ipv6Addr,
    },
    /// The client sends to the virtual address of each server ([`dnat::virtual_of`]) and hears from it.
    Dnat,
}

impl Default for Path {
    /// One router, no translation.
    fn default() -> Self {
        Path { hops: 1, l2: false, nat: Nat::None }
    }
}

impl Path {
    /// A cable.
    pub const DIRECT: Path = Path { hops: 0, l2: false, nat: Nat::None };
    /// Frames passed on as they are, by something that the testers address as their gateway.
    pub const L2: Path = Path { hops: 0, l2: true, nat: Nat::None };

    /// One router with this translation.
    pub const fn routed(nat: Nat) -> Path {
        Path { hops: 1, l2: false, nat }
    }

    /// Where a frame of `side` comes from and goes to, as `side` writes it. `index` counts within the family.
    #[inline]
    pub fn sent(&self, side: Side, family: Family, index: u32, learned: Option<&Translations>) -> (Endpoint, Endpoint) {
        let source = Endpoint::of(side, family, index);
        let there = Endpoint::of(side.peer(), family, index);
        let destination = match (side, self.nat) {
            (Side::Client, Nat::Dnat) => virtual_of(family, &there),
            (Side::Client, _) => there,
            (Side::Server, _) => learned.and_then(|l| l.get(family, index)).unwrap_or(there),
        };
        (source, destination)
    }

    /// Where a frame of `side` comes from and goes to, as the other side must see it. Behind a masquerade the source
    /// port is 0: only the frames tell.
    #[inline]
    pub fn arrives(&self, side: Side, family: Family, index: u32) -> (Endpoint, Endpoint) {
        let (mut source, destination) = (Endpoint::of(side, family, index), Endpoint::of(side.peer(), family, index));
        match (side, self.nat, family) {
            (Side::Client, Nat::Masquerade { ipv4, .. }, Family::Ipv4) => source = Endpoint::new(&ipv4.octets(), 0),
            (Side::Client, Nat::Masquerade { ipv6, .. }, Family::Ipv6) => source = Endpoint::new(&ipv6.octets(), 0),
            (Side::Server, Nat::Dnat, _) => source = virtual_of(family, &source),
            _ => {}
        }
        (source, destination)
    }

    /// The MAC addresses of frames that arrive at `at` from `from`: `own` is their destination, `gateway` their source.
    pub fn macs(&self, at: Macs, from: Macs) -> Macs {
        if self.l2 { Macs { own: from.gateway, gateway: from.own } } else { at }
    }
}

fn virtual_of(family: Family, real: &Endpoint) -> Endpoint {
    let bytes = &real.address;
    let address: IpAddr = match family {
        Family::Ipv4 => Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into(),
        Family::Ipv6 => Ipv6Addr::from(*bytes).into(),
    };
    match dnat::virtual_of(address) {
        IpAddr::V4(ip) => Endpoint::new(&ip.octets(), real.port),
        IpAddr::V6(ip) => Endpoint::new(&ip.octets(), real.port),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_see_what_the_policy_says() {
        let (wan4, wan6) = (Ipv4Addr::new(198, 19, 0, 1), "2001:2:0:2::1".parse().unwrap());
        for family in [Family::Ipv4, Family::Ipv6] {
            let [client, server] = [Side::Client, Side::Server].map(|side| Endpoint::of(side, family, 70_000));
            let path = Path::default();
            assert_eq!(path.sent(Side::Client, family, 70_000, None), (client, server));
            assert_eq!(path.arrives(Side::Server, family, 70_000), (server, client));

            let path = Path::routed(Nat::Dnat);
            let (_, virtual_server) = path.sent(Side::Client, family, 70_000, None);
            assert_ne!(virtual_server.address, server.address);
            assert_eq!(path.arrives(Side::Client, family, 70_000), (client, server));
            assert_eq!(path.sent(Side::Server, family, 70_000, None), (server, client));
            assert_eq!(path.arrives(Side::Server, family, 70_000), (virtual_server, client));

            let path = Path::routed(Nat::Masquerade { ipv4: wan4, ipv6: wan6 });
            let (source, destination) = path.arrives(Side::Client, family, 70_000);
            assert_eq!((source.port, destination), (0, server));
            assert_eq!(source.address[..4] == wan4.octets(), family == Family::Ipv4);
            assert_eq!(path.arrives(Side::Server, family, 70_000), (server, client));
        }
    }
}
