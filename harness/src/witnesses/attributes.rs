//! The attributes of netlink messages, parsed where they lie. Netfilter writes numbers big-endian, all others in the
//! order of the machine.

use netlink_packet_core::{DecodeError, NlaBuffer, NlasIterator};

/// The mark of an attribute that holds others (include/uapi/linux/netlink.h).
const NLA_F_NESTED: u16 = 1 << 15;

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

/// A 32-bit attribute in the order of this machine, as everybody but netfilter sends them.
pub fn ne32(attribute: &NlaBuffer<&[u8]>) -> Result<u32, DecodeError> {
    attribute.value().try_into().map(u32::from_ne_bytes).map_err(|_| wrong_length(attribute, 4))
}

/// A 64-bit attribute in the order of this machine.
pub fn ne64(attribute: &NlaBuffer<&[u8]>) -> Result<u64, DecodeError> {
    attribute.value().try_into().map(u64::from_ne_bytes).map_err(|_| wrong_length(attribute, 8))
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

/// Appends an attribute.
pub fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    let length = 4 + value.len();
    message.extend_from_slice(&(length as u16).to_ne_bytes());
    message.extend_from_slice(&kind.to_ne_bytes());
    message.extend_from_slice(value);
    message.resize(message.len() + length.next_multiple_of(4) - length, 0);
}

/// Appends an attribute that holds others; a strict parser of the kernel wants it marked so (NLA_F_NESTED).
pub fn push_nested(message: &mut Vec<u8>, kind: u16, inner: &[u8]) {
    push(message, kind | NLA_F_NESTED, inner);
}

/// Appends an attribute with a NUL-terminated string.
pub fn push_string(message: &mut Vec<u8>, kind: u16, text: &str) {
    push(message, kind, &[text.as_bytes(), &[0]].concat());
}

/// A text as the kernel writes it, without what follows its first NUL.
pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap_or_default()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_read_again() {
        let (mut inner, mut message) = (Vec::new(), Vec::new());
        push_string(&mut inner, 2, "wan0");
        push(&mut inner, 3, &7u32.to_be_bytes());
        push_nested(&mut message, 1, &inner);
        let outer: Vec<_> = attributes(&message).map(Result::unwrap).collect();
        assert_eq!((outer.len(), outer[0].kind(), outer[0].value()), (1, 1, &inner[..]));
        let fields: Vec<_> = attributes(outer[0].value()).map(Result::unwrap).collect();
        assert_eq!((fields[0].kind(), text(fields[0].value())), (2, "wan0".to_owned()));
        assert_eq!((fields[1].kind(), be32(&fields[1]).unwrap()), (3, 7));
        assert!(be64(&fields[1]).is_err() && ne32(&fields[0]).is_err());
    }
}
