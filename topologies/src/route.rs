//! Static routes.

use std::net::{Ipv4Addr, Ipv6Addr};

use rtnetlink::{Handle, RouteMessageBuilder};

use crate::addresses::Network;
use crate::netlink::{Doing, NetlinkError};
use crate::port::Port;

/// Where a default route leads: everywhere in IPv4.
pub(crate) const ALL_IPV4: Network<Ipv4Addr> = Network { address: Ipv4Addr::UNSPECIFIED, prefix_len: 0 };
/// Where a default route leads: everywhere in IPv6.
pub(crate) const ALL_IPV6: Network<Ipv6Addr> = Network { address: Ipv6Addr::UNSPECIFIED, prefix_len: 0 };

/// Routes `to` through `port` by way of the gateway `via`.
pub(crate) async fn add_ipv4(
    handle: &Handle,
    port: &Port,
    to: Network<Ipv4Addr>,
    via: Ipv4Addr,
) -> Result<(), NetlinkError> {
    let route = RouteMessageBuilder::<Ipv4Addr>::new()
        .destination_prefix(to.address, to.prefix_len)
        .gateway(via)
        .output_interface(port.ifindex);
    let outcome = handle.route().add(route.build()).execute().await;
    outcome.doing(|| format!("routing {}/{} via {via} on {}", to.address, to.prefix_len, port.name))
}

/// Routes `to` through `port` by way of the gateway `via`.
pub(crate) async fn add_ipv6(
    handle: &Handle,
    port: &Port,
    to: Network<Ipv6Addr>,
    via: Ipv6Addr,
) -> Result<(), NetlinkError> {
    let route = RouteMessageBuilder::<Ipv6Addr>::new()
        .destination_prefix(to.address, to.prefix_len)
        .gateway(via)
        .output_interface(port.ifindex);
    let outcome = handle.route().add(route.build()).execute().await;
    outcome.doing(|| format!("routing {}/{} via {via} on {}", to.address, to.prefix_len, port.name))
}
