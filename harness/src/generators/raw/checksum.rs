//! The Internet checksum (RFC 1071), in the machine's own byte order.
//!
//! RFC 1071 section 2(B): the one's complement sum does not depend on byte order, so whole native words are added and
//! the folded result is stored as it is. Four bytes a step into 64 bits leaves the carries for the end.

/// The sum of `bytes` as 16-bit words, not folded. Sums of parts that begin at even offsets can be added.
#[inline]
pub fn sum(bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(4);
    let mut total: u64 = words.by_ref().map(|w| u64::from(u32::from_ne_bytes([w[0], w[1], w[2], w[3]]))).sum();
    match *words.remainder() {
        [a] => total += u64::from(u16::from_ne_bytes([a, 0])),
        [a, b] => total += u64::from(u16::from_ne_bytes([a, b])),
        [a, b, c] => total += u64::from(u16::from_ne_bytes([a, b])) + u64::from(u16::from_ne_bytes([c, 0])),
        _ => {}
    }
    total
}

/// The sum of one 16-bit number that stands in the packet in network order.
#[inline]
pub const fn word(value: u16) -> u64 {
    value.to_be() as u64
}

/// Folds a sum to 16 bits: 0xffff over data that carries its own correct checksum.
#[inline]
pub const fn fold(sum: u64) -> u16 {
    let sum = (sum & 0xffff_ffff) + (sum >> 32);
    let sum = (sum & 0xffff) + ((sum >> 16) & 0xffff) + (sum >> 32);
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agrees_with_pnet(bytes in proptest::collection::vec(any::<u8>(), 1..200)) {
            prop_assert_eq!((!fold(sum(&bytes))).to_be(), pnet::util::checksum(&bytes, usize::MAX));
        }

        #[test]
        fn parts_add_up(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..100) {
            let cut = (cut * 2).min(bytes.len() & !1);
            prop_assert_eq!(fold(sum(&bytes)), fold(sum(&bytes[..cut]) + sum(&bytes[cut..])));
        }
    }
}
