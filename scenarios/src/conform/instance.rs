//! A case on one combination of what it applies to, and the addresses of its flows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Translation;
use crate::{Datapath, Direction, Family, Protocol, dnat};

/// A case on one family, protocol, translation and direction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// `CASE/ipv4-udp-masquerade-up`: unique in a plan.
    pub id: String,
    /// Index of the case in the plan.
    pub case: usize,
    /// Address family.
    pub family: Family,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Address translation.
    pub translation: Translation,
    /// Who sends the packets that matter.
    pub direction: Direction,
    /// Datapaths under test. A station of it may have more, for others; there this one runs on the reference and on these.
    pub datapaths: Vec<Datapath>,
    /// The number of its first flow in its station: flows of instances on one ruleset never meet.
    pub first_flow: u32,
}

/// Both ends of a flow as the client sees them: with DNAT the server's is the virtual one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// The client.
    pub client: SocketAddr,
    /// What the client sends to.
    pub server: SocketAddr,
    /// The client as the server sees it.
    pub client_seen: SocketAddr,
    /// The server as it calls itself. With `hairpin` it is at the LAN, too.
    pub server_real: SocketAddr,
}

/// First source port of the clients.
pub(super) const FIRST_PORT: u16 = 10_000;
/// How many source ports are used, from [`FIRST_PORT`] on.
pub(super) const PORTS: u32 = 50_000;
/// Port of the servers; no conntrack helper listens for it.
pub const SERVER_PORT: u16 = 20_000;
/// Port that is sent to where the destination is translated.
pub const VIRTUAL_PORT: u16 = 8080;
/// Client addresses that flows are spread over, so that limits of ICMP per destination are not met.
const CLIENTS: u32 = 1000;
/// The server of hairpin flows, as a number in the client's pool, beyond [`CLIENTS`].
const HAIRPIN_HOST: u32 = 0x2001;

/// The first address of each pool, and the DUT's own, as topologies/src/addresses.rs has them.
struct Plan {
    client_pool: IpAddr,
    server_pool: IpAddr,
    lan: IpAddr,
    wan: IpAddr,
    snat: IpAddr,
    wrong: IpAddr,
}

const IPV4: Plan = Plan {
    client_pool: IpAddr::V4(Ipv4Addr::new(198, 18, 128, 0)),
    server_pool: IpAddr::V4(dnat::REAL_IPV4),
    lan: IpAddr::V4(Ipv4Addr::new(198, 18, 0, 1)),
    wan: IpAddr::V4(Ipv4Addr::new(198, 19, 0, 1)),
    snat: IpAddr::V4(Ipv4Addr::new(198, 19, 0, 77)),
    wrong: IpAddr::V4(Ipv4Addr::new(198, 19, 0, 78)),
};
const IPV6: Plan = Plan {
    client_pool: IpAddr::V6(Ipv6Addr::new(0x2001, 2, 0, 0x1001, 0, 0, 0, 0)),
    server_pool: IpAddr::V6(dnat::REAL_IPV6),
    lan: IpAddr::V6(Ipv6Addr::new(0x2001, 2, 0, 1, 0, 0, 0, 1)),
    wan: IpAddr::V6(Ipv6Addr::new(0x2001, 2, 0, 2, 0, 0, 0, 1)),
    snat: IpAddr::V6(Ipv6Addr::new(0x2001, 2, 0, 2, 0, 0, 0, 0x77)),
    wrong: IpAddr::V6(Ipv6Addr::new(0x2001, 2, 0, 2, 0, 0, 0, 0x78)),
};

const fn plan(family: Family) -> &'static Plan {
    match family {
        Family::Ipv4 => &IPV4,
        Family::Ipv6 => &IPV6,
    }
}

/// The address `host` places behind the first of a pool. Pools have at least 15 host bits.
fn host_of(pool: IpAddr, host: u32) -> IpAddr {
    match pool {
        IpAddr::V4(first) => Ipv4Addr::from_bits(first.to_bits() + host).into(),
        IpAddr::V6(first) => Ipv6Addr::from_bits(first.to_bits() + u128::from(host)).into(),
    }
}

/// The address that `snat` gives to clients, or the wrong one of a mutant.
pub(super) fn snat_address(family: Family, wrong: bool) -> IpAddr {
    if wrong { plan(family).wrong } else { plan(family).snat }
}

/// The address that clients send to where destinations are translated.
pub(super) fn virtual_address(family: Family) -> IpAddr {
    dnat::virtual_of(host_of(plan(family).server_pool, 1))
}

/// Where [`virtual_address`] leads.
pub(super) fn real_address(family: Family, translation: Translation) -> IpAddr {
    match translation {
        Translation::Hairpin => host_of(plan(family).client_pool, HAIRPIN_HOST),
        _ => host_of(plan(family).server_pool, 1),
    }
}

impl Flow {
    /// Flow `number` of a station. Within a station no two flows share a source port, so none needs another port when the DUT
    /// hides all clients behind one address.
    pub fn of(family: Family, translation: Translation, number: u32) -> Flow {
        let plan = plan(family);
        // `number % PORTS` is below 50000, and 10000 more is below 65536.
        let port = FIRST_PORT + (number % PORTS) as u16;
        let client = SocketAddr::new(host_of(plan.client_pool, 1 + number % CLIENTS), port);
        let server_real = SocketAddr::new(real_address(family, translation), SERVER_PORT);
        let server = match translation {
            Translation::Dnat | Translation::Hairpin => SocketAddr::new(virtual_address(family), VIRTUAL_PORT),
            Translation::None | Translation::Snat | Translation::Masquerade => server_real,
        };
        let client_seen = match translation {
            Translation::None | Translation::Dnat => client,
            Translation::Snat => SocketAddr::new(plan.snat, port),
            Translation::Masquerade => SocketAddr::new(plan.wan, port),
            Translation::Hairpin => SocketAddr::new(plan.lan, port),
        };
        Flow { client, server, client_seen, server_real }
    }
}

impl Instance {
    /// Flow `flow` of this instance.
    pub fn flow(&self, flow: u16) -> Flow {
        Flow::of(self.family, self.translation, self.first_flow + u32::from(flow))
    }
}

/// `ipv4-udp-masquerade-up`.
pub(super) fn variant(family: Family, protocol: Protocol, translation: Translation, direction: Direction) -> String {
    let family = match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    };
    let direction = match direction {
        Direction::Upstream => "up",
        Direction::Downstream => "down",
        Direction::Both => "both",
    };
    format!("{family}-{}-{}-{direction}", protocol.name(), translation.name())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn flows_of_a_station_differ_even_behind_one_address() {
        for family in [Family::Ipv4, Family::Ipv6] {
            for translation in Translation::ALL {
                let mut seen = HashSet::new();
                for number in 0..2 * CLIENTS {
                    let flow = Flow::of(family, translation, number);
                    assert!(seen.insert((flow.client_seen, flow.server_real)), "{flow:?}");
                    assert_eq!(flow.client.is_ipv4(), family == Family::Ipv4);
                }
            }
        }
    }

    #[test]
    fn each_translation_changes_what_it_says() {
        let flow = |translation| Flow::of(Family::Ipv4, translation, 7);
        let text = |address: SocketAddr| address.to_string();
        let plain = flow(Translation::None);
        assert_eq!(
            (text(plain.client), text(plain.server)),
            ("198.18.128.8:10007".into(), "198.19.128.1:20000".into())
        );
        assert_eq!((plain.client_seen, plain.server_real), (plain.client, plain.server));
        assert_eq!(text(flow(Translation::Snat).client_seen), "198.19.0.77:10007");
        assert_eq!(text(flow(Translation::Masquerade).client_seen), "198.19.0.1:10007");
        assert_eq!(text(flow(Translation::Dnat).server), "10.19.128.1:8080");
        assert_eq!(flow(Translation::Dnat).server_real, plain.server_real);
        let hairpin = flow(Translation::Hairpin);
        assert_eq!(text(hairpin.client_seen), "198.18.0.1:10007");
        assert_eq!(text(hairpin.server_real), "198.18.160.1:20000");
        let six = Flow::of(Family::Ipv6, Translation::Hairpin, 7);
        assert_eq!(text(six.server), "[2001:2:0:2002::1]:8080");
        assert_eq!(text(six.server_real), "[2001:2:0:1001::2001]:20000");
    }
}
