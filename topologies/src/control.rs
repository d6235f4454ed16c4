//! What an administrator, or the network, does to the DUT while it forwards: its links, addresses, neighbours and routes.
//!
//! What `ip` and `bridge` do, over one conversation with rtnetlink that stays open, so that an act takes the time of a system
//! call and not that of a program. Each act has one that undoes it; nothing remembers which were done.

use std::future::Future;
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use rtnetlink::packet_route::link::{LinkAttribute, State};
use rtnetlink::{Handle, LinkUnspec};
use tokio::runtime::Runtime;

use crate::addresses::{CLIENT_LINK, LINK_PREFIX_IPV4, LINK_PREFIX_IPV6, SERVER_LINK};
use crate::encapsulation::Bridge;
use crate::netlink::{Doing, NetlinkError};
use crate::netns::Netns;
use crate::port::Port;
use crate::testbed::{BuildError, Testbed};
use crate::{address, furnish, neighbour, route};

/// How long a port may take to carry packets again once it is up. It takes microseconds, unless linkwatch puts it off.
const UP_WITHIN: Duration = Duration::from_secs(5);
/// Who has the server's address once it has moved: another MAC address of the same kind.
const MOVED: [u8; 6] = [0x02, 0x66, 0x67, 0x00, 0x02, 0x09];

/// A conversation about the links, addresses, neighbours and routes of a testbed's DUT. Drop it before the testbed.
#[derive(Debug)]
pub struct Control {
    runtime: Runtime,
    dut: Handle,
    server: Handle,
    limbo: Handle,
    /// Where a port of the DUT goes that leaves it.
    limbo_netns: Netns,
    dut_netns: Netns,
    lan_device: Port,
    wan: Port,
    server_port: Port,
    wan_mtu: u32,
    bridge: Option<Bridge>,
    ipv6: bool,
    away: bool,
}

impl Control {
    /// Opens rtnetlink in the namespaces of a testbed, which was built with IPv6 or without.
    pub fn open(bed: &Testbed, ipv6: bool) -> Result<Control, BuildError> {
        let limbo_netns = Netns::new()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build();
        let runtime = runtime.map_err(BuildError::EventLoop)?;
        let open = |netns: &Netns| -> Result<Handle, BuildError> {
            let socket = netns.connection(runtime.handle())?;
            runtime.spawn(socket.connection);
            Ok(socket.handle)
        };
        let (dut, server, limbo) = (open(&bed.dut.netns)?, open(&bed.server.netns)?, open(&limbo_netns)?);
        let wan_mtu = runtime.block_on(mtu_of(&dut, &bed.dut.wan))?;
        Ok(Control {
            dut,
            server,
            limbo,
            limbo_netns,
            dut_netns: bed.dut.netns.try_clone().map_err(crate::NetnsError::Enter)?,
            lan_device: bed.dut.lan_device.clone(),
            wan: bed.dut.wan.clone(),
            server_port: bed.server.port.clone(),
            wan_mtu,
            bridge: bed.dut.bridge.clone(),
            ipv6,
            away: false,
            runtime,
        })
    }

    /// Sets the WAN port down. With it go its neighbours, routes and IPv6 addresses.
    pub fn wan_down(&mut self) -> Result<(), NetlinkError> {
        let message = LinkUnspec::new_with_index(self.wan.ifindex).down().build();
        let set = self.dut.link().set(message);
        self.runtime.block_on(set.execute()).doing(|| format!("setting {} down", self.wan.name))
    }

    /// Sets the WAN port up, waits until it carries packets, and gives it again what it had when the testbed was built.
    pub fn wan_up(&mut self) -> Result<(), BuildError> {
        self.runtime.block_on(async {
            let message = LinkUnspec::new_with_index(self.wan.ifindex).up().build();
            let set = self.dut.link().set(message).execute().await;
            set.doing(|| format!("setting {} up", self.wan.name))?;
            for (handle, port) in [(&self.dut, &self.wan), (&self.server, &self.server_port)] {
                carries(handle, port).await?;
            }
            Ok(furnish::dut(&self.dut, &self.wan, &SERVER_LINK, self.ipv6).await?)
        })
    }

    /// Takes the WAN port out of the DUT: for all that is in the DUT it is deleted, and its cable stays.
    pub fn wan_leaves(&mut self) -> Result<(), NetlinkError> {
        self.wan_moves(&self.dut, &self.limbo_netns)?;
        self.away = true;
        Ok(())
    }

    /// Brings it back, as it was.
    pub fn wan_returns(&mut self) -> Result<(), BuildError> {
        if self.away {
            self.wan_moves(&self.limbo, &self.dut_netns)?;
            self.away = false;
        }
        self.wan_up()
    }

    fn wan_moves(&self, from: &Handle, to: &Netns) -> Result<(), NetlinkError> {
        let message = LinkUnspec::new_with_index(self.wan.ifindex).setns_by_fd(to.fd().as_raw_fd()).build();
        let moved = self.runtime.block_on(from.link().set(message).execute());
        moved.doing(|| format!("moving {} to another namespace", self.wan.name))
    }

    /// Makes the server's pools unreachable.
    pub fn server_unreachable(&mut self) -> Result<(), NetlinkError> {
        self.runtime.block_on(async {
            route::unreachable_ipv4(&self.dut, SERVER_LINK.pool_ipv4).await?;
            self.if_ipv6(route::unreachable_ipv6(&self.dut, SERVER_LINK.pool_ipv6)).await
        })
    }

    /// Routes the server's pools towards the client.
    pub fn server_away(&mut self) -> Result<(), NetlinkError> {
        let (lan, plan) = (&self.lan_device, &CLIENT_LINK);
        self.runtime.block_on(async {
            route::add_ipv4(&self.dut, lan, SERVER_LINK.pool_ipv4, plan.ipv4.tester).await?;
            self.if_ipv6(route::add_ipv6(&self.dut, lan, SERVER_LINK.pool_ipv6, plan.ipv6.tester)).await
        })
    }

    /// Routes the server's pools to the server again.
    pub fn server_back(&mut self) -> Result<(), NetlinkError> {
        self.runtime.block_on(furnish::pool_routes(&self.dut, &self.wan, &SERVER_LINK, self.ipv6))
    }

    /// The server's link addresses are at another MAC address, which is returned.
    pub fn neighbour_moves(&mut self) -> Result<[u8; 6], NetlinkError> {
        let (wan, plan) = (&self.wan, &SERVER_LINK);
        self.runtime.block_on(async {
            neighbour::at(&self.dut, wan, plan.ipv4.tester.into(), MOVED).await?;
            self.if_ipv6(neighbour::at(&self.dut, wan, plan.ipv6.tester.into(), MOVED)).await
        })?;
        Ok(MOVED)
    }

    /// Nobody knows where the server's link addresses are, and who asks gets no answer.
    pub fn neighbour_fails(&mut self) -> Result<(), NetlinkError> {
        let (wan, plan) = (&self.wan, &SERVER_LINK);
        self.runtime.block_on(async {
            neighbour::forget(&self.dut, wan, plan.ipv4.tester.into()).await?;
            self.if_ipv6(neighbour::forget(&self.dut, wan, plan.ipv6.tester.into())).await
        })
    }

    /// The server's link addresses are where they were. What waited for an answer is dropped, not sent late.
    pub fn neighbour_back(&mut self) -> Result<(), NetlinkError> {
        // Nothing may be there any more: then nothing waits.
        let _ = self.neighbour_fails();
        self.runtime.block_on(furnish::neighbours(&self.dut, &self.wan, &SERVER_LINK, self.ipv6))
    }

    /// Sets the MTU of the WAN port, in bytes.
    pub fn wan_mtu(&mut self, mtu: u32) -> Result<(), NetlinkError> {
        let message = LinkUnspec::new_with_index(self.wan.ifindex).mtu(mtu).build();
        let set = self.runtime.block_on(self.dut.link().set(message).execute());
        set.doing(|| format!("setting the MTU of {} to {mtu}", self.wan.name))
    }

    /// The MTU that the WAN port was built with, and with it what IPv6 loses below 1280 bytes.
    pub fn wan_mtu_back(&mut self) -> Result<(), NetlinkError> {
        self.wan_mtu(self.wan_mtu)?;
        self.runtime.block_on(furnish::dut(&self.dut, &self.wan, &SERVER_LINK, self.ipv6))
    }

    /// Takes the WAN port's addresses. With them goes the network of the link.
    pub fn wan_loses_addresses(&mut self) -> Result<(), NetlinkError> {
        let (wan, plan) = (&self.wan, &SERVER_LINK);
        self.runtime.block_on(async {
            address::remove(&self.dut, wan, plan.ipv4.dut.into(), LINK_PREFIX_IPV4).await?;
            self.if_ipv6(address::remove(&self.dut, wan, plan.ipv6.dut.into(), LINK_PREFIX_IPV6)).await
        })
    }

    /// Gives the WAN port all that it was built with.
    pub fn wan_furnished(&mut self) -> Result<(), NetlinkError> {
        self.runtime.block_on(furnish::dut(&self.dut, &self.wan, &SERVER_LINK, self.ipv6))
    }

    /// Lets the bridge take the client to be at a port where it is not. False: there is no bridge.
    pub fn client_elsewhere(&mut self) -> Result<bool, NetlinkError> {
        let Some(bridge) = &self.bridge else { return Ok(false) };
        self.runtime.block_on(bridge.client_is_elsewhere(&self.dut)).map(|()| true)
    }

    /// Lets the bridge know where the client is.
    pub fn client_back(&mut self) -> Result<(), NetlinkError> {
        let Some(bridge) = &self.bridge else { return Ok(()) };
        self.runtime.block_on(bridge.client_is_here(&self.dut))
    }

    /// Waits for `act` where the testbed has IPv6.
    async fn if_ipv6(&self, act: impl Future<Output = Result<(), NetlinkError>>) -> Result<(), NetlinkError> {
        if self.ipv6 { act.await } else { Ok(()) }
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if self.away {
            // A port on loan has to be where the testbed looks for it.
            let _ = self.wan_moves(&self.limbo, &self.dut_netns);
        }
    }
}

async fn mtu_of(handle: &Handle, port: &Port) -> Result<u32, NetlinkError> {
    let mut links = handle.link().get().match_index(port.ifindex).execute();
    let found = links.try_next().await.doing(|| format!("reading the MTU of {}", port.name))?;
    let attributes = found.map(|link| link.attributes).unwrap_or_default();
    let mtu = attributes.into_iter().find_map(|attribute| match attribute {
        LinkAttribute::Mtu(mtu) => Some(mtu),
        _ => None,
    });
    Ok(mtu.unwrap_or_default())
}

/// Waits until the kernel says that a port carries packets.
async fn carries(handle: &Handle, port: &Port) -> Result<(), BuildError> {
    let deadline = Instant::now() + UP_WITHIN;
    while Instant::now() < deadline {
        let mut links = handle.link().get().match_index(port.ifindex).execute();
        let found = links.try_next().await.doing(|| format!("reading the state of {}", port.name))?;
        if found.is_some_and(|link| link.attributes.contains(&LinkAttribute::OperState(State::Up))) {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    Err(BuildError::NotUp { port: port.name.clone() })
}
