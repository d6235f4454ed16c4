//! The witnesses of a trial together: who was heard, what they come to, and where they contradict each other.

use flowgauge_scenarios::{Datapath, Lane};

use super::claims::Claims;
use super::classic;
use super::crossing::Crossing;
use super::finding::Finding;
use super::hardware;
use super::path::{agreement_tolerance, percent};
use super::trial::Surroundings;
use super::witness::{Asked, Witness, WitnessKind};
use crate::trial::Trial;

/// What the witnesses of one trial said.
pub(super) struct Heard {
    /// Whether the DUT's ports are a NIC's.
    pub(super) nic: bool,
    /// Those that spoke, the classic path's first.
    pub(super) witnesses: Vec<Witness>,
    /// Packets on the classic path by direction, by the rules.
    pub(super) classic: [Option<u64>; 2],
    /// Packets through the hardware by direction, the mean over its witnesses.
    pub(super) hardware: [Option<u64>; 2],
    /// Those that did not speak: their lane and why.
    silent: Vec<(Lane, String)>,
}

impl Heard {
    /// Asks every witness that there is; counters that went backwards are findings.
    pub(super) fn listen(
        trial: &Trial,
        around: &Surroundings<'_>,
        crossings: &[Crossing; 2],
        out: u64,
        findings: &mut Vec<Finding>,
    ) -> Heard {
        let (before, after) = (&trial.before, &trial.after);
        let nic = around.scenario.topology.has_nic();
        let second = match classic::rules(before, after, crossings) {
            Asked::Silent(_) if trial.datapath == Datapath::Forward => {
                classic::conntrack_table(Claims::of(before, after))
            }
            other => other,
        };
        let mut asked = vec![(Lane::Classic, classic::ip_forwarding(before, after, out)), (Lane::Classic, second)];
        if nic {
            let ports = hardware::ask(before, after, crossings, around.scenario.links.gro);
            asked.extend(ports.into_iter().map(|asked| (Lane::Hardware, asked)));
            findings.extend(hardware::invented(before, after, crossings));
        }
        let mut heard =
            Heard { nic, witnesses: Vec::new(), classic: [None; 2], hardware: [None; 2], silent: Vec::new() };
        let mut through = Vec::new();
        for (lane, asked) in asked {
            match asked {
                Asked::Said(witness, by_direction) => {
                    match witness.kind {
                        WitnessKind::Rules => heard.classic = by_direction,
                        _ if lane == Lane::Hardware => through.push(by_direction),
                        _ => {}
                    }
                    heard.witnesses.push(witness);
                }
                Asked::Silent(why) => heard.silent.push((lane, why)),
                Asked::Backwards(text) => {
                    findings.push(Finding::bad(text.clone()));
                    heard.silent.push((lane, text));
                }
            }
        }
        heard.hardware = hardware::mean(&through);
        heard
    }

    /// The witnesses of a lane.
    pub(super) fn of(&self, lane: Lane) -> impl Iterator<Item = &Witness> {
        self.witnesses.iter().filter(move |w| w.kind.lane() == lane)
    }

    /// The share of a lane: the mean over those of its witnesses that count packets; none without any.
    pub(super) fn share(&self, lane: Lane) -> Option<f64> {
        let counted: Vec<f64> = self.of(lane).filter(|w| w.packets.is_some()).map(|w| w.share).collect();
        (!counted.is_empty()).then(|| counted.iter().sum::<f64>() / counted.len() as f64)
    }

    /// Why there are fewer witnesses of a lane than a proof needs.
    pub(super) fn lacking(&self, lane: Lane, needed: usize) -> String {
        let why: Vec<&str> = self.silent.iter().filter(|(l, _)| *l == lane).map(|(_, why)| why.as_str()).collect();
        let of = if lane == Lane::Hardware { " of the hardware" } else { "" };
        format!("{} of {needed} witnesses{of}: {}", self.of(lane).count(), why.join("; "))
    }

    /// Who contradicts whom, and how many of the witnesses stand against the rest.
    pub(super) fn contradiction(&self, out: u64) -> Option<(String, usize)> {
        let tolerance = agreement_tolerance(out);
        for lane in [Lane::Classic, Lane::Hardware] {
            let mut witnesses = self.of(lane);
            let Some(first) = witnesses.next() else { continue };
            let against: Vec<&Witness> = witnesses.filter(|w| (w.share - first.share).abs() > tolerance).collect();
            if let Some(other) = against.first() {
                return Some((format!("witnesses disagree: {}, {}", says(first), says(other)), against.len()));
            }
        }
        let (classic, hardware) = (self.share(Lane::Classic)?, self.share(Lane::Hardware)?);
        // Each packet went one way.
        (classic + hardware > 1.0 + 2.0 * tolerance).then(|| {
            let word = |lane| self.of(lane).filter(|w| w.packets.is_some()).map(says).collect::<Vec<_>>().join(", ");
            let why = format!("witnesses disagree: {}, yet {}", word(Lane::Classic), word(Lane::Hardware));
            (why, self.of(Lane::Hardware).count())
        })
    }
}

fn says(witness: &Witness) -> String {
    match witness.kind {
        WitnessKind::ConntrackTable if witness.share < 1.0 => "the conntrack table holds OFFLOAD entries".to_owned(),
        WitnessKind::ConntrackTable => "the conntrack table holds no OFFLOAD entry".to_owned(),
        kind if kind.lane() == Lane::Hardware => {
            format!("{} say that {} went through the hardware", kind.name(), percent(witness.share))
        }
        kind => format!("{} say that {} bypassed the classic path", kind.name(), percent(1.0 - witness.share)),
    }
}
