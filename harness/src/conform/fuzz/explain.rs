//! Which differences are known, packet by packet: a sequence may differ in what is known and in what is not, and then it is the
//! latter that counts.

use flowgauge_reports::conform::{Arrived, Finding};
use flowgauge_scenarios::conform::{Known, Side, Station};
use flowgauge_scenarios::{Datapath, Family, Protocol};

use super::attribute::{protocol, quoted, transport};
use super::cause::{self, ACK, Cause, Effect, FIN, RST, SYN, fragment};
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
    /// Their MTUs.
    pub(super) mtus: [usize; 2],
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
        if fragment(&found) {
            // Behind the first there is no header. Identifications of IPv4 stay; those of IPv6 are made anew.
            let id = |packet: &Inner<'_>| (packet.family == Family::Ipv4).then(|| [packet.packet[4], packet.packet[5]]);
            let same = |at: &usize| {
                let (side, frame) = &self.sent[*at];
                *side != arrived.side && inner(frame).is_some_and(|sent| fragment(&sent) && id(&sent) == id(&found))
            };
            return all.filter(same).collect();
        }
        let Some(signature) = signature(&quoted.unwrap_or(found)) else { return Vec::new() };
        let same = |at: &usize| {
            let (side, frame) = &self.sent[*at];
            let common =
                |sent: &[u8]| sent[..sent.len().min(signature.len())] == signature[..sent.len().min(signature.len())];
            (*side == arrived.side) == own
                && inner(frame).and_then(|packet| self::signature(&packet)).is_some_and(|sent| common(&sent))
        };
        all.filter(same).collect()
    }

    /// Why the reference does not forward each frame as it is, by what it let through before.
    fn causes(&self, reference: &[Arrived]) -> Vec<Option<Cause>> {
        let error = |arrived: &&Arrived| inner(&arrived.frame).as_ref().and_then(quoted).is_some();
        let forwarded = reference.iter().filter(|arrived| !error(arrived));
        let passed: Vec<usize> = forwarded.flat_map(|arrived| self.candidates(arrived)).collect();
        let mut window = Window::default();
        for (side, frame) in self.opening {
            if let Some(segment) = segment(std::slice::from_ref(frame)) {
                window.judge(*side as usize, &segment);
            }
        }
        window.offload();
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
                let arrived = passed.iter().any(|n| (at..to).contains(n));
                match verdict {
                    _ if arrived => window = after,
                    Verdict::Invalid(case) => causes[at..to].fill(Some(Cause::refused(case))),
                    Verdict::Passes if self.ends_later(at) => window = after,
                    Verdict::Passes => {}
                }
            }
            at = to;
        }
        causes
    }

    /// Whether a frame ends where the router forwards, for its hop limit or its length: conntrack has taken it in by then.
    fn ends_later(&self, at: usize) -> bool {
        let (side, frame) = &self.sent[at];
        inner(frame).is_some_and(|packet| {
            let hops = packet.packet[if packet.family == Family::Ipv4 { 8 } else { 7 }];
            hops <= 1 || packet.packet.len() > self.mtus[1 - *side as usize]
        })
    }

    /// The frame with which the client began anew where a FIN or RST had marked the flow as closing: what follows the fast path leaves
    /// to a conntrack that waits for an answer to that SYN.
    fn begun_anew(&self) -> Option<usize> {
        if self.protocol != Protocol::Tcp {
            return None;
        }
        let flags: Vec<(Side, Option<u8>)> = self
            .sent
            .iter()
            .map(|(side, frame)| (*side, segment(std::slice::from_ref(frame)).map(|s| s.flags())))
            .collect();
        let has = |one: &(Side, Option<u8>), any: u8| one.1.is_some_and(|flags| flags & any != 0);
        let closing = flags.iter().position(|one| has(one, FIN | RST))?;
        let syn =
            flags[closing..].iter().position(|one| one.0 == Side::Client && has(one, SYN) && !has(one, ACK | RST))?;
        Some(closing + syn)
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
        let anew = self.begun_anew().filter(|_| known("forged-rst-and-syn"));
        let mut cases = Vec::new();
        let mut left = Vec::new();
        for finding in findings {
            let frame = finding.frame.and_then(|at| tested.get(at));
            let candidates = frame.map_or_else(Vec::new, |frame| self.candidates(frame));
            // Frames that cannot be told apart are compared with the wrong one when another of them was refused.
            let told = candidates.len() == 1;
            // Windows are switched off for the whole connection: what is handed over to the classic path passes conntrack there too,
            // is translated, and meets its end as a valid packet does.
            let liberal = |cause: &Cause| matches!(cause.case, "tcp-out-of-window" | "tcp-ack-of-the-unsent");
            let explains = |cause: &Cause| match cause.effect {
                Effect::Refused if liberal(cause) && finding.field == "extra icmp" => true,
                Effect::Refused => finding.field == "extra" || !told && finding.reference_frame.is_some(),
                Effect::Trimmed => finding.field == "frame.length",
            };
            let of = |at: &usize| causes[*at].filter(|cause| explains(cause) && known(cause.case));
            // Only what comes behind the SYN can be lost for it.
            let was = finding.reference_frame.and_then(|at| reference.get(at)).filter(|_| finding.field == "lost");
            let behind = |at: &usize| anew.is_some_and(|syn| *at > syn);
            match candidates.iter().find_map(of) {
                Some(cause) => cases.push(cause.case),
                None if was.is_some_and(|frame| self.candidates(frame).iter().any(behind)) => {
                    cases.push("forged-rst-and-syn");
                }
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
    // A length that lies may leave not even a header.
    let whole = Inner { packet: first.packet.get(..length).filter(|packet| packet.len() >= 20)?, ..first };
    // What says that it is of another protocol is no segment, whatever it holds.
    let mut bytes = transport(&whole).filter(|_| protocol(&whole) == 6)?.to_vec();
    for frame in &frames[1..] {
        let later = inner(frame)?;
        let header = if later.family == Family::Ipv4 { usize::from(later.packet[0] & 15) * 4 } else { 48 };
        bytes.extend(later.packet.get(header..)?);
    }
    Segment::read(&bytes)
}

#[cfg(test)]
mod tests {
    use flowgauge_scenarios::Direction;
    use flowgauge_scenarios::conform::{PacketSpec, Sum};

    use super::*;
    use crate::conform::craft::Crafter;
    use crate::conform::fuzz::differ::frames_differ;
    use crate::conform::fuzz::{replay, stations};
    use crate::generators::raw::wire::Macs;

    const MACS: Macs = Macs { own: [2, 0, 0, 0, 1, 2], gateway: [2, 0, 0, 0, 1, 1] };

    /// Sends packets of the client, of which the reference drops some and the datapath under test others; what is known of that,
    /// and the fields of what is new.
    fn explained(
        packets: &[PacketSpec],
        [dropped, lost]: [&[usize]; 2],
        known: impl Fn(&str) -> bool,
    ) -> (Vec<&'static str>, Vec<String>) {
        let (case, instance) = replay::blank(&stations(Datapath::Flowtable)[0], Protocol::Tcp, 0);
        let mut crafter = Crafter::new(&instance, &case, MACS, MACS, case.bed.encapsulation);
        let opening = crafter.open(0);
        let sent: Vec<Outgoing> =
            packets.iter().flat_map(|packet| crafter.frames(packet, Direction::Upstream).unwrap()).collect();
        let numbers: Vec<u32> = (opening.len() as u32..).take(sent.len()).collect();
        let trail = Trail {
            protocol: Protocol::Tcp,
            opening: &opening,
            sent: &sent,
            numbers: &numbers,
            dut: [MACS.gateway; 2],
            mtus: [1500, 1400],
        };
        let arrived = |without: &[usize]| -> Vec<Arrived> {
            let left = sent.iter().enumerate().filter(|(at, _)| !without.contains(at));
            left.map(|(_, (_, frame))| Arrived { side: Side::Server, at_ns: 0, frame: frame.clone() }).collect()
        };
        let (reference, tested) = (arrived(dropped), arrived(lost));
        let number = |frame: &Arrived| trail.candidates(frame).first().map(|at| trail.numbers[*at]);
        let findings = frames_differ(&reference, &tested, true, &number);
        let (cases, new) = trail.explain(findings, (&reference, &tested), known);
        (cases, new.into_iter().map(|finding| finding.field).collect())
    }

    #[test]
    fn what_is_known_does_not_hide_what_is_new() {
        let plain = PacketSpec::default();
        let wrong = PacketSpec { sum: Sum::Wrong, ..plain.clone() };
        let packets = [plain.clone(), wrong.clone(), plain.clone()];
        let new = |fields: &[&str]| fields.iter().map(|field| (*field).to_owned()).collect::<Vec<_>>();
        assert_eq!(explained(&packets, [&[1], &[]], |_| true), (vec!["transport-checksum-wrong"], vec![]));
        // On a kernel on which it is not known, it is new.
        assert_eq!(explained(&packets, [&[1], &[]], |_| false), (vec![], new(&["extra"])));
        // A plain packet has no excuse, and a known reason to be dropped is none to be lost.
        assert_eq!(explained(&packets, [&[1], &[2]], |_| true), (vec!["transport-checksum-wrong"], new(&["lost"])));
        assert_eq!(explained(&packets, [&[0], &[]], |_| true), (vec![], new(&["extra"])));
        assert_eq!(explained(&packets, [&[], &[1]], |_| true), (vec![], new(&["lost"])));
    }

    #[test]
    fn segments_out_of_the_window_are_known_and_those_of_nobodys_fault_too() {
        let plain = PacketSpec { payload: 0, ..PacketSpec::default() };
        let far = PacketSpec { sequence: 1_200_000, ..plain.clone() };
        let found = explained(&[plain.clone(), far, plain.clone()], [&[1], &[]], |_| true);
        assert_eq!(found, (vec!["tcp-out-of-window"], vec![]));
        // A window that fits explains nothing.
        let near = PacketSpec { sequence: 1000, ..plain.clone() };
        assert_eq!(explained(&[near, plain], [&[0], &[]], |_| true), (vec![], vec!["extra".to_owned()]));
    }

    #[test]
    fn what_is_lost_behind_a_forged_rst_and_a_syn_is_known() {
        let plain = PacketSpec::default();
        let flagged = |flags: &str| PacketSpec { flags: Some(flags.to_owned()), payload: 0, ..plain.clone() };
        let packets = [plain.clone(), flagged("RA"), flagged("S"), plain.clone()];
        let of_lost = |lost: usize, known: bool| explained(&packets, [&[], &[lost]], |_| known);
        assert_eq!(of_lost(3, true), (vec!["forged-rst-and-syn"], vec![]));
        // What came before the SYN has no such excuse, nor has anything where the kernel is not known for it.
        assert_eq!(of_lost(0, true), (vec![], vec!["lost".to_owned()]));
        assert_eq!(of_lost(3, false), (vec![], vec!["lost".to_owned()]));
        let without = [plain.clone(), flagged("S"), plain.clone()];
        assert_eq!(explained(&without, [&[], &[2]], |_| true), (vec![], vec!["lost".to_owned()]));
        // A packet that says it is empty is no segment.
        let empty = PacketSpec { patch: vec![(2, "0000".to_owned())], ..plain.clone() };
        assert_eq!(explained(&[empty, plain], [&[0], &[0, 1]], |_| true), (vec![], vec!["lost".to_owned()]));
    }
}
