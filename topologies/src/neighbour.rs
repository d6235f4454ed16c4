//! Static neighbours: nobody asks who has an address, and nothing ages while a trial runs.

use std::net::IpAddr;

use rtnetlink::Handle;
use rtnetlink::packet_route::neighbour::NeighbourState;

use crate::netlink::{Doing, NetlinkError};
use crate::port::Port;

/// Tells the stack behind `port` for good that `address` is at the port's peer.
pub(crate) async fn add(handle: &Handle, port: &Port, address: IpAddr) -> Result<(), NetlinkError> {
    at(handle, port, address, port.peer_mac).await
}

/// Tells the stack behind `port` for good that `address` is at `mac`, whatever it knew before.
pub(crate) async fn at(handle: &Handle, port: &Port, address: IpAddr, mac: [u8; 6]) -> Result<(), NetlinkError> {
    let request = handle.neighbours().add(port.ifindex, address).link_layer_address(&mac);
    let outcome = request.state(NeighbourState::Permanent).replace().execute().await;
    outcome.doing(|| format!("adding the neighbour {address} on {}", port.name))
}

/// Lets the stack behind `port` forget where `address` is.
pub(crate) async fn forget(handle: &Handle, port: &Port, address: IpAddr) -> Result<(), NetlinkError> {
    let message = handle.neighbours().add(port.ifindex, address).message_mut().clone();
    let outcome = handle.neighbours().del(message).execute().await;
    outcome.doing(|| format!("deleting the neighbour {address} on {}", port.name))
}
