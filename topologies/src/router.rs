//! The `router` topology: client and server, and a DUT that forwards between them.
//!
//! ```text
//!  namespace client      namespace dut          namespace server
//!  client0 ------------- lan0      wan0 ------------- server0
//! ```
//!
//! The steps, in the order the kernel wants them: parameters before ports, so that a port is born quiet; both ends of a
//! link up before addresses, because a port that is down forgets its neighbours.

use crate::addresses::{CLIENT_LINK, LINK_PREFIX_IPV4, LINK_PREFIX_IPV6, LinkPlan};
use crate::link::{self, End};
use crate::netlink::NetlinkError;
use crate::netns::{Netns, RouteSocket};
use crate::port::Port;
use crate::spec::{LinkOffloads, RouterSpec};
use crate::testbed::BuildError;
use crate::{SERVER_LINK, address, features, neighbour, quiet, route};

/// The three namespaces of a testbed.
pub(crate) struct Rooms<'a> {
    pub(crate) client: &'a Netns,
    pub(crate) dut: &'a Netns,
    pub(crate) server: &'a Netns,
}

/// The ports of a testbed, and the parameters its kernel lacks.
pub(crate) struct Wired {
    pub(crate) client: Port,
    pub(crate) lan: Port,
    pub(crate) wan: Port,
    pub(crate) server: Port,
    pub(crate) missing_sysctls: Vec<&'static str>,
}

/// Builds the topology into empty namespaces. After an error the links made so far are still there.
pub(crate) async fn wire(spec: &RouterSpec, rooms: &Rooms<'_>) -> Result<Wired, BuildError> {
    let mut missing_sysctls = rooms.dut.run(|| quiet::settle_dut(spec.ipv6))??;
    for tester in [rooms.client, rooms.server] {
        missing_sysctls.extend(tester.run(|| quiet::settle_tester(spec.ipv6))??);
    }
    missing_sysctls.sort_unstable();
    missing_sysctls.dedup();

    let mut dut = open(rooms.dut).await?;
    let mut client = open(rooms.client).await?;
    let mut server = open(rooms.server).await?;
    link::create(&dut.handle, dut_end(&CLIENT_LINK), tester_end(&CLIENT_LINK), rooms.client.fd(), spec.mtu).await?;
    link::create(&dut.handle, dut_end(&SERVER_LINK), tester_end(&SERVER_LINK), rooms.server.fd(), spec.mtu).await?;
    rooms.dut.run(|| {
        features::set_offloads(CLIENT_LINK.dut_port, spec.client_link)?;
        features::set_offloads(SERVER_LINK.dut_port, spec.server_link)
    })??;

    let (lan, client_port) =
        join(&mut dut, &mut client, &CLIENT_LINK, rooms.client, spec.client_link, spec.ipv6).await?;
    let (wan, server_port) =
        join(&mut dut, &mut server, &SERVER_LINK, rooms.server, spec.server_link, spec.ipv6).await?;
    Ok(Wired { client: client_port, lan, wan, server: server_port, missing_sysctls })
}

/// Takes down every link of the topology.
pub(crate) async fn unwire(dut: &Netns) -> Result<(), BuildError> {
    let socket = dut.connection(&tokio::runtime::Handle::current())?;
    tokio::spawn(socket.connection);
    Ok(link::delete_all(&socket.handle).await?)
}

async fn open(netns: &Netns) -> Result<RouteSocket, BuildError> {
    let mut socket = netns.connection(&tokio::runtime::Handle::current())?;
    tokio::spawn(std::mem::replace(&mut socket.connection, Box::pin(std::future::ready(()))));
    link::loopback_up(&socket.handle).await?;
    Ok(socket)
}

/// Brings one link up at both ends and gives both what they need to reach each other and beyond.
async fn join(
    dut: &mut RouteSocket,
    tester: &mut RouteSocket,
    plan: &LinkPlan,
    tester_netns: &Netns,
    offloads: LinkOffloads,
    ipv6: bool,
) -> Result<(Port, Port), BuildError> {
    tester_netns.run(|| features::set_offloads(plan.tester_port, offloads))??;
    let dut_port = Port {
        name: plan.dut_port.to_owned(),
        ifindex: link::index_of(&dut.handle, plan.dut_port).await?,
        mac: plan.dut_mac,
        peer_mac: plan.tester_mac,
        ipv4: plan.ipv4.dut,
        ipv6: plan.ipv6.dut,
    };
    let tester_port = Port {
        name: plan.tester_port.to_owned(),
        ifindex: link::index_of(&tester.handle, plan.tester_port).await?,
        mac: plan.tester_mac,
        peer_mac: plan.dut_mac,
        ipv4: plan.ipv4.tester,
        ipv6: plan.ipv6.tester,
    };
    link::up(&tester.handle, tester_port.ifindex, tester_end(plan)).await?;
    link::up(&dut.handle, dut_port.ifindex, dut_end(plan)).await?;
    for (socket, port) in [(&mut *dut, &dut_port), (&mut *tester, &tester_port)] {
        if !link::wait_up(socket, port.ifindex, &port.name).await? {
            return Err(BuildError::NotUp { port: port.name.clone() });
        }
    }
    furnish_dut(&dut.handle, &dut_port, plan, ipv6).await?;
    furnish_tester(&tester.handle, &tester_port, plan, ipv6).await?;
    Ok((dut_port, tester_port))
}

async fn furnish_dut(handle: &rtnetlink::Handle, port: &Port, plan: &LinkPlan, ipv6: bool) -> Result<(), NetlinkError> {
    address::add(handle, port, plan.ipv4.dut.into(), LINK_PREFIX_IPV4).await?;
    neighbour::add(handle, port, plan.ipv4.tester.into()).await?;
    route::add_ipv4(handle, port, plan.pool_ipv4, plan.ipv4.tester).await?;
    if ipv6 {
        address::add(handle, port, plan.ipv6.dut.into(), LINK_PREFIX_IPV6).await?;
        neighbour::add(handle, port, plan.ipv6.tester.into()).await?;
        route::add_ipv6(handle, port, plan.pool_ipv6, plan.ipv6.tester).await?;
    }
    Ok(())
}

async fn furnish_tester(
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

const fn dut_end(plan: &LinkPlan) -> End<'static> {
    End { name: plan.dut_port, mac: plan.dut_mac, index: plan.dut_index, arp: true }
}

const fn tester_end(plan: &LinkPlan) -> End<'static> {
    End { name: plan.tester_port, mac: plan.tester_mac, index: plan.tester_index, arp: false }
}
