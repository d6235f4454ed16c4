//! Static neighbours: nobody asks who has an address, and nothing ages while a trial runs.

use std::net::IpAddr;

use rtnetlink::Handle;
use rtnetlink::packet_route::neighbour::NeighbourState;

use crate::netlink::{Doing, NetlinkError};
use crate::port::Port;

/// Tells the stack behind `port` for good that `address` is at the port's peer.
pub(crate) async fn add(handle: &Handle, port: &Port, address: IpAddr) -> Result<(), NetlinkError> {
    let request = handle.neighbours().add(port.ifindex, address).link_layer_address(&port.peer_mac);
    let outcome = request.state(NeighbourState::Permanent).replace().execute().await;
    outcome.doing(|| format!("adding the neighbour {address} on {}", port.name))
}
