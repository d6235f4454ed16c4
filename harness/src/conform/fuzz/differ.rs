//! How the frames of one sequence differ between both paths.
//!
//! The oracle of cases compares the frames of a step place by place, which is right for steps that send one kind of packet. Here a
//! frame is compared with the one that bears its number, so that a lost packet is a lost packet and not a difference in all
//! that come after it. Fields are named, and differences are legitimate, as the oracle has it.

use std::collections::BTreeMap;

use flowgauge_reports::conform::decode::{Field, decode, field_at};
use flowgauge_reports::conform::legitimate::legitimate;
use flowgauge_reports::conform::{Arrived, Finding};
use flowgauge_scenarios::Family;
use flowgauge_scenarios::conform::Side;

use super::attribute::quoted;
use crate::conform::craft::{Inner, Mark, inner};

/// What tells a frame from the others of its sequence: where it arrived, whether it is the DUT's own error, the packet's
/// number, the fragment's offset, and how many alike came before.
type Key = (u8, bool, Option<u32>, u16, usize);

/// What differs; nothing where all is alike but for what may differ. Where frames may take lanes of different speed, their
/// order is not `ordered`. `number` tells the packet that a frame without a mark is of.
pub(super) fn frames_differ(
    reference: &[Arrived],
    tested: &[Arrived],
    ordered: bool,
    number: &dyn Fn(&Arrived) -> Option<u32>,
) -> Vec<Finding> {
    let (expected, got) = (keyed(reference, number), keyed(tested, number));
    let mut findings = Vec::new();
    for (key, &at) in &expected {
        match got.get(key) {
            None => findings.push(missing("lost", Some(at), None, &reference[at])),
            Some(&to) => findings.extend(bytes_differ(&reference[at], &tested[to]).map(|mut finding| {
                finding.reference_frame = Some(at);
                finding.frame = Some(to);
                finding
            })),
        }
    }
    for (key, &at) in &got {
        if !expected.contains_key(key) {
            findings.push(missing("extra", None, Some(at), &tested[at]));
        }
    }
    if findings.is_empty() && ordered {
        let order = |keys: &BTreeMap<Key, usize>, side: u8| {
            let mut of: Vec<(usize, Key)> = keys.iter().filter(|(k, _)| k.0 == side).map(|(k, at)| (*at, *k)).collect();
            of.sort();
            of.into_iter().map(|(_, key)| key).collect::<Vec<_>>()
        };
        for side in [Side::Client, Side::Server] {
            let (expected, got) = (order(&expected, side as u8), order(&got, side as u8));
            if expected != got {
                let numbers = |keys: &[Key]| format!("{:?}", keys.iter().filter_map(|key| key.2).collect::<Vec<_>>());
                findings.push(Finding {
                    step: 0,
                    frame: None,
                    reference_frame: None,
                    field: "order".to_owned(),
                    expected: numbers(&expected),
                    got: numbers(&got),
                    bytes: Vec::new(),
                });
            }
        }
    }
    findings
}

fn keyed(frames: &[Arrived], number: &dyn Fn(&Arrived) -> Option<u32>) -> BTreeMap<Key, usize> {
    let mut keys = BTreeMap::new();
    for (at, arrived) in frames.iter().enumerate() {
        let number = Mark::find(&arrived.frame).map(|mark| mark.number).or_else(|| number(arrived));
        let packet = inner(&arrived.frame);
        let error = packet.as_ref().and_then(quoted).is_some();
        let offset = packet.as_ref().map_or(0, fragment_offset);
        let mut key = (arrived.side as u8, error, number, offset, 0);
        while keys.contains_key(&key) {
            key.4 += 1;
        }
        keys.insert(key, at);
    }
    keys
}

fn fragment_offset(packet: &Inner<'_>) -> u16 {
    match packet.family {
        Family::Ipv4 => (u16::from_be_bytes([packet.packet[6], packet.packet[7]]) & 0x1fff) * 8,
        Family::Ipv6 if packet.protocol == 44 => {
            packet.packet.get(42..44).map_or(0, |b| u16::from_be_bytes([b[0], b[1]]) & !7)
        }
        Family::Ipv6 => 0,
    }
}

fn missing(field: &str, reference_frame: Option<usize>, frame: Option<usize>, what: &Arrived) -> Finding {
    let packet = inner(&what.frame);
    let own = packet.as_ref().and_then(quoted).is_some();
    let said = format!(
        "{} of {} bytes at the {}",
        if own { "an ICMP error" } else { "a packet" },
        what.frame.len(),
        if what.side == Side::Client { "client" } else { "server" }
    );
    let (expected, got) = if field == "lost" { (said, "nothing".to_owned()) } else { ("nothing".to_owned(), said) };
    let field = if own { format!("{field} icmp") } else { field.to_owned() };
    Finding { step: 0, frame, reference_frame, field, expected, got, bytes: Vec::new() }
}

/// The first differing field of two frames that should be the same, with every byte that differs and must not.
fn bytes_differ(reference: &Arrived, tested: &Arrived) -> Option<Finding> {
    let (a, b) = (&reference.frame, &tested.frame);
    if a == b {
        return None;
    }
    let finding = |field: &str, expected: String, got: String, bytes: Vec<u16>| Finding {
        step: 0,
        frame: None,
        reference_frame: None,
        field: field.to_owned(),
        expected,
        got,
        bytes,
    };
    let (was, is) = (decode(a), decode(b));
    // The kernel takes a random identification where it cuts a packet again (ipv6_select_ident in net/ipv6/output_core.c).
    let cut_again = |field: &Field, at: usize| field.name == "ipv6.fragment" && at >= field.at + 4;
    let counts = |at: usize| {
        let field = field_at(&was, at);
        field.is_none_or(|field| legitimate(&field.name, &was).is_none() && !cut_again(field, at))
    };
    let bytes: Vec<u16> =
        (0..a.len().min(b.len())).filter(|at| a[*at] != b[*at] && counts(*at)).map(|at| at as u16).collect();
    if bytes.is_empty() && a.len() != b.len() {
        return Some(finding("frame.length", a.len().to_string(), b.len().to_string(), Vec::new()));
    }
    let first = usize::from(*bytes.first()?);
    let value = |fields: &[Field]| field_at(fields, first).map_or_else(String::new, |field| field.value.clone());
    let name = field_at(&was, first).map_or("data", |field| field.name.as_str());
    Some(finding(name, value(&was), value(&is), bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(side: Side, number: u32, ttl: u8) -> Arrived {
        let mut frame = vec![2; 12];
        frame.extend([8, 0, 0x45, 0, 0, 60, 0, 0, 0x40, 0, ttl, 17, 1, 2, 198, 18, 128, 1, 198, 19, 128, 1]);
        frame.extend([0x27, 0x10, 0x4e, 0x20, 0, 40, 3, 4]);
        frame.extend(Mark { flow: 0, number, from_server: false }.payload(32));
        Arrived { side, at_ns: 0, frame }
    }

    #[test]
    fn what_differs_is_named() {
        let server = Side::Server;
        let all = [frame(server, 3, 63), frame(server, 4, 63), frame(server, 5, 63)];
        assert_eq!(frames_differ(&all, &all, true, &|_| None), []);
        let fields = |tested: &[Arrived], ordered| {
            frames_differ(&all, tested, ordered, &|_| None).into_iter().map(|f| f.field).collect::<Vec<_>>()
        };
        assert_eq!(fields(&all[..2], true), ["lost"]);
        let more = [all[0].clone(), all[1].clone(), all[2].clone(), all[2].clone()];
        assert_eq!(fields(&more, true), ["extra"]);
        let swapped = [all[1].clone(), all[0].clone(), all[2].clone()];
        assert_eq!(fields(&swapped, true), ["order"]);
        assert_eq!(fields(&swapped, false), [""; 0]);
        let ttl = [all[0].clone(), frame(server, 4, 64), all[2].clone()];
        let found = frames_differ(&all, &ttl, true, &|_| None);
        assert_eq!(
            (found[0].field.as_str(), found[0].frame, found[0].bytes.as_slice()),
            ("ipv4.ttl", Some(1), &[22][..])
        );
        assert_eq!((found[0].expected.as_str(), found[0].got.as_str()), ("63", "64"));
        let mut changed = all.clone();
        *changed[2].frame.last_mut().unwrap() ^= 1;
        changed[0].frame[41] ^= 1;
        assert_eq!(fields(&changed, true), ["udp.checksum", "payload"]);
    }
}
