//! A bond with one port, active-backup (Documentation/networking/bonding.rst).

use rtnetlink::packet_route::link::BondMode;
use rtnetlink::{Handle, LinkBond, LinkMessageBuilder, LinkUnspec};

use super::{lacking, on};
use crate::link;
use crate::netlink::Doing;
use crate::port::Port;
use crate::testbed::BuildError;

const NAME: &str = "bond0";

/// Makes the bond over `port`, both up, with the port's MAC address.
pub(super) async fn over(handle: &Handle, port: &Port, mtu: u32) -> Result<Port, BuildError> {
    let bond = LinkMessageBuilder::<LinkBond>::new(NAME).mode(BondMode::ActiveBackup);
    let message = bond.address(port.mac.to_vec()).link_group(link::GROUP).mtu(mtu).up().build();
    let made = handle.link().add(message).execute().await.doing(|| format!("making the bond {NAME}"));
    made.map_err(lacking("bonding"))?;
    let bond = on(port, NAME.to_owned(), link::index_of(handle, NAME).await?);
    // A port joins a bond while it is down (bond_enslave); the bond brings it up.
    let down = LinkUnspec::new_with_index(port.ifindex).down().build();
    handle.link().set(down).execute().await.doing(|| format!("setting {} down, to join {NAME}", port.name))?;
    let join = LinkUnspec::new_with_index(port.ifindex).controller(bond.ifindex).build();
    handle.link().set(join).execute().await.doing(|| format!("making {} a port of {NAME}", port.name))?;
    // A bond takes the MTU of its first port.
    let up = LinkUnspec::new_with_index(bond.ifindex).mtu(mtu).up().build();
    handle.link().set(up).execute().await.doing(|| format!("bringing {NAME} up with MTU {mtu}"))?;
    Ok(bond)
}
