//! What ports get once their link is there: addresses, neighbours and routes, and on the DUT's LAN port what it is to carry.

use flowgauge_scenarios::Family;
use flowgauge_scenarios::conform::Encapsulation;

use crate::addresses::{CLIENT_LINK, LINK_PREFIX_IPV4, LINK_PREFIX_IPV6, LinkPlan};
use crate::encapsulation::{self, Stacked};
use crate::netlink::NetlinkError;
use crate::netns::Netns;
use crate::port::Port;
use crate::spec::RouterSpec;
use crate::testbed::BuildError;
use crate::{address, neighbour, route};

/// Stacks on the DUT's LAN port what it is to carry, and gives the device on top what it needs to reach the client and
/// beyond.
pub(crate) async fn lan(
    spec: &RouterSpec,
    handle: &rtnetlink::Handle,
    netns: &Netns,
    lan: &Port,
) -> Result<Stacked, BuildError> {
    let (plan, encapsulation) = (&CLIENT_LINK, spec.encapsulation);
    if encapsulation == Encapsulation::Tunnel {
        // The tunnel runs between the link addresses; only what is beyond is reached through it.
        dut(handle, lan, plan, spec.ipv6).await?;
    }
    let stack = encapsulation::stack(handle, netns, lan, encapsulation, spec.tunnel, spec.mtu).await?;
    let device = &stack.device;
    match (encapsulation, spec.tunnel) {
        (Encapsulation::Tunnel, Family::Ipv4) => route::through_ipv4(handle, device, plan.pool_ipv4).await?,
        (Encapsulation::Tunnel, Family::Ipv6) => route::through_ipv6(handle, device, plan.pool_ipv6).await?,
        _ => {
            link_addresses(handle, device, plan, spec.ipv6).await?;
            if encapsulation::has_neighbours(encapsulation) {
                neighbours(handle, device, plan, spec.ipv6).await?;
            }
            pool_routes(handle, device, plan, spec.ipv6).await?;
        }
    }
    Ok(stack)
}

/// Gives a port of the DUT all that it needs to reach its tester and the pool behind it. What it has already stays.
pub(crate) async fn dut(
    handle: &rtnetlink::Handle,
    port: &Port,
    plan: &LinkPlan,
    ipv6: bool,
) -> Result<(), NetlinkError> {
    link_addresses(handle, port, plan, ipv6).await?;
    neighbours(handle, port, plan, ipv6).await?;
    pool_routes(handle, port, plan, ipv6).await
}

async fn link_addresses(
    handle: &rtnetlink::Handle,
    port: &Port,
    plan: &LinkPlan,
    ipv6: bool,
) -> Result<(), NetlinkError> {
    address::add(handle, port, plan.ipv4.dut.into(), LINK_PREFIX_IPV4).await?;
    match ipv6 {
        true => address::add(handle, port, plan.ipv6.dut.into(), LINK_PREFIX_IPV6).await,
        false => Ok(()),
    }
}

pub(crate) async fn neighbours(
    handle: &rtnetlink::Handle,
    port: &Port,
    plan: &LinkPlan,
    ipv6: bool,
) -> Result<(), NetlinkError> {
    neighbour::add(handle, port, plan.ipv4.tester.into()).await?;
    match ipv6 {
        true => neighbour::add(handle, port, plan.ipv6.tester.into()).await,
        false => Ok(()),
    }
}

pub(crate) async fn pool_routes(
    handle: &rtnetlink::Handle,
    port: &Port,
    plan: &LinkPlan,
    ipv6: bool,
) -> Result<(), NetlinkError> {
    route::add_ipv4(handle, port, plan.pool_ipv4, plan.ipv4.tester).await?;
    match ipv6 {
        true => route::add_ipv6(handle, port, plan.pool_ipv6, plan.ipv6.tester).await,
        false => Ok(()),
    }
}

pub(crate) async fn tester(
    handle: &rtnetlink::Handle,
    port: &Port,
    plan: &LinkPlan,
    ipv6: bool,
) -> Result<(), NetlinkError> {
    address::add(handle, port, plan.ipv4.tester.into(), LINK_PREFIX_IPV4).await?;
    neighbour::add(handle, port, plan.ipv4.dut.into()).await?;
    route::add_ipv4(handle, port, route::ALL_IPV4, plan.ipv4.dut).await?;
    if ipv6 {
        address::add(handle, port, plan.ipv6.tester.into(), LINK_PREFIX_IPV6).await?;
        neighbour::add(handle, port, plan.ipv6.dut.into()).await?;
        route::add_ipv6(handle, port, route::ALL_IPV6, plan.ipv6.dut).await?;
    }
    Ok(())
}
