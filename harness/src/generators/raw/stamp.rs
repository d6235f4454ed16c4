//! The stamp at the start of every test payload, and how to find it in a frame seen anywhere on the way.

use flowgauge_scenarios::Direction;
use flowgauge_scenarios::traffic::{ETHERNET_HEADER_LEN, STAMP_LEN};

/// Run, direction, flow, sequence and time of one frame.
///
/// On the wire, in network order: check (16 bits), run (16), direction (1), flow (20), sequence (32), time (59).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Number of the engine that sent it, drawn when the engine was made.
    pub run: u16,
    /// Who sent it: `upstream` is the client. Never `both`.
    pub direction: Direction,
    /// Number of the flow, below [`flowgauge_scenarios::traffic::MAX_FLOWS`].
    pub flow: u32,
    /// Number of the frame within its flow, direction and trial, from 0. From [`OPENING`] on: a step of the opening.
    pub seq: u32,
    /// CLOCK_MONOTONIC in nanoseconds when the frame's batch was handed to the kernel, 59 bits: 18 years of uptime.
    /// All namespaces of a kernel share it.
    pub sent_ns: u64,
}

/// A stamp as a tap reads it; see [`Stamp::read`].
pub type StampView = Stamp;

/// The first sequence that marks packets of the opening.
pub const OPENING: u32 = 0xffff_ff00;

const FLOW_BITS: u32 = 20;
const TIME_LOW_BITS: u32 = 48;
const TIME_HIGH_BITS: u32 = 11;

impl Stamp {
    /// The 128 bits behind the check: run and the low part of the time; direction, flow, sequence, the high part.
    #[inline]
    fn words(&self) -> (u64, u64) {
        let low = u64::from(self.run) << TIME_LOW_BITS | self.sent_ns & ((1 << TIME_LOW_BITS) - 1);
        let flow = u64::from(self.flow) & ((1 << FLOW_BITS) - 1);
        let time_high = self.sent_ns >> TIME_LOW_BITS & ((1 << TIME_HIGH_BITS) - 1);
        let down = u64::from(self.direction == Direction::Downstream);
        (down << 63 | flow << (32 + TIME_HIGH_BITS) | u64::from(self.seq) << TIME_HIGH_BITS | time_high, low)
    }

    /// Mixes all bits, so that stamps of other senders and damaged ones are told apart with 1 in 65536.
    #[inline]
    fn check((ids, low): (u64, u64)) -> u16 {
        let mixed = (ids.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ low).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed >> 48) as u16 ^ 0xf109
    }

    /// The stamp's bytes.
    #[inline]
    pub fn to_bytes(&self) -> [u8; STAMP_LEN] {
        let words = self.words();
        let mut bytes = [0; STAMP_LEN];
        bytes[..2].copy_from_slice(&Self::check(words).to_be_bytes());
        bytes[2..10].copy_from_slice(&words.0.to_be_bytes());
        bytes[10..].copy_from_slice(&words.1.to_be_bytes());
        bytes
    }

    /// The stamp at the start of `payload`; none when there is no room for one or its check is wrong.
    #[inline]
    pub fn parse(payload: &[u8]) -> Option<Stamp> {
        let (bytes, _) = payload.split_first_chunk::<STAMP_LEN>()?;
        let (check, rest) = bytes.split_first_chunk::<2>()?;
        let (ids, rest) = rest.split_first_chunk::<8>()?;
        let (ids, low) = (u64::from_be_bytes(*ids), u64::from_be_bytes(*rest.first_chunk::<8>()?));
        if Self::check((ids, low)) != u16::from_be_bytes(*check) {
            return None;
        }
        let time_high = ids & ((1 << TIME_HIGH_BITS) - 1);
        Some(Stamp {
            run: (low >> TIME_LOW_BITS) as u16,
            direction: if ids >> 63 == 1 { Direction::Downstream } else { Direction::Upstream },
            flow: (ids >> (32 + TIME_HIGH_BITS)) as u32 & ((1 << FLOW_BITS) - 1),
            seq: (ids >> TIME_HIGH_BITS) as u32,
            sent_ns: time_high << TIME_LOW_BITS | low & ((1 << TIME_LOW_BITS) - 1),
        })
    }

    /// The stamp in an Ethernet frame as it is seen anywhere on the way: whatever NAT has made of addresses and ports,
    /// and behind any number of VLAN tags. None when it is not UDP or TCP, or bears no sound stamp.
    ///
    /// Other engines' stamps are read too: compare `run` with [`super::RawEngine::run`].
    #[inline]
    pub fn read(frame: &[u8]) -> Option<StampView> {
        let mut at = ETHERNET_HEADER_LEN;
        let mut ether_type = frame.get(12..14)?;
        while matches!(ether_type, [0x81, 0] | [0x88, 0xa8] | [0x91, 0]) {
            ether_type = frame.get(at + 2..at + 4)?;
            at += 4;
        }
        let (protocol, l4) = match ether_type {
            [0x08, 0] => (*frame.get(at + 9)?, at + usize::from(*frame.get(at)? & 15) * 4),
            [0x86, 0xdd] => (*frame.get(at + 6)?, at + 40),
            _ => return None,
        };
        let payload = match protocol {
            17 => l4 + 8,
            6 => l4 + usize::from(*frame.get(l4 + 12)? >> 4) * 4,
            _ => return None,
        };
        Self::parse(frame.get(payload..)?)
    }

    /// The IPv4 identification of its frame. It differs from frame to frame, so that a DUT that makes its own shows.
    #[inline]
    pub fn ipv4_id(&self) -> u16 {
        self.seq as u16 ^ self.flow as u16 ^ 0x5a17
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn survives_the_wire(run: u16, down: bool, flow in 0u32..1 << FLOW_BITS, seq: u32, sent_ns in 0u64..1 << 59) {
            let direction = if down { Direction::Downstream } else { Direction::Upstream };
            let stamp = Stamp { run, direction, flow, seq, sent_ns };
            prop_assert_eq!(Stamp::parse(&stamp.to_bytes()), Some(stamp));
            prop_assert_eq!(Stamp::parse(&stamp.to_bytes()[1..]), None);
        }

        #[test]
        fn no_bytes_are_too_odd_to_look_at(frame in proptest::collection::vec(any::<u8>(), 0..120)) {
            let _ = Stamp::read(&frame);
        }
    }

    #[test]
    fn every_flow_number_fits() {
        const { assert!(flowgauge_scenarios::traffic::MAX_FLOWS <= 1 << FLOW_BITS) };
    }
}
