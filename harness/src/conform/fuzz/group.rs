//! Which divergences are the same.

use std::collections::HashMap;

use flowgauge_reports::conform::{Arrived, Finding};
use flowgauge_scenarios::Protocol;
use flowgauge_scenarios::conform::PacketSpec;

use super::Sequence;
use super::shrink::traits;
use crate::conform::craft::Mark;

/// What a divergence looks like before it is shrunk: the field, and how the packet that differs is set apart.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Looks {
    protocol: Protocol,
    field: String,
    packet: String,
}

impl Looks {
    /// Of the first finding.
    pub(super) fn of(sequence: &Sequence, finding: &Finding, reference: &[Arrived], tested: &[Arrived]) -> Looks {
        let frame = match (finding.reference_frame, finding.frame) {
            (Some(at), _) => reference.get(at),
            (None, Some(at)) => tested.get(at),
            (None, None) => None,
        };
        let number = frame.and_then(|arrived| Mark::find(&arrived.frame)).map(|mark| mark.number);
        let packet = number.and_then(|number| packet(sequence, number));
        Looks {
            protocol: sequence.protocol,
            field: finding.field.clone(),
            packet: packet.map_or_else(|| "unknown".to_owned(), |packet| names(packet).join(" ")),
        }
    }
}

/// The packet of a number: those of the opening come before it.
fn packet(sequence: &Sequence, number: u32) -> Option<&PacketSpec> {
    let opening = if sequence.protocol == Protocol::Udp { 3 } else { 5 };
    let mut left = number.checked_sub(opening)?;
    sequence.packets.iter().find(|packet| match left.checked_sub(packet.count) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    })
}

/// The names of what sets a packet apart, with flags and kinds of checksum, for these are different things.
fn names(packet: &PacketSpec) -> Vec<String> {
    let named = |(name, value): (String, serde_json::Value)| match name.as_str() {
        "flags" | "sum" | "ip_sum" | "options" | "extensions" | "protocol" => Some(format!("{name}={value}")),
        // Who sends seldom matters, and how many never do.
        "reverse" | "count" => None,
        _ => Some(name),
    };
    traits(packet).into_iter().filter_map(named).collect()
}

/// What a shrunk divergence is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Kind {
    protocol: Protocol,
    field: String,
    packets: Vec<Vec<String>>,
}

impl Kind {
    pub(super) fn of(sequence: &Sequence, field: &str) -> Kind {
        let packets = sequence.packets.iter().map(names).collect();
        Kind { protocol: sequence.protocol, field: field.to_owned(), packets }
    }
}

/// A divergence, its smallest sequence, and how often it came.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) count: u64,
    pub(super) number: u64,
    pub(super) sequence: Sequence,
    pub(super) field: String,
}

/// All divergences.
#[derive(Debug, Default)]
pub(super) struct Groups {
    pub(super) all: Vec<Group>,
    kinds: HashMap<Kind, usize>,
    /// Looks that have been looked into; none where nothing came of it.
    looks: HashMap<Looks, Option<usize>>,
}

impl Groups {
    /// Counts a sequence that looks like one before. False where none did.
    pub(super) fn count(&mut self, looks: &Looks) -> bool {
        match self.looks.get(looks) {
            Some(Some(group)) => {
                self.all[*group].count += 1;
                true
            }
            _ => false,
        }
    }

    /// Takes in a shrunk sequence.
    pub(super) fn add(&mut self, looks: Looks, number: u64, field: &str, sequence: &Sequence) {
        let next = self.all.len();
        let group = *self.kinds.entry(Kind::of(sequence, field)).or_insert(next);
        if group == next {
            self.all.push(Group { count: 0, number, sequence: sequence.clone(), field: field.to_owned() });
        }
        self.all[group].count += 1;
        self.looks.insert(looks, Some(group));
    }
}
