//! Payloads: each tells of which flow it is and which of its packets.

/// The first bytes of every payload that is long enough.
const MAGIC: [u8; 4] = [0xf6, 0x67, 0xc0, 0x4d];
/// Bytes of the mark with its magic.
const LEN: usize = 13;

/// What a payload begins with: 13 bytes, cut off where the payload is shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Mark {
    /// The flow's number in its station: the instance's first plus the flow's number in the instance.
    pub flow: u32,
    /// The packet's number in its flow, from 0, opening included, both directions counted together.
    pub number: u32,
    /// Whether the server sent it.
    pub from_server: bool,
}

impl Mark {
    /// A payload of `len` bytes. Behind the mark comes a pattern in which neighbours differ, bytes 256 apart differ, and
    /// which differs from packet to packet: a swap, a shift, or an old packet's tail shows.
    pub fn payload(self, len: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(len.max(LEN));
        bytes.extend(MAGIC);
        bytes.extend(self.flow.to_be_bytes());
        bytes.extend(self.number.to_be_bytes());
        bytes.push(self.from_server.into());
        let salt = (self.number as u8).wrapping_mul(0x3b) ^ self.flow as u8;
        bytes.extend((LEN..len).map(|i| (i as u8).wrapping_mul(31) ^ (i >> 8) as u8 ^ 0x5a ^ salt));
        bytes.truncate(len);
        bytes
    }

    /// The mark in a frame, wherever it stands: behind headers of any kind, or in what an ICMP error quotes.
    pub fn find(frame: &[u8]) -> Option<Mark> {
        let at = frame.windows(LEN).position(|window| window[..4] == MAGIC)?;
        let number = |from: usize| Some(u32::from_be_bytes(*frame.get(at + from..)?.first_chunk()?));
        Some(Mark { flow: number(4)?, number: number(8)?, from_server: frame[at + 12] != 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_behind_anything() {
        let mark = Mark { flow: 70_000, number: 9, from_server: true };
        for before in 0..80 {
            let mut frame = vec![0xf6; before];
            frame.extend(mark.payload(32));
            assert_eq!(Mark::find(&frame), Some(mark));
        }
        assert_eq!(Mark::find(&mark.payload(12)), None);
        assert_eq!(Mark::find(&[]), None);
    }

    #[test]
    fn payloads_have_their_length_and_differ() {
        let mark = |number| Mark { flow: 1, number, from_server: false };
        for len in [0, 1, 12, 13, 14, 600, 9000] {
            assert_eq!(mark(0).payload(len).len(), len);
        }
        assert_ne!(mark(0).payload(64)[13..], mark(1).payload(64)[13..]);
        let long = mark(0).payload(1024);
        assert!((13..767).all(|i| long[i] != long[i + 1] && long[i] != long[i + 256]));
    }
}
