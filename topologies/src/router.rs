//! The `router` topology: client and server, and a DUT that forwards between them. `nic-router` differs in the links only:
//! [`crate::nic_router`].
//!
//! ```text
//!  namespace client      namespace dut          namespace server
//!  client0 ------------- lan0      wan0 ------------- server0
//! ```
//!
//! The steps, in the order the kernel wants them: parameters before ports, so that a port is born quiet; both ends of a
//! link up before addresses, because a port that is down forgets its neighbours.

use crate::addresses::{CLIENT_LINK, LinkPlan};
use crate::driver::{REFERENCE_NIC_DRIVER, driver_of};
use crate::encapsulation::Stacked;
use crate::link::{self, End};
use crate::netns::{Netns, RouteSocket};
use crate::nic_router::Loan;
use crate::port::Port;
use crate::spec::{Ports, RouterSpec};
use crate::testbed::BuildError;
use crate::{SERVER_LINK, features, furnish, quiet};

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
    pub(crate) lan_stack: Stacked,
    pub(crate) wan: Port,
    pub(crate) server: Port,
    pub(crate) missing_sysctls: Vec<&'static str>,
    pub(crate) simulated: bool,
    pub(crate) testers_in_threads: bool,
}

/// Builds the topology into empty namespaces, with ports of a NIC if there is a `loan` to take them from. After an error
/// the links made, or the ports lent so far, are still there.
pub(crate) async fn wire(spec: &RouterSpec, rooms: &Rooms<'_>, loan: &mut Option<Loan>) -> Result<Wired, BuildError> {
    let mut missing_sysctls = rooms.dut.run(|| quiet::settle_dut(spec.ipv6))??;
    for tester in [rooms.client, rooms.server] {
        missing_sysctls.extend(tester.run(|| quiet::settle_tester(spec.ipv6))??);
    }
    missing_sysctls.sort_unstable();
    missing_sysctls.dedup();

    let mut dut = open(rooms.dut).await?;
    let mut client = open(rooms.client).await?;
    let mut server = open(rooms.server).await?;
    if spec.ports == Ports::Dummy {
        let lan = stand_alone(spec, &mut dut, rooms.dut, &CLIENT_LINK).await?;
        let wan = stand_alone(spec, &mut dut, rooms.dut, &SERVER_LINK).await?;
        let tester = |plan: &LinkPlan| tester_by_address(plan);
        return Ok(Wired {
            client: tester(&CLIENT_LINK),
            lan_stack: Stacked { device: lan.clone(), bridge: None, session: None },
            lan,
            wan,
            server: tester(&SERVER_LINK),
            missing_sysctls,
            simulated: false,
            testers_in_threads: false,
        });
    }
    let (lan_link, wan_link) = match (&spec.ports, loan.as_mut()) {
        (Ports::Nic(nic), Some(loan)) => {
            loan.take(nic, rooms, spec.port_mtus()).await?;
            ((nic.lan.as_str(), nic.lan_wire.as_str()), (nic.wan.as_str(), nic.wan_wire.as_str()))
        }
        _ => {
            let (client_mtu, server_mtu) = spec.port_mtus();
            for (plan, tester, mtu) in
                [(&CLIENT_LINK, rooms.client, client_mtu), (&SERVER_LINK, rooms.server, server_mtu)]
            {
                let (near, far) = (dut_end(plan, plan.dut_port), tester_end(plan, plan.tester_port));
                link::create(&dut.handle, near, far, tester.fd(), mtu).await?;
            }
            let names = |plan: &LinkPlan| (plan.dut_port, plan.tester_port);
            (names(&CLIENT_LINK), names(&SERVER_LINK))
        }
    };
    rooms.dut.run(|| {
        features::set_offloads(lan_link.0, spec.client_link)?;
        features::set_offloads(wan_link.0, spec.server_link)
    })??;

    let (lan, client_port) =
        join(spec, (&mut dut, rooms.dut), (&mut client, rooms.client), &CLIENT_LINK, lan_link).await?;
    let (wan, server_port) =
        join(spec, (&mut dut, rooms.dut), (&mut server, rooms.server), &SERVER_LINK, wan_link).await?;
    let lan_stack = furnish::lan(spec, &dut.handle, rooms.dut, &lan).await?;
    furnish::dut(&dut.handle, &wan, &SERVER_LINK, spec.ipv6).await?;
    let testers_in_threads = match loan {
        Some(loan) => loan.receive_in_threads([lan_link.1, wan_link.1])?,
        None => false,
    };
    let simulated = [&lan, &wan].into_iter().any(|port| port.driver == REFERENCE_NIC_DRIVER);
    Ok(Wired {
        client: client_port,
        lan,
        lan_stack,
        wan,
        server: server_port,
        missing_sysctls,
        simulated,
        testers_in_threads,
    })
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

/// Brings one link up at both ends and gives the tester what it needs to reach the DUT and beyond. `names`: the DUT's port
/// and the tester's.
async fn join(
    spec: &RouterSpec,
    (dut, dut_netns): (&mut RouteSocket, &Netns),
    (tester, tester_netns): (&mut RouteSocket, &Netns),
    plan: &LinkPlan,
    names: (&str, &str),
) -> Result<(Port, Port), BuildError> {
    let offloads = if plan == &CLIENT_LINK { spec.client_link } else { spec.server_link };
    tester_netns.run(|| features::set_offloads(names.1, offloads))??;
    let dut_port = Port {
        name: names.0.to_owned(),
        driver: dut_netns.run(|| driver_of(names.0))??,
        ifindex: link::index_of(&dut.handle, names.0).await?,
        mac: plan.dut_mac,
        peer_mac: plan.tester_mac,
        ipv4: plan.ipv4.dut,
        ipv6: plan.ipv6.dut,
    };
    let tester_port = Port {
        name: names.1.to_owned(),
        driver: tester_netns.run(|| driver_of(names.1))??,
        ifindex: link::index_of(&tester.handle, names.1).await?,
        mac: plan.tester_mac,
        peer_mac: plan.dut_mac,
        ipv4: plan.ipv4.tester,
        ipv6: plan.ipv6.tester,
    };
    link::up(&tester.handle, tester_port.ifindex, tester_end(plan, names.1)).await?;
    link::up(&dut.handle, dut_port.ifindex, dut_end(plan, names.0)).await?;
    for (socket, port) in [(&mut *dut, &dut_port), (&mut *tester, &tester_port)] {
        if !link::wait_up(socket, port.ifindex, &port.name).await? {
            return Err(BuildError::NotUp { port: port.name.clone() });
        }
    }
    furnish::tester(&tester.handle, &tester_port, plan, spec.ipv6).await?;
    Ok((dut_port, tester_port))
}

/// A dummy port of the DUT, with the addresses, neighbours and routes that it would have with a tester.
async fn stand_alone(
    spec: &RouterSpec,
    dut: &mut RouteSocket,
    netns: &Netns,
    plan: &LinkPlan,
) -> Result<Port, BuildError> {
    let end = dut_end(plan, plan.dut_port);
    link::create_dummy(&dut.handle, end, spec.mtu).await?;
    // Checksums are computed where a frame is made, and so are real ones on every path.
    netns.run(|| features::set_offloads(end.name, spec.client_link))??;
    let ifindex = link::index_of(&dut.handle, end.name).await?;
    let port = Port {
        name: end.name.to_owned(),
        driver: netns.run(|| driver_of(end.name))??,
        ifindex,
        mac: plan.dut_mac,
        peer_mac: plan.tester_mac,
        ipv4: plan.ipv4.dut,
        ipv6: plan.ipv6.dut,
    };
    link::up(&dut.handle, ifindex, end).await?;
    furnish::dut(&dut.handle, &port, plan, spec.ipv6).await?;
    Ok(port)
}

/// The tester of a port that stands alone: who its frames are from.
fn tester_by_address(plan: &LinkPlan) -> Port {
    Port {
        name: plan.tester_port.to_owned(),
        driver: "pktgen".to_owned(),
        ifindex: 0,
        mac: plan.tester_mac,
        peer_mac: plan.dut_mac,
        ipv4: plan.ipv4.tester,
        ipv6: plan.ipv6.tester,
    }
}

const fn dut_end<'a>(plan: &LinkPlan, name: &'a str) -> End<'a> {
    End { name, mac: plan.dut_mac, index: plan.dut_index, arp: true }
}

const fn tester_end<'a>(plan: &LinkPlan, name: &'a str) -> End<'a> {
    End { name, mac: plan.tester_mac, index: plan.tester_index, arp: false }
}
