//! The attributes of netlink messages, as netfilter writes them: big-endian, nested, parsed where they lie.

use netlink_packet_core::{DecodeError, NlaBuffer, NlasIterator};

/// The attributes of a message or of a nested attribute.
pub fn attributes(bytes: &[u8]) -> NlasIterator<&[u8]> {
    NlasIterator::new(bytes)
}

/// A big-endian 32-bit attribute, as netfilter sends them.
pub fn be32(attribute: &NlaBuffer<&[u8]>) -> Result<u32, DecodeError> {
    attribute.value().try_into().map(u32::from_be_bytes).map_err(|_| wrong_length(attribute, 4))
}

/// A big-endian 64-bit attribute, as netfilter sends them.
pub fn be64(attribute: &NlaBuffer<&[u8]>) -> Result<u64, DecodeError> {
    attribute.value().try_into().map(u64::from_be_bytes).map_err(|_| wrong_length(attribute, 8))
}

fn wrong_length(attribute: &NlaBuffer<&[u8]>, expected: usize) -> DecodeError {
    let got = attribute.value().len();
    DecodeError::from(format!("attribute {} has {got} bytes instead of {expected}", attribute.kind()))
}

/// `struct nfgenmsg` of a question that concerns `family` (NFPROTO_*): what every netfilter message begins with.
pub fn nfgenmsg(family: u8) -> [u8; 4] {
    [family, 0, 0, 0]
}

/// Length of `struct nfgenmsg`.
pub const NFGENMSG: usize = 4;

/// Appends an attribute with a NUL-terminated string.
pub fn push_string(message: &mut Vec<u8>, kind: u16, text: &str) {
    let length = 4 + text.len() + 1;
    message.extend_from_slice(&(length as u16).to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(text.as_bytes());
    message.resize(message.len() + 1 + length.next_multiple_of(4) - length, 0);
}
