//! A conntrack entry as ctnetlink tells it (include/uapi/linux/netfilter/nfnetlink_conntrack.h).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use flowgauge_reports::conform::{Entry, Tuple};
use flowgauge_reports::observation::Count;
use flowgauge_scenarios::Protocol;
use flowgauge_scenarios::conform::Flow;
use netlink_packet_core::{DecodeError, NlaBuffer};

use crate::witnesses::conntrack_count;
use crate::witnesses::netlink::{NFGENMSG, attributes, be32, nfgenmsg, push, push_nested};

const TUPLE_ORIG: u16 = 1;
const TUPLE_REPLY: u16 = 2;
const STATUS: u16 = 3;
const PROTOINFO: u16 = 4;
const TIMEOUT: u16 = 7;
const MARK: u16 = 8;
const COUNTERS_ORIG: u16 = 9;
const COUNTERS_REPLY: u16 = 10;

const TUPLE_IP: u16 = 1;
const TUPLE_PROTO: u16 = 2;
const IP_SOURCE: [u16; 2] = [1, 3];
const IP_DESTINATION: [u16; 2] = [2, 4];
const PROTO_NUMBER: u16 = 1;
const PROTO_SOURCE: u16 = 2;
const PROTO_DESTINATION: u16 = 3;

const PROTOINFO_TCP: u16 = 1;
const TCP_STATE: u16 = 1;

/// The body of a question about the entry of a flow: it is known by its first direction, as the client sends it.
pub(super) fn question(flow: &Flow, protocol: Protocol) -> Vec<u8> {
    let (family, addresses) = match (flow.client.ip(), flow.server.ip()) {
        (IpAddr::V4(client), IpAddr::V4(server)) => {
            (libc::AF_INET, [client.octets().to_vec(), server.octets().to_vec()])
        }
        (client, server) => (libc::AF_INET6, [client, server].map(|address| v6(address).octets().to_vec())),
    };
    let version = usize::from(family == libc::AF_INET6);
    let (mut ip, mut proto, mut tuple) = (Vec::new(), Vec::new(), Vec::new());
    push(&mut ip, IP_SOURCE[version], &addresses[0]);
    push(&mut ip, IP_DESTINATION[version], &addresses[1]);
    push(&mut proto, PROTO_NUMBER, &[number(protocol)]);
    push(&mut proto, PROTO_SOURCE, &flow.client.port().to_be_bytes());
    push(&mut proto, PROTO_DESTINATION, &flow.server.port().to_be_bytes());
    push_nested(&mut tuple, TUPLE_IP, &ip);
    push_nested(&mut tuple, TUPLE_PROTO, &proto);
    let mut message = nfgenmsg(family as u8).to_vec();
    push_nested(&mut message, TUPLE_ORIG, &tuple);
    message
}

fn v6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Tcp => libc::IPPROTO_TCP as u8,
        Protocol::Udp => libc::IPPROTO_UDP as u8,
    }
}

/// Reads an entry. `flow` is what it is called in the report.
pub(super) fn parse(message: &[u8], flow: u16) -> Result<Entry, DecodeError> {
    let (mut original, mut reply) = (None, None);
    let nowhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0);
    let nobody = Tuple { source: nowhere, destination: nowhere };
    let mut entry = Entry {
        flow,
        original: nobody,
        reply: nobody,
        status: 0,
        timeout_s: None,
        tcp_state: None,
        mark: 0,
        original_count: Count::default(),
        reply_count: Count::default(),
    };
    for attribute in attributes(message.get(NFGENMSG..).unwrap_or_default()) {
        let attribute = attribute?;
        match attribute.kind() {
            TUPLE_ORIG => original = Some(tuple(attribute.value())?),
            TUPLE_REPLY => reply = Some(tuple(attribute.value())?),
            STATUS => entry.status = be32(&attribute)?,
            PROTOINFO => entry.tcp_state = tcp_state(attribute.value())?,
            TIMEOUT => entry.timeout_s = Some(be32(&attribute)?),
            MARK => entry.mark = be32(&attribute)?,
            COUNTERS_ORIG => entry.original_count = conntrack_count(attribute.value())?,
            COUNTERS_REPLY => entry.reply_count = conntrack_count(attribute.value())?,
            _ => {}
        }
    }
    let incomplete = || DecodeError::from("a conntrack entry without its tuples");
    entry.original = original.ok_or_else(incomplete)?;
    entry.reply = reply.ok_or_else(incomplete)?;
    Ok(entry)
}

fn tuple(bytes: &[u8]) -> Result<Tuple, DecodeError> {
    let (mut addresses, mut ports) = ([None; 2], [0; 2]);
    for attribute in attributes(bytes) {
        let attribute = attribute?;
        for field in attributes(attribute.value()) {
            let field = field?;
            match (attribute.kind(), field.kind()) {
                (TUPLE_IP, kind) if IP_SOURCE.contains(&kind) => addresses[0] = Some(address(&field)?),
                (TUPLE_IP, kind) if IP_DESTINATION.contains(&kind) => addresses[1] = Some(address(&field)?),
                (TUPLE_PROTO, PROTO_SOURCE) => ports[0] = port(&field)?,
                (TUPLE_PROTO, PROTO_DESTINATION) => ports[1] = port(&field)?,
                _ => {}
            }
        }
    }
    match addresses {
        [Some(source), Some(destination)] => {
            Ok(Tuple { source: SocketAddr::new(source, ports[0]), destination: SocketAddr::new(destination, ports[1]) })
        }
        _ => Err(DecodeError::from("a tuple without its addresses")),
    }
}

fn address(field: &NlaBuffer<&[u8]>) -> Result<IpAddr, DecodeError> {
    let bytes = field.value();
    if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
        return Ok(Ipv4Addr::from(octets).into());
    }
    let octets =
        <[u8; 16]>::try_from(bytes).map_err(|_| DecodeError::from(format!("an address of {} bytes", bytes.len())));
    Ok(Ipv6Addr::from(octets?).into())
}

fn port(field: &NlaBuffer<&[u8]>) -> Result<u16, DecodeError> {
    let bytes = field.value().try_into().map_err(|_| DecodeError::from("a port that has not two bytes"));
    bytes.map(u16::from_be_bytes)
}

fn tcp_state(protoinfo: &[u8]) -> Result<Option<u8>, DecodeError> {
    for attribute in attributes(protoinfo) {
        let attribute = attribute?;
        for field in attributes(attribute.value()) {
            let field = field?;
            if let (PROTOINFO_TCP, TCP_STATE, [state]) = (attribute.kind(), field.kind(), field.value()) {
                return Ok(Some(*state));
            }
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(client: &str, server: &str) -> Flow {
        let (client, server): (SocketAddr, SocketAddr) = (client.parse().unwrap(), server.parse().unwrap());
        Flow { client, server, client_seen: client, server_real: server }
    }

    /// An answer of the kernel, with the reply tuple the same as the original.
    fn answer(flow: &Flow, more: &[u8]) -> Vec<u8> {
        let asked = question(flow, Protocol::Tcp);
        let tuple = attributes(&asked[NFGENMSG..]).next().unwrap().unwrap();
        let mut message = asked.clone();
        push_nested(&mut message, TUPLE_REPLY, tuple.value());
        message.extend_from_slice(more);
        message
    }

    #[test]
    fn an_entry_is_asked_for_and_read() {
        for (client, server) in
            [("198.18.128.1:10000", "198.19.128.1:20000"), ("[2001:2:0:1001::1]:10000", "[2001:2:0:1002::1]:20000")]
        {
            let flow = flow(client, server);
            let (mut more, mut tcp, mut state, mut counted) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
            push(&mut state, TCP_STATE, &[3]);
            push_nested(&mut tcp, PROTOINFO_TCP, &state);
            push(&mut counted, 1, &(1u64 << 33).to_be_bytes());
            push(&mut counted, 2, &7u64.to_be_bytes());
            push(&mut more, STATUS, &(1u32 << 14).to_be_bytes());
            push_nested(&mut more, PROTOINFO, &tcp);
            push(&mut more, TIMEOUT, &30u32.to_be_bytes());
            push(&mut more, MARK, &9u32.to_be_bytes());
            push_nested(&mut more, COUNTERS_REPLY, &counted);
            let entry = parse(&answer(&flow, &more), 5).unwrap();
            assert_eq!(entry.original, Tuple { source: flow.client, destination: flow.server });
            assert_eq!((entry.flow, entry.tcp_state, entry.timeout_s, entry.mark), (5, Some(3), Some(30), 9));
            assert!(entry.offloaded() && !entry.hardware_offloaded());
            assert_eq!((entry.reply_count.packets, entry.original_count.packets), (1 << 33, 0));
            let offloaded = parse(&answer(&flow, &[]), 0).unwrap();
            assert_eq!((offloaded.timeout_s, offloaded.tcp_state), (None, None));
        }
    }

    #[test]
    fn what_is_cut_is_an_error_and_never_a_panic() {
        let flow = flow("198.18.128.1:1", "198.19.128.1:2");
        let whole = answer(&flow, &[]);
        for length in 0..whole.len() {
            assert!(parse(&whole[..length], 0).is_err(), "{length}");
        }
        assert_eq!(question(&flow, Protocol::Udp)[0], 2);
        assert_ne!(question(&flow, Protocol::Udp), question(&flow, Protocol::Tcp));
    }
}
