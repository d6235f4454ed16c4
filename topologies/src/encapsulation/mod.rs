//! What a port of the DUT can carry its frames in, by the devices that are stacked on it.
//!
//! ```text
//!  vlan         lan0.10            on lan0
//!  double-vlan  lan0.20.10         on lan0.20 on lan0        802.1Q in 802.1Q
//!  qinq         lan0.20.10         on lan0.20 on lan0        802.1Q in 802.1ad
//!  pppoe        ppp0               on session 7 on lan0
//!  bridge       br0                with the ports lan0 and elsewhere0
//!  bridge-vlan  br0.10             on br0, which filters VLANs
//!  tunnel       ipip0 or ip6ip6    between the link addresses of lan0 and of the client
//!  bond         bond0              with the port lan0
//! ```
//!
//! The device on top has the addresses that the plain port would have had. Its MTU is the one asked for; the port below
//! has room for the headers too, at both ends of the link.

mod bond;
mod bridge;
mod pppoe;
mod tunnel;
mod vlan;

use flowgauge_scenarios::Family;
use flowgauge_scenarios::conform::Encapsulation;
use rtnetlink::Handle;
use thiserror::Error;

pub(crate) use bridge::Bridge;
pub use pppoe::{PppoeError, Session};

use crate::netlink::NetlinkError;
use crate::netns::Netns;
use crate::port::Port;
use crate::testbed::BuildError;

/// The VLAN that carries the traffic.
pub const VLAN: u16 = 10;
/// The VLAN around it.
pub const OUTER_VLAN: u16 = 20;
/// The PPPoE session.
pub const SESSION: u16 = 7;

/// The kernel lacks what an encapsulation is made of.
#[derive(Debug, Error)]
#[error("this kernel has no {module} (`modprobe {module}`, or a kernel that has it): {source}")]
pub struct Lacking {
    /// The module.
    pub module: &'static str,
    /// What the kernel said.
    pub source: NetlinkError,
}

/// The device that has the addresses, and what it lives by.
#[derive(Debug)]
pub(crate) struct Stacked {
    pub(crate) device: Port,
    pub(crate) bridge: Option<Bridge>,
    pub(crate) session: Option<Session>,
}

/// Bytes that headers take on the port beyond what its MTU allows for: a port takes one 802.1Q tag more than its MTU says
/// (is_skb_forwardable in net/core/dev.c; packet sockets likewise), and nothing else.
pub(crate) const fn overhead(encapsulation: Encapsulation) -> u32 {
    match encapsulation {
        Encapsulation::None
        | Encapsulation::Vlan
        | Encapsulation::Bridge
        | Encapsulation::BridgeVlan
        | Encapsulation::Bond => 0,
        Encapsulation::DoubleVlan | Encapsulation::Qinq | Encapsulation::Pppoe => 8,
        Encapsulation::Tunnel => 40,
    }
}

/// Stacks on `port`, which is up and has no addresses unless it is to carry a tunnel. `mtu` is that of the device on top.
pub(crate) async fn stack(
    handle: &Handle,
    netns: &Netns,
    port: &Port,
    encapsulation: Encapsulation,
    family: Family,
    mtu: u32,
) -> Result<Stacked, BuildError> {
    let only = |device| Stacked { device, bridge: None, session: None };
    Ok(match encapsulation {
        Encapsulation::None => only(port.clone()),
        Encapsulation::Vlan => only(vlan::single(handle, port, mtu).await?),
        Encapsulation::DoubleVlan => only(vlan::double(handle, port, mtu, false).await?),
        Encapsulation::Qinq => only(vlan::double(handle, port, mtu, true).await?),
        Encapsulation::Pppoe => {
            let (device, session) = pppoe::connect(handle, netns, port, mtu).await?;
            Stacked { device, bridge: None, session: Some(session) }
        }
        Encapsulation::Bridge => {
            let (device, bridge) = bridge::build(handle, port, mtu, false).await?;
            Stacked { device, bridge: Some(bridge), session: None }
        }
        Encapsulation::BridgeVlan => {
            let (device, bridge) = bridge::build(handle, port, mtu, true).await?;
            Stacked { device, bridge: Some(bridge), session: None }
        }
        Encapsulation::Tunnel => only(tunnel::to_peer(handle, port, family, mtu).await?),
        Encapsulation::Bond => only(bond::over(handle, port, mtu).await?),
    })
}

/// Whether a device on top has link layer addresses, and so neighbours.
pub(crate) const fn has_neighbours(encapsulation: Encapsulation) -> bool {
    !matches!(encapsulation, Encapsulation::Pppoe | Encapsulation::Tunnel)
}

/// Names the module where the kernel says that there is no such kind of device.
fn lacking(module: &'static str) -> impl Fn(NetlinkError) -> BuildError {
    move |source| match source.source.raw_os_error() {
        Some(libc::EOPNOTSUPP | libc::EAFNOSUPPORT | libc::EPROTONOSUPPORT) => Lacking { module, source }.into(),
        _ => source.into(),
    }
}

/// A device made on `port`: its name and index, everything else as the port's.
fn on(port: &Port, name: String, ifindex: u32) -> Port {
    Port { name, driver: String::new(), ifindex, ..port.clone() }
}
