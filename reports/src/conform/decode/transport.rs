//! UDP, TCP, ICMP and tunnels.

use super::{Reader, hex, ip};

/// The body of an IP packet of `len` bytes; what follows in the frame is padding.
pub(super) fn body(reader: &mut Reader<'_>, protocol: u32, len: usize, later_fragment: bool) -> Option<()> {
    let end = reader.at + len.min(reader.left().len());
    let (frame, whole) = (reader.frame, reader.frame.len());
    reader.frame = &frame[..end];
    if !later_fragment {
        // What is cut off is shown as payload.
        let _ = match protocol {
            17 => udp(reader),
            6 => tcp(reader),
            1 => icmp(reader, "icmp", &[3, 4, 5, 11, 12]),
            58 => icmp(reader, "icmpv6", &[1, 2, 3, 4]),
            4 => reader.inside(ip::ipv4),
            41 => reader.inside(ip::ipv6),
            _ => None,
        };
    }
    reader.rest("payload");
    reader.frame = frame;
    if whole > reader.at && !reader.quoted() {
        reader.rest("ethernet.padding");
    }
    Some(())
}

fn udp(reader: &mut Reader<'_>) -> Option<()> {
    reader.number("udp.source", 2)?;
    reader.number("udp.destination", 2)?;
    reader.number("udp.length", 2)?;
    reader.bits("udp.checksum", 2)?;
    Some(())
}

fn tcp(reader: &mut Reader<'_>) -> Option<()> {
    reader.number("tcp.source", 2)?;
    reader.number("tcp.destination", 2)?;
    reader.number("tcp.sequence", 4)?;
    reader.number("tcp.acknowledgement", 4)?;
    let offset = reader.take("tcp.offset", 1, |bytes| format!("{} bytes", u32::from(bytes[0] >> 4) * 4))?;
    reader.take("tcp.flags", 1, flags)?;
    reader.number("tcp.window", 2)?;
    reader.bits("tcp.checksum", 2)?;
    reader.number("tcp.urgent", 2)?;
    let options = (usize::from(offset[0] >> 4) * 4).saturating_sub(20);
    if options > 0 {
        reader.take("tcp.options", options, hex)?;
    }
    Some(())
}

fn icmp(reader: &mut Reader<'_>, name: &str, errors: &[u32]) -> Option<()> {
    let kind = reader.number(&format!("{name}.type"), 1)?;
    reader.number(&format!("{name}.code"), 1)?;
    reader.bits(&format!("{name}.checksum"), 2)?;
    reader.bits(&format!("{name}.rest"), 4)?;
    if errors.contains(&kind) && !reader.quoted() {
        reader.quote();
        let _ = if name == "icmp" { ip::ipv4(reader) } else { ip::ipv6(reader) };
        reader.rest("payload");
    }
    Some(())
}

/// The letters of the flags that are set (RFC 9293, RFC 3168).
fn flags(bytes: &[u8]) -> String {
    let set: String = "FSRPAUEC".chars().enumerate().filter(|(bit, _)| bytes[0] & 1 << bit != 0).map(|f| f.1).collect();
    if set.is_empty() { "none".to_owned() } else { set }
}
