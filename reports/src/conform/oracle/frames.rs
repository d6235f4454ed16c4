//! What came out, frame by frame.

use std::collections::BTreeMap;

use flowgauge_scenarios::conform::{Side, Step};

use super::Judged;
use crate::conform::decode::{Field, decode, field_at};
use crate::conform::legitimate::{chatter, legitimate};
use crate::conform::{Arrived, CaseRun, Finding};

/// Frames in one order: those of one conversation that one tester received. Between conversations the order is nobody's
/// promise, for one may be in the fast path and the other not.
type Conversations = BTreeMap<(Side, String), Vec<usize>>;

pub(super) fn findings(judged: &Judged<'_>, reference: &CaseRun) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (step, (is, was)) in judged.tested.steps.iter().zip(&reference.steps).enumerate() {
        // What comes out while flows open may be of either path.
        if !matches!(judged.case.steps[step], Step::Open { .. }) {
            findings.extend(frames_differ(step, &was.arrived, &is.arrived));
        }
    }
    findings
}

/// What differs between what arrived on the reference and on the datapath under test.
pub fn frames_differ(step: usize, reference: &[Arrived], tested: &[Arrived]) -> Vec<Finding> {
    let (was, is) = (conversations(reference), conversations(tested));
    let mut keys: Vec<&(Side, String)> = was.keys().chain(is.keys()).collect();
    keys.sort();
    keys.dedup();
    let mut findings = Vec::new();
    for key in keys {
        let (was, is) = (was.get(key).map_or(&[][..], Vec::as_slice), is.get(key).map_or(&[][..], Vec::as_slice));
        let side = match key.0 {
            Side::Client => "client",
            Side::Server => "server",
        };
        for place in 0..was.len().max(is.len()) {
            match (was.get(place), is.get(place)) {
                (Some(&a), Some(&b)) => {
                    findings.extend(difference(step, (a, &reference[a].frame), (b, &tested[b].frame)))
                }
                (Some(&a), None) => findings.push(Finding {
                    step,
                    frame: None,
                    reference_frame: Some(a),
                    field: "lost".to_owned(),
                    expected: format!("{} frames at the {side} ({})", was.len(), key.1),
                    got: is.len().to_string(),
                    bytes: Vec::new(),
                }),
                (None, Some(&b)) => findings.push(Finding {
                    step,
                    frame: Some(b),
                    reference_frame: None,
                    field: "extra".to_owned(),
                    expected: format!("{} frames at the {side} ({})", was.len(), key.1),
                    got: is.len().to_string(),
                    bytes: Vec::new(),
                }),
                (None, None) => {}
            }
        }
    }
    findings
}

/// Each differing field of a pair of frames, but what may differ.
fn difference(step: usize, (a, was): (usize, &[u8]), (b, is): (usize, &[u8])) -> Vec<Finding> {
    if was == is {
        return Vec::new();
    }
    let (fields_was, fields_is) = (decode(was), decode(is));
    let finding = |field: &str, expected: String, got: String, bytes: Vec<u16>| Finding {
        step,
        frame: Some(b),
        reference_frame: Some(a),
        field: field.to_owned(),
        expected,
        got,
        bytes,
    };
    if was.len() != is.len() {
        let bytes = |frame: &[u8]| format!("{} bytes", frame.len());
        return vec![finding("frame.length", bytes(was), bytes(is), Vec::new())];
    }
    let mut by_field: BTreeMap<usize, (&Field, Vec<u16>)> = BTreeMap::new();
    for (at, _) in was.iter().zip(is).enumerate().filter(|(_, (was, is))| was != is) {
        if let Some(field) = field_at(&fields_is, at) {
            by_field.entry(field.at).or_insert((field, Vec::new())).1.push(at as u16);
        }
    }
    let excused = |field: &Field| legitimate(&field.name, &fields_was).is_some() && still_sound(field, was, is);
    let differing = by_field.into_values().filter(|(field, _)| !excused(field));
    differing
        .map(|(field, bytes)| {
            let expected = field_at(&fields_was, field.at).map_or_else(String::new, |was| was.value.clone());
            finding(&field.name, expected, field.value.clone(), bytes)
        })
        .collect()
}

/// Whether a field that may differ is as right as on the reference: the checksum is that of its header, or neither is; and beside a
/// flow label, version and class are the same.
fn still_sound(field: &Field, was: &[u8], is: &[u8]) -> bool {
    let at = field.at;
    match field.name.as_str() {
        "ipv4.checksum" => header_sums(was, at) == header_sums(is, at),
        "ipv6.class_label" => was[at] == is[at] && was[at + 1] & 0xf0 == is[at + 1] & 0xf0,
        _ => true,
    }
}

/// Whether the IPv4 header whose checksum is at this offset sums up (RFC 791 section 3.1, RFC 1071).
fn header_sums(frame: &[u8], checksum_at: usize) -> bool {
    let Some(header) = checksum_at.checked_sub(10).and_then(|start| frame.get(start..)) else { return false };
    let length = header.first().map_or(0, |first| usize::from(first & 15) * 4);
    let words = header.get(..length).unwrap_or_default().chunks_exact(2);
    let sum: u32 = words.map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
    length >= 20 && (sum & 0xffff) + (sum >> 16) == 0xffff
}

fn conversations(arrived: &[Arrived]) -> Conversations {
    let mut conversations = Conversations::new();
    for (index, one) in arrived.iter().enumerate() {
        let fields = decode(&one.frame);
        if chatter(&fields).is_none() {
            conversations.entry((one.side, conversation(&fields))).or_default().push(index);
        }
    }
    conversations
}

/// What a frame belongs to: its EtherType and protocol. Not addresses and ports: where they are wrong, that is the finding,
/// and must not look like a lost and an extra frame. Flows of one instance are told apart by the client's or server's port that
/// translation leaves alone.
fn conversation(fields: &[Field]) -> String {
    let of = |name: &str| fields.iter().find(|field| field.name == name).map_or("", |field| field.value.as_str());
    let protocol = ["ipv4.protocol", "ipv6.next"].map(of).concat();
    let kind = match of("ethernet.type") {
        "0x0800" => "IPv4",
        "0x86dd" => "IPv6",
        other => other,
    };
    let icmp = ["icmp.type", "icmpv6.type"].map(of).concat();
    if icmp.is_empty() { format!("{kind}, protocol {protocol}") } else { format!("{kind}, ICMP type {icmp}") }
}
