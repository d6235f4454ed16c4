//! Frames, field by field: what a report shows side by side, and what a difference is named after.

mod ip;
mod link;
mod transport;

use std::fmt::Write;

/// One field of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Layer and name: `ipv4.ttl`. In a packet that an ICMP error quotes, `quoted.ipv4.ttl`; in one that a tunnel carries,
    /// `inner.ipv4.ttl`.
    pub name: String,
    /// Its first byte in the frame.
    pub at: usize,
    /// Its length in bytes.
    pub len: usize,
    /// Its value for people.
    pub value: String,
}

/// A frame being read.
pub(super) struct Reader<'a> {
    frame: &'a [u8],
    at: usize,
    prefix: &'static str,
    fields: Vec<Field>,
}

/// The fields of a frame in order, each byte in exactly one of them. What is cut off or unknown ends as `data`.
pub fn decode(frame: &[u8]) -> Vec<Field> {
    let mut reader = Reader { frame, at: 0, prefix: "", fields: Vec::new() };
    link::ethernet(&mut reader);
    reader.rest("data");
    reader.fields
}

/// The name of the field that holds a byte of the frame.
pub fn field_at(fields: &[Field], offset: usize) -> Option<&Field> {
    fields.iter().find(|field| (field.at..field.at + field.len).contains(&offset))
}

impl<'a> Reader<'a> {
    /// What is left.
    pub(super) fn left(&self) -> &'a [u8] {
        self.frame.get(self.at..).unwrap_or_default()
    }

    /// Marks what follows as quoted by an ICMP error.
    pub(super) fn quote(&mut self) {
        self.prefix = "quoted.";
    }

    /// Reads what a tunnel carries, whose names say so.
    pub(super) fn inside(&mut self, read: impl Fn(&mut Self) -> Option<()>) -> Option<()> {
        let outside = self.prefix;
        if outside.is_empty() {
            self.prefix = "inner.";
        }
        let done = read(self);
        if !self.quoted() {
            self.prefix = outside;
        }
        done
    }

    /// Whether it is read as quoted: there the packet may be cut, and no ICMP error quotes another.
    pub(super) fn quoted(&self) -> bool {
        self.prefix == "quoted."
    }

    /// Takes a field of `len` bytes; none where the frame ends before.
    pub(super) fn take(&mut self, name: &str, len: usize, say: impl FnOnce(&'a [u8]) -> String) -> Option<&'a [u8]> {
        let bytes = self.left().get(..len)?;
        self.fields.push(Field { name: format!("{}{name}", self.prefix), at: self.at, len, value: say(bytes) });
        self.at += len;
        Some(bytes)
    }

    /// A big-endian number of 1, 2 or 4 bytes.
    pub(super) fn number(&mut self, name: &str, len: usize) -> Option<u32> {
        self.take(name, len, |bytes| value(bytes).to_string()).map(value)
    }

    /// A big-endian number, in hexadecimal digits.
    pub(super) fn bits(&mut self, name: &str, len: usize) -> Option<u32> {
        self.take(name, len, |bytes| format!("0x{:0width$x}", value(bytes), width = 2 * len)).map(value)
    }

    /// All that is left, where anything is.
    pub(super) fn rest(&mut self, name: &str) {
        let len = self.left().len();
        if len > 0 {
            self.take(name, len, hex);
        }
    }
}

fn value(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte))
}

/// Bytes as hexadecimal digits, the first 16 of them.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in bytes.iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > 16 {
        let _ = write!(text, "... ({} bytes)", bytes.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An IPv4 UDP datagram behind a VLAN tag, with an option and 3 bytes of payload.
    pub(crate) const TAGGED: &str = "026667000101026667000102810020 0a0800\
        46000023000140004011000 0c6128005c613800594040000 2710 4e20 000b 0000 616263";

    fn bytes(digits: &str) -> Vec<u8> {
        let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).collect();
        digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
    }

    #[test]
    fn every_field_is_named() {
        let fields = decode(&bytes(TAGGED));
        let of = |name: &str| fields.iter().find(|field| field.name == name).map(|field| field.value.as_str());
        assert_eq!(of("ethernet.destination"), Some("02:66:67:00:01:01"));
        assert_eq!(of("vlan.tci"), Some("id 10, priority 1"));
        assert_eq!(of("ipv4.ttl"), Some("64"));
        assert_eq!(of("ipv4.options"), Some("94040000"));
        assert_eq!(of("udp.destination"), Some("20000"));
        assert_eq!(of("payload"), Some("616263"));
        assert_eq!(field_at(&fields, 26).map(|field| field.name.as_str()), Some("ipv4.ttl"));
    }

    #[test]
    fn an_icmp_error_quotes_a_packet() {
        let error = "026667000102026667000101 0800 45c0003800000000 4001 0000 c6120001 c6128005 0b00 0000 00000000\
            4500002300014000 0111 0000 c6128005c6138005 2710 4e20 000b 0000";
        let fields = decode(&bytes(error));
        let names: Vec<&str> = fields.iter().map(|field| field.name.as_str()).collect();
        assert!(names.contains(&"icmp.type") && names.contains(&"quoted.ipv4.ttl"), "{names:?}");
        assert!(names.contains(&"quoted.udp.destination"), "{names:?}");
    }

    proptest! {
        #[test]
        fn each_byte_is_in_one_field(mut frame in proptest::collection::vec(any::<u8>(), 0..120), kind in 0..4usize) {
            if let (Some(ether), Some(version)) = (frame.get(12..14).map(|_| ()), frame.get(14).copied()) {
                let _ = (ether, version);
                let (ether_type, first) = [([8, 0], 0x45), ([0x86, 0xdd], 0x60), ([0x81, 0], 0), ([0x88, 0x64], 0x11)][kind];
                frame[12..14].copy_from_slice(&ether_type);
                frame[14] = first;
            }
            let mut at = 0;
            for field in decode(&frame) {
                prop_assert_eq!(field.at, at);
                at += field.len;
            }
            prop_assert_eq!(at, frame.len());
        }
    }
}
