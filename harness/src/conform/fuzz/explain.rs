//! Which differences are known, packet by packet: a sequence may differ in what is known and in what is not, and then it is the
//! latter that counts.

use flowgauge_reports::conform::{Arrived, Finding};
use flowgauge_scenarios::conform::{Known, Station};
use flowgauge_scenarios::{Datapath, Family, Protocol};

use super::attribute::{quoted, transport};
use super::cause::{self, Cause, Effect};
use super::lab::Outgoing;
use super::window::{Segment, Verdict, Window};
use crate::conform::craft::{Inner, Mark, inner};

/// The known failures of the catalogue, for a kernel.
#[derive(Clone, Debug, Default)]
pub struct Catalogued {
    known: Vec<Known>,
    /// `uname -r`.
    release: String,
}

impl Catalogued {
    /// On a kernel of this release. Without any known failure, every difference is new.
    pub fn new(known: Vec<Known>, release: &str) -> Catalogued {
        Catalogued { known, release: release.to_owned() }
    }

    /// The failure of `case` on a datapath, for a protocol on a station.
    pub(super) fn of(&self, case: &str, datapath: Datapath, station: &Station, protocol: Protocol) -> Option<&Known> {
        let family = if station.family == Family::Ipv4 { "ipv4" } else { "ipv6" };
        let instance = format!("{case}/{family}-{}-{}-up", protocol.name(), station.translation.name());
        self.known.iter().find(|known| known.covers(&instance, datapath, &self.release))
    }
}

/// What a sequence sent, frame by frame.
#[derive(Clone, Debug)]
pub(super) struct Trail<'a> {
    pub(super) protocol: Protocol,
    pub(super) opening: &'a [Outgoing],
    pub(super) sent: &'a [Outgoing],
    /// The number in its flow of the packet that each frame of `sent` is of.
    pub(super) numbers: &'a [u32],
    /// MAC addresses of the DUT's ports, LAN and WAN.
    pub(super) dut: [[u8; 6]; 2],
}

impl Trail<'_> {
    /// The frames that an arrived one may be: by its mark, or else by what routers leave alone.
    pub(super) fn candidates(&self, arrived: &Arrived) -> Vec<usize> {
        let all = 0..self.sent.len();
        if let Some(mark) = Mark::find(&arrived.frame) {
            return all.filter(|at| self.numbers[*at] == mark.number).collect();
        }
        let Some(found) = inner(&arrived.frame) else { return Vec::new() };
        let quoted = quoted(&found);
        let own = quoted.is_some();
        let Some(signature) = signature(&quoted.unwrap_or(found)) else { return Vec::new() };
        let same = |at: &usize| {
            let (side, frame) = &self.sent[*at];
            let common = |sent: &[u8]| sent[..sent.len().min(signature.len())] == signature[..sent.len().min(signature.len())];
            (*side == arrived.side) == own
                && inner(frame).and_then(|packet| self::signature(&packet)).is_some_and(|sent| common(&sent))
        };
        all.filter(same).collect()
    }

    /// Why the reference does not forward each frame as it is, by what it let through before.
    fn causes(&self, reference: &[Arrived]) -> Vec<Option<Cause>> {
        let passed: Vec<usize> = reference.iter().flat_map(|arrived| self.candidates(arrived)).collect();
        let mut window = Window::default();
        for (side, frame) in self.opening {
            if let Some(segment) = segment(std::slice::from_ref(frame)) {
                window.judge(*side as usize, &segment);
            }
        }
        let mut causes = vec![None; self.sent.len()];
        let mut at = 0;
        while at < self.sent.len() {
            let number = self.numbers[at];
            let to = at + self.numbers[at..].iter().take_while(|other| **other == number).count();
            let side = self.sent[at].0;
            for (cause, (_, frame)) in causes[at..to].iter_mut().zip(&self.sent[at..to]) {
                *cause = cause::of(frame, side, self.dut[side as usize]);
            }
            let frames: Vec<Vec<u8>> = self.sent[at..to].iter().map(|(_, frame)| frame.clone()).collect();
            if self.protocol == Protocol::Tcp
                && causes[at].is_none_or(|cause| cause.effect == Effect::Trimmed)
                && let Some(segment) = segment(&frames)
            {
                let mut after = window;
                let verdict = after.judge(side as usize, &segment);
                if passed.iter().any(|n| (at..to).contains(n)) {
                    window = after;
                } else if let Verdict::Invalid(case) = verdict {
                    causes[at..to].fill(Some(Cause::refused(case)));
                }
            }
            at = to;
        }
        causes
    }

    /// Parts findings: the cases that explain some, and those that nothing explains. `known` says whether a case is one that is
    /// known to fail here.
    pub(super) fn explain(
        &self,
        findings: Vec<Finding>,
        (reference, tested): (&[Arrived], &[Arrived]),
        known: impl Fn(&str) -> bool,
    ) -> (Vec<&'static str>, Vec<Finding>) {
        if findings.is_empty() {
            return (Vec::new(), findings);
        }
        let causes = self.causes(reference);
        let mut cases = Vec::new();
        let mut left = Vec::new();
        for finding in findings {
            let frame = finding.frame.and_then(|at| tested.get(at));
            let candidates = frame.map_or_else(Vec::new, |frame| self.candidates(frame));
            // Frames that cannot be told apart are compared with the wrong one when another of them was refused.
            let told = candidates.len() == 1;
            let explains = |cause: &Cause| match cause.effect {
                Effect::Refused => finding.field == "extra" || !told && finding.reference_frame.is_some(),
                Effect::Trimmed => finding.field == "frame.length",
            };
            let of = |at: &usize| causes[*at].filter(|cause| explains(cause) && known(cause.case));
            let cause = candidates.iter().find_map(of);
            match cause {
                Some(cause) => cases.push(cause.case),
                None => left.push(finding),
            }
        }
        cases.sort_unstable();
        cases.dedup();
        (cases, left)
    }
}

/// What stays the same of a packet on its way: its transport header without ports and checksum, and what follows.
fn signature(packet: &Inner<'_>) -> Option<Vec<u8>> {
    let bytes = transport(packet)?;
    let (kept, behind) = if packet.protocol == 17 { (4..6, 8) } else { (4..16, 18) };
    let mut signature = bytes.get(kept)?.to_vec();
    signature.extend(bytes.get(behind..).unwrap_or_default().iter().take(24));
    Some(signature)
}

/// The segment that frames of one packet carry, fragments put together.
fn segment(frames: &[Vec<u8>]) -> Option<Segment> {
    let first = inner(frames.first()?)?;
    let length = match first.family {
        Family::Ipv4 => usize::from(u16::from_be_bytes([first.packet[2], first.packet[3]])),
        Family::Ipv6 => 40 + usize::from(u16::from_be_bytes([first.packet[4], first.packet[5]])),
    };
    let whole = Inner { packet: first.packet.get(..length)?, ..first };
    let mut bytes = transport(&whole)?.to_vec();
    for frame in &frames[1..] {
        let later = inner(frame)?;
        let header = if later.family == Family::Ipv4 { usize::from(later.packet[0] & 15) * 4 } else { 48 };
        bytes.extend(later.packet.get(header..)?);
    }
    Segment::read(&bytes)
}
