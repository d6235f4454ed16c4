//! One port that is lent: found, moved, and moved back as it came.

use std::os::fd::AsRawFd;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use netlink_packet_core::NetlinkPayload;
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};
use rtnetlink::{Handle, LinkUnspec};
use tokio::time::timeout;

use super::{LoanError, threaded};
use crate::features::{self, Features};
use crate::netlink::{Doing, NetlinkError};
use crate::netns::{Netns, RouteSocket};
use crate::testbed::BuildError;
use crate::{address, link};

/// How long a port of a testbed that was killed may take to come back: the kernel takes namespaces down in its own time.
const BACK_WITHIN: Duration = Duration::from_secs(20);

/// A port as it was found.
#[derive(Debug)]
pub(super) struct Lent {
    pub(super) name: String,
    /// Where it is on loan.
    room: Netns,
    mac: Vec<u8>,
    mtu: u32,
    alias: String,
    arp: bool,
    features: Features,
    threaded: Option<bool>,
}

/// Finds `name` at home, and notes how it is. Nothing is changed, except that a port that came back from a killed testbed
/// under another name has its own again.
pub(super) async fn find(
    home_netns: &Netns,
    home: &mut RouteSocket,
    name: &str,
    room: &Netns,
) -> Result<Lent, BuildError> {
    let Some(found) = appear(home, name).await? else {
        let there = all(&home.handle).await?.iter().map(|link| name_of(link).to_owned()).collect::<Vec<_>>();
        return Err(LoanError::Absent { port: name.to_owned(), there: there.join(", ") }.into());
    };
    if found.header.flags.contains(LinkFlags::Up) {
        return Err(LoanError::InUse { port: name.to_owned() }.into());
    }
    if name_of(&found) != name {
        let message = LinkUnspec::new_with_index(found.header.index).name(name.to_owned()).build();
        let renamed = home.handle.link().set(message).execute().await;
        renamed.doing(|| format!("giving {} its name {name} again", name_of(&found)))?;
    }
    let mut lent = Lent {
        name: name.to_owned(),
        room: room.try_clone().map_err(crate::NetnsError::Enter)?,
        mac: Vec::new(),
        mtu: 0,
        alias: String::new(),
        arp: !found.header.flags.contains(LinkFlags::Noarp),
        features: home_netns.run(|| features::read(name))??,
        threaded: None,
    };
    for attribute in found.attributes {
        match attribute {
            LinkAttribute::Address(mac) => lent.mac = mac,
            LinkAttribute::Mtu(mtu) => lent.mtu = mtu,
            LinkAttribute::IfAlias(alias) if alias != alias_of(name) => lent.alias = alias,
            _ => {}
        }
    }
    Ok(lent)
}

impl Lent {
    /// Moves the port to its room, with the MAC address and MTU that it has there.
    pub(super) async fn go(&self, home: &Handle, room: &Handle, mac: [u8; 6], mtu: u32) -> Result<(), NetlinkError> {
        let name = &self.name;
        // The alias goes with the port wherever the kernel takes it, and under whatever name.
        let message = LinkUnspec::new_with_index(link::index_of(home, name).await?)
            .setns_by_fd(self.room.fd().as_raw_fd())
            .append_extra_attribute(LinkAttribute::IfAlias(alias_of(name)));
        let moved = home.link().set(message.build()).execute().await;
        moved.doing(|| format!("moving {name} into a namespace of the testbed"))?;
        let message = LinkUnspec::new_with_index(link::index_of(room, name).await?).address(mac.to_vec()).mtu(mtu);
        let set = room.link().set(message.build()).execute().await;
        set.doing(|| format!("setting MTU {mtu} and the MAC address {} of {name}", address::mac_text(mac)))
    }

    /// Receives in a thread from now on, where the driver can. The port must be up: some have their NAPI only then.
    pub(super) fn receive_in_threads(&mut self) -> Result<bool, BuildError> {
        let before = threaded::set(&self.room, &self.name, true)?;
        self.threaded = before;
        Ok(before.is_some())
    }

    /// Brings the port home, down, as it was found. A port that is not in its room is at home already.
    pub(super) async fn come_back(&self, home_netns: &Netns, home: &Handle, room: &Handle) -> Result<(), BuildError> {
        let name = &self.name;
        let mut first: Result<(), BuildError> = Ok(());
        let index = link::index_of(room, name).await?;
        if index != 0 {
            // What fails on the way must not keep the port from going home; it is told in the end.
            if self.threaded == Some(false) {
                first = first.and(threaded::set(&self.room, name, false).map(|_| ()));
            }
            let down = LinkUnspec::new_with_index(index).arp(self.arp).down().build();
            let done = room.link().set(down).execute().await.doing(|| format!("bringing {name} down"));
            first = first.and(done.map_err(BuildError::from));
            let message = LinkUnspec::new_with_index(index).setns_by_fd(home_netns.fd().as_raw_fd()).build();
            let moved = room.link().set(message).execute().await;
            moved.doing(|| format!("moving {name} back to the namespace it came from"))?;
        }
        // Only at home, where no rule of the testbed is bound to it any more.
        let message = LinkUnspec::new_with_index(link::index_of(home, name).await?)
            .address(self.mac.clone())
            .mtu(self.mtu)
            .append_extra_attribute(LinkAttribute::IfAlias(self.alias.clone()));
        let set = home.link().set(message.build()).execute().await;
        let set = set.doing(|| format!("giving {name} its MTU, MAC address and alias again")).map_err(BuildError::from);
        let restored = home_netns.run(|| features::restore(name, &self.features))?.map_err(BuildError::from);
        first.and(set).and(restored)
    }

    /// Where the port is on loan.
    pub(super) fn room(&self) -> &Netns {
        &self.room
    }
}

/// The port `name`, or the one that a testbed once lent under that name; waits for one that is on its way home.
async fn appear(home: &mut RouteSocket, name: &str) -> Result<Option<LinkMessage>, NetlinkError> {
    let is_it = |link: &LinkMessage| name_of(link) == name;
    let was_it = |link: &LinkMessage| link.attributes.contains(&LinkAttribute::IfAlias(alias_of(name)));
    let mut links = all(&home.handle).await?;
    if let Some(at) = links.iter().position(is_it).or_else(|| links.iter().position(was_it)) {
        return Ok(Some(links.swap_remove(at)));
    }
    let seen = async {
        while let Some(event) = home.link_events.next().await {
            if let NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link)) = event.payload
                && (is_it(&link) || was_it(&link))
            {
                return Some(link);
            }
        }
        None
    };
    Ok(timeout(BACK_WITHIN, seen).await.unwrap_or(None))
}

async fn all(handle: &Handle) -> Result<Vec<LinkMessage>, NetlinkError> {
    handle.link().get().execute().try_collect().await.doing(|| "listing the ports of this namespace".to_owned())
}

fn name_of(link: &LinkMessage) -> &str {
    let mut attributes = link.attributes.iter();
    let name = attributes.find_map(|attribute| match attribute {
        LinkAttribute::IfName(name) => Some(name.as_str()),
        _ => None,
    });
    name.unwrap_or_default()
}

/// What a lent port bears as its alias (`ip link` shows it), so that it is known whatever its name becomes.
fn alias_of(name: &str) -> String {
    format!("flowgauge {name}")
}
