//! The counters of the four ports, from rtnetlink (`struct rtnl_link_stats64`).

use flowgauge_reports::observation::{PortCounters, Ports};
use flowgauge_topologies::Netns;
use netlink_packet_core::DecodeError;

use super::netlink::{Conversation, NETLINK_ROUTE, NetlinkError, Question, attributes, push_string};
use super::witness::{Witness, WitnessError};

const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
/// Length of `struct ifinfomsg`.
const IFINFOMSG: usize = 16;
const IFLA_IFNAME: u16 = 3;
const IFLA_STATS64: u16 = 23;
const DOING: &str = "reading the counters of a port";

/// The names of the testbed's ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortNames {
    /// The client's port.
    pub client: String,
    /// The DUT's port towards the client.
    pub lan: String,
    /// The DUT's port towards the server.
    pub wan: String,
    /// The server's port.
    pub server: String,
}

/// Reads the counters of every port, each in its own namespace.
#[derive(Debug)]
pub struct PortWitness {
    client: Conversation,
    dut: Conversation,
    server: Conversation,
    names: PortNames,
}

impl PortWitness {
    /// Opens rtnetlink in the three namespaces.
    pub fn open(client: &Netns, dut: &Netns, server: &Netns, names: &PortNames) -> Result<Self, NetlinkError> {
        Ok(PortWitness {
            client: Conversation::open(client, NETLINK_ROUTE)?,
            dut: Conversation::open(dut, NETLINK_ROUTE)?,
            server: Conversation::open(server, NETLINK_ROUTE)?,
            names: names.clone(),
        })
    }
}

impl Witness<Ports> for PortWitness {
    fn read(&mut self) -> Result<Ports, WitnessError> {
        Ok(Ports {
            client: counters(&mut self.client, &self.names.client)?,
            lan: counters(&mut self.dut, &self.names.lan)?,
            wan: counters(&mut self.dut, &self.names.wan)?,
            server: counters(&mut self.server, &self.names.server)?,
        })
    }
}

pub(super) fn counters(socket: &mut Conversation, name: &str) -> Result<PortCounters, WitnessError> {
    let found = ask(socket, name, None, |found, payload| {
        *found = stats(payload)?;
        Ok(())
    })?;
    found.ok_or_else(|| WitnessError::NoCounters { name: name.to_owned() })
}

/// The index of the port `name` in the socket's namespace.
pub(super) fn ifindex(socket: &mut Conversation, name: &str) -> Result<u32, WitnessError> {
    ask(socket, name, 0, |index, link| {
        // struct ifinfomsg: family, padding, type, then the index.
        let bytes = link.get(4..8).and_then(|bytes| bytes.try_into().ok());
        *index = bytes.map(u32::from_ne_bytes).ok_or_else(|| DecodeError::from("a link without its index"))?;
        Ok(())
    })
}

/// Asks for the link `name` and hands on what the kernel says of it.
fn ask<T: Clone>(
    socket: &mut Conversation,
    name: &str,
    nothing: T,
    each: impl Fn(&mut T, &[u8]) -> Result<(), DecodeError>,
) -> Result<T, WitnessError> {
    // All zero: the name decides.
    let mut payload = vec![0; IFINFOMSG];
    push_string(&mut payload, IFLA_IFNAME, name);
    let question = Question { doing: DOING, message_type: RTM_GETLINK, dump: false, payload: &payload };
    let link = |found: &mut T, kind: u16, payload: &[u8]| match kind {
        RTM_NEWLINK => each(found, payload),
        _ => Ok(()),
    };
    let source = |source| WitnessError::Port { name: name.to_owned(), source };
    socket.ask(question, || nothing.clone(), link).map_err(source)
}

/// The counters among the attributes of a link. Only these are parsed: what else a newer kernel says of a link is no
/// reason to fail.
fn stats(payload: &[u8]) -> Result<Option<PortCounters>, DecodeError> {
    for attribute in attributes(payload.get(IFINFOMSG..).unwrap_or_default()) {
        let attribute = attribute?;
        if attribute.kind() == IFLA_STATS64 {
            return counters_of(attribute.value()).map(Some);
        }
    }
    Ok(None)
}

/// The first eight fields of `struct rtnl_link_stats64` (include/uapi/linux/if_link.h).
pub(super) fn counters_of(stats: &[u8]) -> Result<PortCounters, DecodeError> {
    let mut fields = stats.chunks_exact(8).filter_map(|field| field.try_into().ok().map(u64::from_ne_bytes));
    let mut next = || fields.next().ok_or_else(|| DecodeError::from(format!("{} bytes of counters", stats.len())));
    let (rx_packets, tx_packets, rx_bytes, tx_bytes) = (next()?, next()?, next()?, next()?);
    let (rx_errors, tx_errors, rx_dropped, tx_dropped) = (next()?, next()?, next()?, next()?);
    Ok(PortCounters { rx_packets, rx_bytes, rx_dropped, rx_errors, tx_packets, tx_bytes, tx_dropped, tx_errors })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(attributes: &[(u16, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; IFINFOMSG];
        for (kind, value) in attributes {
            bytes.extend_from_slice(&((4 + value.len()) as u16).to_ne_bytes());
            bytes.extend_from_slice(&kind.to_ne_bytes());
            bytes.extend_from_slice(value);
        }
        bytes
    }

    #[test]
    fn counters_are_found_behind_attributes_of_no_interest() {
        let fields: Vec<u8> = (1..=25u64).flat_map(|n| (n << 32).to_ne_bytes()).collect();
        let found =
            stats(&link(&[(IFLA_IFNAME, b"lan0"), (0x4fff, b"????"), (IFLA_STATS64, &fields)])).unwrap().unwrap();
        assert_eq!((found.rx_packets, found.tx_packets), (1 << 32, 2 << 32));
        assert_eq!((found.rx_bytes, found.tx_bytes), (3 << 32, 4 << 32));
        assert_eq!((found.rx_errors, found.tx_errors), (5 << 32, 6 << 32));
        assert_eq!((found.rx_dropped, found.tx_dropped), (7 << 32, 8 << 32));
    }

    #[test]
    fn what_is_cut_is_refused() {
        assert_eq!(stats(&link(&[])).unwrap(), None);
        assert_eq!(stats(&[0; 3]).unwrap(), None);
        let error = stats(&link(&[(IFLA_STATS64, &[0; 56])])).unwrap_err();
        assert!(error.to_string().contains("56 bytes of counters"), "{error}");
    }
}
