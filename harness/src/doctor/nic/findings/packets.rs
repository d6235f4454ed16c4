//! UDP packets from the client's pool to the server's, one flow per source port.

use std::net::Ipv4Addr;

use flowgauge_topologies::{Host, addresses::CLIENT_LINK, addresses::SERVER_LINK};
use pnet::packet::ethernet::{EtherTypes, MutableEthernetPacket};
use pnet::packet::ip::IpNextHeaderProtocols;
use pnet::packet::ipv4::{self, MutableIpv4Packet};
use pnet::packet::udp::{self, MutableUdpPacket};
use pnet::util::MacAddr;

const ETHERNET: usize = 14;
const IP: usize = 20;
const UDP: usize = 8;
/// The shortest frame without its FCS.
const FRAME: usize = 60;
const FIRST_PORT: u16 = 20_000;
/// The destination port of every packet (the discard service).
pub(super) const TO_PORT: u16 = 9;
const TTL: u8 = 64;

/// Where every packet goes: an address of the server's pool.
pub(super) fn destination() -> Ipv4Addr {
    first_of(SERVER_LINK.pool_ipv4.address)
}

/// The frame of flow `flow`, as the client sends it to the DUT.
pub(super) fn frame(client: &Host, flow: u16) -> Vec<u8> {
    let (source, destination) = (first_of(CLIENT_LINK.pool_ipv4.address), destination());
    let mut frame = vec![0; FRAME];
    let mac = |m: [u8; 6]| MacAddr::new(m[0], m[1], m[2], m[3], m[4], m[5]);
    if let Some(mut ethernet) = MutableEthernetPacket::new(&mut frame) {
        ethernet.set_source(mac(client.port.mac));
        ethernet.set_destination(mac(client.port.peer_mac));
        ethernet.set_ethertype(EtherTypes::Ipv4);
    }
    if let Some(mut udp) = MutableUdpPacket::new(&mut frame[ETHERNET + IP..]) {
        udp.set_source(FIRST_PORT + flow);
        udp.set_destination(TO_PORT);
        udp.set_length((FRAME - ETHERNET - IP) as u16);
        let checksum = udp::ipv4_checksum(&udp.to_immutable(), &source, &destination);
        udp.set_checksum(checksum);
    }
    if let Some(mut ip) = MutableIpv4Packet::new(&mut frame[ETHERNET..]) {
        ip.set_version(4);
        ip.set_header_length(5);
        ip.set_total_length((FRAME - ETHERNET) as u16);
        ip.set_ttl(TTL);
        ip.set_next_level_protocol(IpNextHeaderProtocols::Udp);
        ip.set_source(source);
        ip.set_destination(destination);
        let checksum = ipv4::checksum(&ip.to_immutable());
        ip.set_checksum(checksum);
    }
    frame
}

fn first_of(pool: Ipv4Addr) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(pool) + 1)
}

const _: () = assert!(FRAME > ETHERNET + IP + UDP);
