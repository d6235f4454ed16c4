//! UDP and TCP headers.

use flowgauge_scenarios::Protocol;
use flowgauge_scenarios::conform::{PacketSpec, Sum};
use pnet::packet::tcp::{MutableTcpPacket, TcpOption};
use pnet::packet::udp::MutableUdpPacket;

use super::error::CraftError;
use super::numbers::{ACK, PSH, SYN, Segment, WINDOW_SCALE};
use crate::generators::raw::checksum;

/// The flags byte of `letters`.
pub(super) fn flags(letters: Option<&str>) -> Result<u8, CraftError> {
    let Some(letters) = letters else { return Ok(PSH | ACK) };
    letters.chars().try_fold(0, |flags, letter| {
        let bit = "FSRPAUEC".find(letter).ok_or_else(|| CraftError::Flags(letters.to_owned()))?;
        Ok(flags | 1 << bit)
    })
}

/// What a transport header is made from.
pub(super) struct Transport<'a> {
    pub(super) protocol: Protocol,
    /// Source and destination port.
    pub(super) ports: (u16, u16),
    /// Flags and numbers of TCP.
    pub(super) segment: (u8, Segment),
    /// The largest segment that a SYN announces.
    pub(super) mss: u16,
    /// [`checksum::sum`] of source and destination address.
    pub(super) addresses: u64,
    pub(super) payload: &'a [u8],
}

impl Transport<'_> {
    /// Header and payload, with the checksum that `spec` asks for.
    pub(super) fn bytes(&self, spec: &PacketSpec) -> Result<Vec<u8>, CraftError> {
        let (number, mut bytes, at) = match self.protocol {
            Protocol::Udp => (17, self.udp()?, 6),
            Protocol::Tcp => (6, self.tcp(spec), 16),
        };
        let len = u16::try_from(bytes.len()).map_err(|_| CraftError::TooLong(bytes.len()))?;
        let pseudo = self.addresses + checksum::word(len) + checksum::word(number);
        let right = !checksum::fold(checksum::sum(&bytes) + pseudo);
        // RFC 768: a sum of zero is sent as all ones, for zero says that there is none.
        let right = if right == 0 && self.protocol == Protocol::Udp { 0xffff } else { right };
        bytes[at..at + 2].copy_from_slice(&of(spec.sum, right).to_ne_bytes());
        Ok(bytes)
    }

    fn udp(&self) -> Result<Vec<u8>, CraftError> {
        let mut bytes = vec![0; 8 + self.payload.len()];
        let len = u16::try_from(bytes.len()).map_err(|_| CraftError::TooLong(bytes.len()))?;
        if let Some(mut udp) = MutableUdpPacket::new(&mut bytes) {
            udp.set_source(self.ports.0);
            udp.set_destination(self.ports.1);
            udp.set_length(len);
            udp.set_payload(self.payload);
        }
        Ok(bytes)
    }

    fn tcp(&self, spec: &PacketSpec) -> Vec<u8> {
        let (flags, segment) = self.segment;
        let mut options = Vec::new();
        if flags & SYN != 0 {
            options.extend([TcpOption::mss(self.mss), TcpOption::nop(), TcpOption::wscale(WINDOW_SCALE)]);
        }
        if spec.timestamps {
            let (value, echo) = segment.stamps;
            options.extend([TcpOption::nop(), TcpOption::nop(), TcpOption::timestamp(value, echo)]);
        }
        let header = 20 + if flags & SYN != 0 { 8 } else { 0 } + if spec.timestamps { 12 } else { 0 };
        let mut bytes = vec![0; header];
        if let Some(mut tcp) = MutableTcpPacket::new(&mut bytes) {
            tcp.set_source(self.ports.0);
            tcp.set_destination(self.ports.1);
            tcp.set_sequence(segment.sequence);
            tcp.set_acknowledgement(segment.acknowledgement);
            tcp.set_data_offset((header / 4) as u8);
            tcp.set_flags(flags);
            tcp.set_window(spec.window);
            tcp.set_options(&options);
        }
        bytes.extend_from_slice(self.payload);
        bytes
    }
}

/// The checksum that is asked for, where `right` is right. A wrong one is off by one bit and never zero, because that
/// would mean something else.
pub(super) fn of(sum: Sum, right: u16) -> u16 {
    match sum {
        Sum::Right => right,
        Sum::Wrong if right == 1 => 3,
        Sum::Wrong => right ^ 1,
        Sum::Zero => 0,
    }
}
