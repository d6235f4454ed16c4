//! VLAN devices: one 802.1Q tag, or one inside another (802.1Q-2022 clause 9).

use rtnetlink::packet_route::link::VlanProtocol;
use rtnetlink::{Handle, LinkMessageBuilder, LinkVlan};

use super::{OUTER_VLAN, VLAN, lacking, on};
use crate::link;
use crate::netlink::Doing;
use crate::port::Port;
use crate::testbed::BuildError;

/// One tag.
pub(super) async fn single(handle: &Handle, port: &Port, mtu: u32) -> Result<Port, BuildError> {
    tag(handle, port, VLAN, VlanProtocol::Ieee8021Q, mtu).await
}

/// A tag inside another, which is an 802.1ad one if `provider` says so.
pub(super) async fn double(handle: &Handle, port: &Port, mtu: u32, provider: bool) -> Result<Port, BuildError> {
    let protocol = if provider { VlanProtocol::Ieee8021Ad } else { VlanProtocol::Ieee8021Q };
    let outer = tag(handle, port, OUTER_VLAN, protocol, mtu + 4).await?;
    tag(handle, &outer, VLAN, VlanProtocol::Ieee8021Q, mtu).await
}

/// A VLAN device on `port`, up.
pub(super) async fn tag(
    handle: &Handle,
    port: &Port,
    id: u16,
    protocol: VlanProtocol,
    mtu: u32,
) -> Result<Port, BuildError> {
    let name = format!("{}.{id}", port.name);
    let vlan = LinkMessageBuilder::<LinkVlan>::new(&name).link(port.ifindex).id(id).protocol(protocol);
    let made = handle.link().add(vlan.link_group(link::GROUP).mtu(mtu).up().build()).execute().await;
    made.doing(|| format!("making the VLAN device {name} with MTU {mtu}")).map_err(lacking("8021q"))?;
    let ifindex = link::index_of(handle, &name).await?;
    Ok(on(port, name, ifindex))
}
