//! Static routes.

use std::net::{Ipv4Addr, Ipv6Addr};

use rtnetlink::packet_route::route::{RouteScope, RouteType};
use rtnetlink::{Handle, RouteMessageBuilder};

use crate::addresses::Network;
use crate::netlink::{Doing, NetlinkError};
use crate::port::Port;

/// Where a default route leads: everywhere in IPv4.
pub(crate) const ALL_IPV4: Network<Ipv4Addr> = Network { address: Ipv4Addr::UNSPECIFIED, prefix_len: 0 };
/// Where a default route leads: everywhere in IPv6.
pub(crate) const ALL_IPV6: Network<Ipv6Addr> = Network { address: Ipv6Addr::UNSPECIFIED, prefix_len: 0 };

/// Routes `to` through `port` by way of the gateway `via`, whatever became of it before.
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
    let outcome = handle.route().add(route.build()).replace().execute().await;
    outcome.doing(|| format!("routing {}/{} via {via} on {}", to.address, to.prefix_len, port.name))
}

/// Routes `to` through `port` by way of the gateway `via`, whatever became of it before.
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
    let outcome = handle.route().add(route.build()).replace().execute().await;
    outcome.doing(|| format!("routing {}/{} via {via} on {}", to.address, to.prefix_len, port.name))
}

/// Routes `to` into a device that needs no gateway.
pub(crate) async fn through_ipv4(handle: &Handle, port: &Port, to: Network<Ipv4Addr>) -> Result<(), NetlinkError> {
    let route = RouteMessageBuilder::<Ipv4Addr>::new()
        .destination_prefix(to.address, to.prefix_len)
        .scope(RouteScope::Link)
        .output_interface(port.ifindex);
    let outcome = handle.route().add(route.build()).replace().execute().await;
    outcome.doing(|| format!("routing {}/{} on {}", to.address, to.prefix_len, port.name))
}

/// Routes `to` into a device that needs no gateway.
pub(crate) async fn through_ipv6(handle: &Handle, port: &Port, to: Network<Ipv6Addr>) -> Result<(), NetlinkError> {
    let route = RouteMessageBuilder::<Ipv6Addr>::new()
        .destination_prefix(to.address, to.prefix_len)
        .output_interface(port.ifindex);
    let outcome = handle.route().add(route.build()).replace().execute().await;
    outcome.doing(|| format!("routing {}/{} on {}", to.address, to.prefix_len, port.name))
}

/// Makes `to` unreachable: who sends there is told so.
pub(crate) async fn unreachable_ipv4(handle: &Handle, to: Network<Ipv4Addr>) -> Result<(), NetlinkError> {
    let route = RouteMessageBuilder::<Ipv4Addr>::new().destination_prefix(to.address, to.prefix_len);
    let outcome = handle.route().add(route.kind(RouteType::Unreachable).build()).replace().execute().await;
    outcome.doing(|| format!("making {}/{} unreachable", to.address, to.prefix_len))
}

/// Makes `to` unreachable: who sends there is told so.
pub(crate) async fn unreachable_ipv6(handle: &Handle, to: Network<Ipv6Addr>) -> Result<(), NetlinkError> {
    let route = RouteMessageBuilder::<Ipv6Addr>::new().destination_prefix(to.address, to.prefix_len);
    let outcome = handle.route().add(route.kind(RouteType::Unreachable).build()).replace().execute().await;
    outcome.doing(|| format!("making {}/{} unreachable", to.address, to.prefix_len))
}
