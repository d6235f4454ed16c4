//! Frames: built once by pnet, then only what differs per packet is written.

use flowgauge_scenarios::traffic::{ETHERNET_HEADER_LEN, STAMP_LEN};
use flowgauge_scenarios::{Family, Protocol};
use pnet::packet::ethernet::{EtherType, MutableEthernetPacket};
use pnet::packet::ip::IpNextHeaderProtocol;
use pnet::packet::ipv4::{Ipv4Flags, MutableIpv4Packet};
use pnet::packet::ipv6::MutableIpv6Packet;
use pnet::packet::tcp::{MutableTcpPacket, TcpOption};
use pnet::util::MacAddr;

use super::checksum;
use super::endpoint::Endpoint;
use super::stamp::Stamp;

/// Room for the longest headers (IPv6, TCP with options) and the stamp.
pub const HEADERS_MAX: usize = 128;
/// TTL and hop limit of every frame.
pub const HOP_LIMIT: u8 = 64;
/// The window that every TCP segment announces, before scaling.
pub const TCP_WINDOW: u16 = 65535;
/// The window scale of SYN and SYN-ACK: with [`TCP_WINDOW`] nearly 1 GiB may be in flight, so conntrack accepts data
/// that no acknowledgement follows.
pub const TCP_WINDOW_SCALE: u8 = 14;
/// The TCP flag SYN.
pub const SYN: u8 = 0x02;
/// The TCP flag ACK.
pub const ACK: u8 = 0x10;
/// The TCP flag PSH.
pub const PSH: u8 = 0x08;

/// The part of a payload behind the stamp: a fixed pattern.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// Its length in bytes.
    pub len: u16,
    /// Its [`checksum::sum`].
    pub sum: u64,
}

impl Tail {
    /// The first `len` bytes of the pattern.
    pub fn new(len: u16) -> Tail {
        Tail { len, sum: checksum::sum(&pattern(len as usize)) }
    }
}

/// The bytes behind the stamp. Neighbouring bytes differ, and so do bytes 256 apart: shifts and swaps show.
pub fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i as u8).wrapping_mul(31) ^ (i >> 8) as u8 ^ 0x5a).collect()
}

/// The headers of one kind of frame.
#[derive(Clone, Debug)]
pub struct Template {
    family: Family,
    protocol: Protocol,
    /// Ethernet, IP and L4 headers; what differs per packet is 0.
    headers: Vec<u8>,
}

/// The TCP numbers of one segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Sequence number.
    pub sequence: u32,
    /// Acknowledgement number.
    pub acknowledgement: u32,
}

impl Template {
    /// Headers of a frame from `source_mac` to `destination_mac`. `flags` are TCP's; with SYN come MSS (which fits
    /// `mss` bytes) and window scale.
    pub fn new(
        family: Family,
        protocol: Protocol,
        source_mac: [u8; 6],
        destination_mac: [u8; 6],
        flags: u8,
        mss: u16,
    ) -> Self {
        let options = if flags & SYN != 0 { 8 } else { 0 };
        let l4_len = protocol.header_len() + if protocol == Protocol::Tcp { options } else { 0 };
        let l4 = ETHERNET_HEADER_LEN + family.header_len();
        let mut headers = vec![0; l4 + l4_len];
        let number = IpNextHeaderProtocol(protocol_number(protocol));
        let mac = |m: [u8; 6]| MacAddr::new(m[0], m[1], m[2], m[3], m[4], m[5]);
        if let Some(mut ethernet) = MutableEthernetPacket::new(&mut headers) {
            ethernet.set_source(mac(source_mac));
            ethernet.set_destination(mac(destination_mac));
            ethernet.set_ethertype(EtherType(ether_type(family)));
        }
        match family {
            Family::Ipv4 => {
                if let Some(mut ip) = MutableIpv4Packet::new(&mut headers[ETHERNET_HEADER_LEN..]) {
                    ip.set_version(4);
                    ip.set_header_length(5);
                    ip.set_flags(Ipv4Flags::DontFragment);
                    ip.set_ttl(HOP_LIMIT);
                    ip.set_next_level_protocol(number);
                }
            }
            Family::Ipv6 => {
                if let Some(mut ip) = MutableIpv6Packet::new(&mut headers[ETHERNET_HEADER_LEN..]) {
                    ip.set_version(6);
                    ip.set_hop_limit(HOP_LIMIT);
                    ip.set_next_header(number);
                }
            }
        }
        if protocol == Protocol::Tcp
            && let Some(mut tcp) = MutableTcpPacket::new(&mut headers[l4..])
        {
            tcp.set_data_offset((l4_len / 4) as u8);
            tcp.set_flags(flags);
            tcp.set_window(TCP_WINDOW);
            if options > 0 {
                tcp.set_options(&[TcpOption::mss(mss), TcpOption::nop(), TcpOption::wscale(TCP_WINDOW_SCALE)]);
            }
        }
        Template { family, protocol, headers }
    }

    /// The same headers after `hops` routers, each of which takes one off TTL or hop limit.
    pub fn after(mut self, hops: u8) -> Self {
        self.headers[if self.family == Family::Ipv4 { 22 } else { 21 }] = HOP_LIMIT.saturating_sub(hops);
        self
    }

    /// The address family.
    pub fn family(&self) -> Family {
        self.family
    }

    /// Copies the headers to the start of `buffer`. Do it once; [`Template::write`] keeps them.
    pub fn prepare(&self, buffer: &mut [u8; HEADERS_MAX]) {
        buffer[..self.headers.len()].copy_from_slice(&self.headers);
    }

    /// Writes what differs per packet, checksums included, and returns how many bytes stand in `buffer`. Behind them
    /// comes the pattern of `tail`. `segment` is ignored for UDP.
    #[inline]
    pub fn write(
        &self,
        buffer: &mut [u8; HEADERS_MAX],
        source: &Endpoint,
        destination: &Endpoint,
        segment: Segment,
        stamp: Option<&Stamp>,
        tail: Tail,
    ) -> usize {
        let l4 = ETHERNET_HEADER_LEN + self.family.header_len();
        let payload = self.headers.len();
        let end = payload + if stamp.is_some() { STAMP_LEN } else { 0 };
        let l4_len = (end - l4) as u16 + tail.len;
        let addresses = match self.family {
            Family::Ipv4 => {
                buffer[16..18].copy_from_slice(&(20 + l4_len).to_be_bytes());
                buffer[18..20].copy_from_slice(&stamp.map_or(0, Stamp::ipv4_id).to_be_bytes());
                buffer[24..26].fill(0);
                buffer[26..30].copy_from_slice(&source.address[..4]);
                buffer[30..34].copy_from_slice(&destination.address[..4]);
                let sum = !checksum::fold(checksum::sum(&buffer[14..34]));
                buffer[24..26].copy_from_slice(&sum.to_ne_bytes());
                26
            }
            Family::Ipv6 => {
                buffer[18..20].copy_from_slice(&l4_len.to_be_bytes());
                buffer[22..38].copy_from_slice(&source.address);
                buffer[38..54].copy_from_slice(&destination.address);
                22
            }
        };
        buffer[l4..l4 + 2].copy_from_slice(&source.port.to_be_bytes());
        buffer[l4 + 2..l4 + 4].copy_from_slice(&destination.port.to_be_bytes());
        let check = match self.protocol {
            Protocol::Udp => {
                buffer[l4 + 4..l4 + 6].copy_from_slice(&l4_len.to_be_bytes());
                l4 + 6
            }
            Protocol::Tcp => {
                buffer[l4 + 4..l4 + 8].copy_from_slice(&segment.sequence.to_be_bytes());
                buffer[l4 + 8..l4 + 12].copy_from_slice(&segment.acknowledgement.to_be_bytes());
                l4 + 16
            }
        };
        buffer[check..check + 2].fill(0);
        if let Some(stamp) = stamp {
            buffer[payload..end].copy_from_slice(&stamp.to_bytes());
        }
        // Addresses, L4 header and stamp lie side by side: one pass covers them.
        let pseudo = checksum::word(l4_len) + checksum::word(protocol_number(self.protocol).into());
        let mut sum = !checksum::fold(checksum::sum(&buffer[addresses..end]) + pseudo + tail.sum);
        if sum == 0 && self.protocol == Protocol::Udp {
            sum = 0xffff; // RFC 768: 0 would say that there is no checksum.
        }
        buffer[check..check + 2].copy_from_slice(&sum.to_ne_bytes());
        end
    }
}

/// The IP protocol number.
pub const fn protocol_number(protocol: Protocol) -> u8 {
    match protocol {
        Protocol::Udp => 17,
        Protocol::Tcp => 6,
    }
}

/// The EtherType.
pub const fn ether_type(family: Family) -> u16 {
    match family {
        Family::Ipv4 => 0x0800,
        Family::Ipv6 => 0x86dd,
    }
}
