//! A tunnel from the DUT to the client, over the link between them: IPv4 in IPv4 (RFC 2003) or IPv6 in IPv6 (RFC 2473).

use flowgauge_scenarios::Family;
use rtnetlink::packet_route::IpProtocol;
use rtnetlink::packet_route::link::Ip6TunnelFlags;
use rtnetlink::{Handle, LinkIp6Tnl, LinkIpIp, LinkMessageBuilder};

use super::{lacking, on};
use crate::addresses::CLIENT_LINK;
use crate::link;
use crate::netlink::Doing;
use crate::port::Port;
use crate::testbed::BuildError;

/// Hops that the outer header has left: a constant, so that the inner one's does not show in it.
const HOPS: u8 = 64;

/// A tunnel device between the link addresses, up. `port` has them.
pub(super) async fn to_peer(handle: &Handle, port: &Port, family: Family, mtu: u32) -> Result<Port, BuildError> {
    let (name, module, message) = match family {
        Family::Ipv4 => {
            let ends = CLIENT_LINK.ipv4;
            let tunnel = LinkMessageBuilder::<LinkIpIp>::new("ipip0").local(ends.dut).remote(ends.tester);
            ("ipip0", "ipip", tunnel.ttl(HOPS).dev(port.ifindex).link_group(link::GROUP).mtu(mtu).up().build())
        }
        Family::Ipv6 => {
            let ends = CLIENT_LINK.ipv6;
            let tunnel = LinkMessageBuilder::<LinkIp6Tnl>::new("ip6ip6").local(ends.dut).remote(ends.tester);
            // Without it each packet had a destination options header with the encapsulation limit (RFC 2473 section 4.1.1).
            let tunnel = tunnel.set_flag(Ip6TunnelFlags::IgnEncapLimit, true).mode(IpProtocol::Ipv6);
            ("ip6ip6", "ip6_tunnel", tunnel.ttl(HOPS).dev(port.ifindex).link_group(link::GROUP).mtu(mtu).up().build())
        }
    };
    let made = handle.link().add(message).execute().await;
    made.doing(|| format!("making the tunnel {name} with MTU {mtu}")).map_err(lacking(module))?;
    let ifindex = link::index_of(handle, name).await?;
    Ok(on(port, name.to_owned(), ifindex))
}
