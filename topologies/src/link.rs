//! veth links and dummy ports: made, brought up, taken down.

use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_core::{NLM_F_ACK, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{InfoData, InfoVeth, LinkAttribute, LinkMessage, State};
use rtnetlink::{Handle, LinkDummy, LinkMessageBuilder, LinkUnspec, LinkVeth};
use tokio::time::timeout;

use crate::netlink::{Doing, NetlinkError};
use crate::netns::RouteSocket;

/// Loopback has this index in every namespace (LOOPBACK_IFINDEX).
const LOOPBACK_INDEX: u32 = 1;

/// The link group of a testbed's ports in the DUT ("fg"), so that one request takes all of them down.
pub(crate) const GROUP: u32 = 0x6667;

/// How long a link may take to carry packets once both ends are up. It takes microseconds.
const UP_WITHIN: Duration = Duration::from_secs(5);

/// One end of a veth link to be made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct End<'a> {
    pub(crate) name: &'a str,
    pub(crate) mac: [u8; 6],
    /// Its index, different from the other end's: where they are equal, linkwatch takes the port for a physical one and
    /// may report its carrier a second late (linkwatch_urgent_event, net/core/link_watch.c).
    pub(crate) index: u32,
    /// Whether it resolves neighbours. An end that does not (IFF_NOARP) joins no multicast group either, so it never
    /// speaks unasked.
    pub(crate) arp: bool,
}

/// Makes a veth link, both ends down: `near` in the namespace of `handle`, `far` in the one behind `far_netns`.
///
/// Made in place: creating and moving afterwards waits for RCU and takes twenty times as long.
pub(crate) async fn create(
    handle: &Handle,
    near: End<'_>,
    far: End<'_>,
    far_netns: BorrowedFd<'_>,
    mtu: u32,
) -> Result<(), NetlinkError> {
    let peer = LinkMessageBuilder::<LinkUnspec>::new()
        .name(far.name)
        .index(far.index)
        .address(far.mac.to_vec())
        .mtu(mtu)
        .setns_by_fd(far_netns.as_raw_fd())
        .build();
    let veth = LinkMessageBuilder::<LinkVeth>::new(near.name, far.name)
        .set_info_data(InfoData::Veth(InfoVeth::Peer(peer)))
        .index(near.index)
        .address(near.mac.to_vec())
        .mtu(mtu)
        .append_extra_attribute(LinkAttribute::Group(GROUP))
        .build();
    let outcome = handle.link().add(veth).execute().await;
    outcome.doing(|| format!("creating the veth link {} <-> {} with MTU {mtu}", near.name, far.name))
}

/// Makes a dummy port, down: it takes what it is given to send, counts it and frees it.
pub(crate) async fn create_dummy(handle: &Handle, end: End<'_>, mtu: u32) -> Result<(), NetlinkError> {
    let dummy = LinkMessageBuilder::<LinkDummy>::new(end.name)
        .index(end.index)
        .address(end.mac.to_vec())
        .mtu(mtu)
        .append_extra_attribute(LinkAttribute::Group(GROUP))
        .build();
    handle.link().add(dummy).execute().await.doing(|| format!("creating the dummy port {} with MTU {mtu}", end.name))
}

/// The index of the port `name`.
pub(crate) async fn index_of(handle: &Handle, name: &str) -> Result<u32, NetlinkError> {
    let mut links = handle.link().get().match_name(name.to_owned()).execute();
    let found = links.try_next().await.doing(|| format!("looking up the port {name}"))?;
    Ok(found.map_or(0, |link| link.header.index))
}

/// Brings loopback up: a stack needs it to reach its own addresses.
pub(crate) async fn loopback_up(handle: &Handle) -> Result<(), NetlinkError> {
    let message = LinkUnspec::new_with_index(LOOPBACK_INDEX).up().build();
    handle.link().set(message).execute().await.doing(|| "bringing loopback up".to_owned())
}

/// Brings one end of a link up. It carries packets when the other end is up too: [`wait_up`].
pub(crate) async fn up(handle: &Handle, index: u32, end: End<'_>) -> Result<(), NetlinkError> {
    let message = LinkUnspec::new_with_index(index).arp(end.arp).up().build();
    handle.link().set(message).execute().await.doing(|| format!("bringing {} up", end.name))
}

/// Waits until the kernel says that a port carries packets (operational state up). Returns whether it came to that.
pub(crate) async fn wait_up(socket: &mut RouteSocket, index: u32, name: &str) -> Result<bool, NetlinkError> {
    let is_up = |link: &LinkMessage| link.attributes.contains(&LinkAttribute::OperState(State::Up));
    let mut links = socket.handle.link().get().match_index(index).execute();
    let now = links.try_next().await.doing(|| format!("reading the state of {name}"))?;
    if now.as_ref().is_some_and(is_up) {
        return Ok(true);
    }
    let seen = async {
        while let Some(event) = socket.link_events.next().await {
            if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) = event.payload
                && link.header.index == index
                && is_up(&link)
            {
                return true;
            }
        }
        false
    };
    Ok(timeout(UP_WITHIN, seen).await.unwrap_or(false))
}

/// Deletes every link of [`GROUP`] in the namespace of `handle`, and with each its other end, in one request.
pub(crate) async fn delete_all(handle: &Handle) -> Result<(), NetlinkError> {
    // With index 0 the group decides (rtnl_dellink, net/core/rtnetlink.c), and all of it goes in one grace period.
    let message = LinkMessageBuilder::<LinkUnspec>::new().append_extra_attribute(LinkAttribute::Group(GROUP)).build();
    let mut request = NetlinkMessage::from(RouteNetlinkMessage::DelLink(message));
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK;
    let mut handle = handle.clone();
    let what = || "deleting the links of the testbed".to_owned();
    let mut answers = handle.request(request).doing(what)?;
    while let Some(answer) = answers.next().await {
        if let NetlinkPayload::Error(error) = answer.payload
            && error.code.is_some()
        {
            return Err(rtnetlink::Error::NetlinkError(error)).doing(what);
        }
    }
    Ok(())
}
