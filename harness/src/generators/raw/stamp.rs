//! The stamp at the start of every test payload.

use flowgauge_scenarios::traffic::STAMP_LEN;

/// Flow, sequence and time of one frame. On the wire, in network order: check (2 bytes), flow (4), sequence (4), time (8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Number of the flow.
    pub flow: u32,
    /// Number of the frame within its flow and trial, from 0. From [`OPENING`] on: a step of the opening.
    pub sequence: u32,
    /// CLOCK_MONOTONIC in nanoseconds when the frame's batch was handed to the kernel. All namespaces of a kernel share it.
    pub time_ns: u64,
}

/// The first sequence that marks packets of the opening.
pub const OPENING: u32 = 0xffff_ff00;

impl Stamp {
    /// Mixes all bits, so that stamps of other senders and damaged ones are told apart with 1 in 65536.
    #[inline]
    fn check(&self) -> u16 {
        let ids = (u64::from(self.flow) << 32 | u64::from(self.sequence)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mixed = (ids ^ self.time_ns).wrapping_mul(0xd6e8_feb8_6659_fd93);
        (mixed >> 48) as u16 ^ 0xf109
    }

    /// The stamp's bytes.
    #[inline]
    pub fn to_bytes(&self) -> [u8; STAMP_LEN] {
        let mut bytes = [0; STAMP_LEN];
        bytes[..2].copy_from_slice(&self.check().to_be_bytes());
        bytes[2..6].copy_from_slice(&self.flow.to_be_bytes());
        bytes[6..10].copy_from_slice(&self.sequence.to_be_bytes());
        bytes[10..].copy_from_slice(&self.time_ns.to_be_bytes());
        bytes
    }

    /// The stamp at the start of `payload`; none when there is no room for one or its check is wrong.
    #[inline]
    pub fn read(payload: &[u8]) -> Option<Stamp> {
        let (bytes, _) = payload.split_first_chunk::<STAMP_LEN>()?;
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let time_ns = u64::from(word(10)) << 32 | u64::from(word(14));
        let stamp = Stamp { flow: word(2), sequence: word(6), time_ns };
        (stamp.check() == u16::from_be_bytes([bytes[0], bytes[1]])).then_some(stamp)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn survives_the_wire(flow: u32, sequence: u32, time_ns: u64) {
            let stamp = Stamp { flow, sequence, time_ns };
            prop_assert_eq!(Stamp::read(&stamp.to_bytes()), Some(stamp));
            prop_assert_eq!(Stamp::read(&stamp.to_bytes()[1..]), None);
        }
    }
}
