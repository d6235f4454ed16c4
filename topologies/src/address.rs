//! Addresses of a port.

use std::net::IpAddr;

use rtnetlink::Handle;
use rtnetlink::packet_route::address::{AddressAttribute, AddressFlags, AddressHeaderFlags};

use crate::netlink::{Doing, NetlinkError};
use crate::port::Port;

/// A MAC address as `ip link` writes it.
pub(crate) fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// Gives `port` an address that can be used at once: no duplicate address detection (RFC 4862 section 5.4). One that it has
/// stays.
pub(crate) async fn add(handle: &Handle, port: &Port, address: IpAddr, prefix_len: u8) -> Result<(), NetlinkError> {
    let mut request = handle.address().add(port.ifindex, address, prefix_len).replace();
    if address.is_ipv6() {
        let message = request.message_mut();
        message.header.flags |= AddressHeaderFlags::Nodad;
        message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
    }
    request.execute().await.doing(|| format!("giving {} the address {address}/{prefix_len}", port.name))
}

/// Takes an address from `port`.
pub(crate) async fn remove(handle: &Handle, port: &Port, address: IpAddr, prefix_len: u8) -> Result<(), NetlinkError> {
    let message = handle.address().add(port.ifindex, address, prefix_len).message_mut().clone();
    let outcome = handle.address().del(message).execute().await;
    outcome.doing(|| format!("taking the address {address}/{prefix_len} from {}", port.name))
}
