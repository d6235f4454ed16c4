//! A bridge with two ports: the DUT's LAN port, where the client is, and one where nobody is, for the client to seem to
//! move to.

use rtnetlink::packet_route::link::{BridgeStpState, BridgeVlanInfoFlags, VlanProtocol};
use rtnetlink::packet_route::neighbour::{NeighbourAttribute, NeighbourFlags, NeighbourState};
use rtnetlink::{Handle, LinkBridge, LinkBridgeVlan, LinkDummy, LinkMessageBuilder, LinkUnspec};

use super::{VLAN, lacking, on, vlan};
use crate::address::mac_text;
use crate::link;
use crate::netlink::{Doing, NetlinkError};
use crate::port::Port;
use crate::testbed::BuildError;

const NAME: &str = "br0";
/// The port where nobody is.
const ELSEWHERE: &str = "elsewhere0";

/// A bridge, and where it takes the client to be.
#[derive(Clone, Debug)]
pub(crate) struct Bridge {
    /// The port where the client is.
    here: u32,
    /// The port where it is not.
    elsewhere: u32,
    /// The VLAN that it is in, where the bridge filters them.
    vlan: Option<u16>,
    client: [u8; 6],
}

/// Makes the bridge, up, with its MAC address that of the LAN port. Returns the device that is to have the addresses.
pub(super) async fn build(
    handle: &Handle,
    port: &Port,
    mtu: u32,
    filtering: bool,
) -> Result<(Port, Bridge), BuildError> {
    // No spanning tree, so that ports forward at once, and no snooping, so that the bridge asks nobody anything.
    let bridge = LinkMessageBuilder::<LinkBridge>::new(NAME).stp_state(BridgeStpState::Disabled).mcast_snooping(false);
    let bridge = if filtering { bridge.vlan_filtering(true).vlan_default_pvid(0) } else { bridge };
    let message = bridge.address(port.mac.to_vec()).link_group(link::GROUP).mtu(mtu).build();
    let made = handle.link().add(message).execute().await.doing(|| format!("making the bridge {NAME}"));
    made.map_err(lacking("bridge"))?;
    let device = on(port, NAME.to_owned(), link::index_of(handle, NAME).await?);
    let dummy = LinkMessageBuilder::<LinkDummy>::new(ELSEWHERE).link_group(link::GROUP).mtu(mtu).up().build();
    let made = handle.link().add(dummy).execute().await.doing(|| format!("making the dummy port {ELSEWHERE}"));
    made.map_err(lacking("dummy"))?;
    let elsewhere = link::index_of(handle, ELSEWHERE).await?;
    for (index, name) in [(port.ifindex, port.name.as_str()), (elsewhere, ELSEWHERE)] {
        let message = LinkUnspec::new_with_index(index).controller(device.ifindex).build();
        handle.link().set(message).execute().await.doing(|| format!("making {name} a port of {NAME}"))?;
        if filtering {
            let member = LinkBridgeVlan::new(index).vlan(VLAN, BridgeVlanInfoFlags::empty()).build();
            handle.link().set(member).execute().await.doing(|| format!("taking {name} into VLAN {VLAN} of {NAME}"))?;
        }
    }
    if filtering {
        let own = LinkBridgeVlan::new(device.ifindex).bridge_self().vlan(VLAN, BridgeVlanInfoFlags::empty()).build();
        handle.link().set(own).execute().await.doing(|| format!("taking {NAME} itself into VLAN {VLAN}"))?;
    }
    // A bridge takes the smallest MTU of its ports and the MAC address of one of them, unless told.
    let up = LinkUnspec::new_with_index(device.ifindex).address(port.mac.to_vec()).mtu(mtu).up().build();
    handle.link().set(up).execute().await.doing(|| format!("bringing {NAME} up with MTU {mtu}"))?;
    let vlan = filtering.then_some(VLAN);
    let bridge = Bridge { here: port.ifindex, elsewhere, vlan, client: port.peer_mac };
    bridge.client_is_here(handle).await?;
    let device = match filtering {
        true => vlan::tag(handle, &device, VLAN, VlanProtocol::Ieee8021Q, mtu).await?,
        false => device,
    };
    Ok((device, bridge))
}

impl Bridge {
    /// The client is at the LAN port.
    pub(crate) async fn client_is_here(&self, handle: &Handle) -> Result<(), NetlinkError> {
        self.entry(handle, self.here, NeighbourFlags::Controller).await
    }

    /// The client is at the port where nobody is, and frames that come in at the LAN port do not change that (sticky).
    pub(crate) async fn client_is_elsewhere(&self, handle: &Handle) -> Result<(), NetlinkError> {
        self.entry(handle, self.elsewhere, NeighbourFlags::Controller | NeighbourFlags::Sticky).await
    }

    /// A static entry of the forwarding database, in place of the one before.
    async fn entry(&self, handle: &Handle, port: u32, flags: NeighbourFlags) -> Result<(), NetlinkError> {
        let request = handle.neighbours().add_bridge(port, &self.client);
        let mut request = request.state(NeighbourState::Noarp).flags(flags).replace();
        request.message_mut().attributes.extend(self.vlan.map(NeighbourAttribute::Vlan));
        let client = mac_text(self.client);
        request
            .execute()
            .await
            .doing(|| format!("putting {client} at port {port} into the bridge's forwarding database"))
    }
}
