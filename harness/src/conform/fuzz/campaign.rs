//! The whole of it: batches until the packets or the time are used up, and what differed made small.

use std::time::{Duration, Instant};

use flowgauge_reports::conform::{Divergence, FuzzSummary};
use flowgauge_scenarios::conform::{Fuzz, REFERENCE, Station};

use super::batch::{Batch, Outcome, WIDEST};
use super::differ::frames_differ;
use super::group::{Groups, Looks};
use super::lab::Lab;
use super::replay::Replay;
use super::shrink::{Shrink, Stage};
use super::{Generator, Sequence};
use crate::worker::protocol::{Failure, Wire};

/// Packets of a batch, without what opens the flows: enough that changing the ruleset does not weigh.
const BATCH: u64 = 4096;
/// Divergences that are shrunk together.
const TOGETHER: usize = 24;
/// Rounds of shrinking after which a sequence is taken as it is.
const ROUNDS: u32 = 24;
/// The part of the time that is kept for playing what was found.
const RESERVE: u32 = 10;

/// Sends sequences of `fuzz` through the reference and through its datapath on a station, until `fuzz.packets` went or
/// `fuzz.seconds` are over.
pub fn run(fuzz: &Fuzz, station: &Station, lab: &mut dyn Lab, wire: &dyn Wire) -> Result<FuzzSummary, Failure> {
    let began = Instant::now();
    let whole = Duration::from_secs(fuzz.seconds.into());
    let mut campaign = Campaign {
        fuzz,
        station,
        lab,
        wire,
        until: began + whole - whole / RESERVE,
        next_flow: 0,
        groups: Groups::default(),
        summary: FuzzSummary {
            station: station.clone(),
            datapath: fuzz.datapath,
            seed: fuzz.seed,
            sequences: 0,
            packets: 0,
            reference_ns: 0,
            tested_ns: 0,
            duration_ns: 0,
            unopened: 0,
            strays: (0, 0),
            differed: 0,
            unstable: 0,
            unsorted: 0,
            divergences: Vec::new(),
        },
    };
    campaign.batches()?;
    campaign.play(began + whole)?;
    let mut summary = campaign.summary;
    summary.divergences.sort_by_key(|divergence| std::cmp::Reverse(divergence.count));
    summary.duration_ns = began.elapsed().as_nanos() as u64;
    Ok(summary)
}

struct Campaign<'a> {
    fuzz: &'a Fuzz,
    station: &'a Station,
    lab: &'a mut dyn Lab,
    wire: &'a dyn Wire,
    until: Instant,
    next_flow: u32,
    groups: Groups,
    summary: FuzzSummary,
}

/// What came of the sequences of a batch.
struct Compared {
    reference: Outcome,
    tested: Outcome,
    /// Frames of the batch, openings included, and nanoseconds on either path.
    frames: u64,
    took_ns: (u64, u64),
    /// Whether each could be compared.
    opened: Vec<bool>,
}

impl Campaign<'_> {
    fn batches(&mut self) -> Result<(), Failure> {
        let generator = Generator::new(self.fuzz.seed, self.station);
        while self.summary.packets < self.fuzz.packets && Instant::now() < self.until {
            self.wire.check()?;
            let (first, mut sequences, mut packets) = (self.summary.sequences, Vec::new(), 0);
            while packets < BATCH && sequences.len() < WIDEST {
                let sequence = generator.sequence(first + sequences.len() as u64);
                packets += sequence.len();
                sequences.push(sequence);
            }
            let compared = self.compare(&sequences)?;
            let summary = &mut self.summary;
            summary.sequences += sequences.len() as u64;
            summary.packets += compared.frames;
            summary.reference_ns += compared.took_ns.0;
            summary.tested_ns += compared.took_ns.1;
            summary.strays.0 += compared.reference.strays;
            summary.strays.1 += compared.tested.strays;
            summary.unopened += compared.opened.iter().filter(|opened| !**opened).count() as u64;
            let new = self.sort(first, &sequences, &compared);
            self.shrink(new)?;
        }
        Ok(())
    }

    fn compare(&mut self, sequences: &[Sequence]) -> Result<Compared, Failure> {
        // Ports come again after 50,000 flows, and a batch must not have one twice.
        if self.next_flow > 40_000 {
            self.next_flow = 0;
        }
        let batch = Batch::new(self.lab, self.station, sequences, self.next_flow);
        self.next_flow = batch.next_flow();
        let began = Instant::now();
        let reference = batch.pass(self.lab, REFERENCE)?;
        let middle = Instant::now();
        let tested = batch.pass(self.lab, self.fuzz.datapath)?;
        let took_ns = ((middle - began).as_nanos() as u64, middle.elapsed().as_nanos() as u64);
        let whole = |index: usize| {
            let wanted = batch.opening(index);
            reference.opened[index] == wanted && tested.opened[index] == wanted
        };
        let opened = (0..sequences.len()).map(whole).collect();
        Ok(Compared { frames: batch.frames(), reference, tested, took_ns, opened })
    }

    /// Counts what is known already, and returns what is to be shrunk.
    fn sort(&mut self, first: u64, sequences: &[Sequence], compared: &Compared) -> Vec<(Looks, Shrink)> {
        let mut new: Vec<(Looks, Shrink)> = Vec::new();
        for (index, sequence) in sequences.iter().enumerate().filter(|(index, _)| compared.opened[*index]) {
            let (reference, tested) = (&compared.reference.arrived[index], &compared.tested.arrived[index]);
            let findings = frames_differ(reference, tested, self.ordered());
            let Some(finding) = findings.first() else { continue };
            self.summary.differed += 1;
            let looks = Looks::of(sequence, finding, reference, tested);
            if self.groups.count(&looks) {
                continue;
            }
            if new.len() >= TOGETHER || new.iter().any(|(other, _)| *other == looks) {
                self.summary.unsorted += 1;
                continue;
            }
            new.push((looks, Shrink::new(first + index as u64, &finding.field, sequence)));
        }
        new
    }

    /// Hardware is faster than the path beside it.
    fn ordered(&self) -> bool {
        !self.fuzz.datapath.needs_nic()
    }

    fn shrink(&mut self, mut new: Vec<(Looks, Shrink)>) -> Result<(), Failure> {
        for _ in 0..ROUNDS {
            let candidates: Vec<Vec<Sequence>> = new.iter().map(|(_, shrink)| shrink.candidates()).collect();
            let flat: Vec<Sequence> = candidates.iter().flatten().cloned().collect();
            if flat.is_empty() || Instant::now() >= self.until {
                break;
            }
            self.wire.check()?;
            let mut fields = Vec::with_capacity(flat.len());
            for part in flat.chunks(WIDEST) {
                let compared = self.compare(part)?;
                fields.extend((0..part.len()).map(|index| {
                    let (reference, tested) = (&compared.reference.arrived[index], &compared.tested.arrived[index]);
                    let findings = frames_differ(reference, tested, self.ordered());
                    findings.into_iter().next().filter(|_| compared.opened[index]).map(|finding| finding.field)
                }));
            }
            let mut fields = fields.into_iter();
            for ((_, shrink), candidates) in new.iter_mut().zip(&candidates) {
                let differs: Vec<bool> =
                    fields.by_ref().take(candidates.len()).map(|f| f.as_ref() == Some(&shrink.field)).collect();
                shrink.learn(&differs);
            }
        }
        for (looks, shrink) in new {
            match shrink.stage {
                Stage::Unstable => self.summary.unstable += 1,
                Stage::Again => self.summary.unsorted += 1,
                _ => self.groups.add(looks, shrink.number, &shrink.field, &shrink.best),
            }
        }
        Ok(())
    }

    /// Plays each divergence step by step on both paths, while there is time.
    fn play(&mut self, until: Instant) -> Result<(), Failure> {
        let mut groups = std::mem::take(&mut self.groups).all;
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        for group in groups {
            if Instant::now() >= until || self.wire.check().is_err() {
                self.summary.unsorted += group.count;
                continue;
            }
            let name = (self.fuzz.seed, group.number);
            let mut replay = Replay::of(self.station, &group.sequence, name, &group.field, self.fuzz.datapath);
            let reference = replay.play(self.lab, REFERENCE)?;
            let tested = replay.play(self.lab, self.fuzz.datapath)?;
            let mut findings = Vec::new();
            for (step, (expected, got)) in reference.steps.iter().zip(&tested.steps).enumerate() {
                let found = frames_differ(&expected.arrived, &got.arrived, self.ordered());
                findings
                    .extend(found.into_iter().map(|finding| flowgauge_reports::conform::Finding { step, ..finding }));
            }
            self.summary.divergences.push(Divergence {
                count: group.count,
                sequence: group.number,
                case: replay.case,
                instance: replay.instance,
                reference,
                tested,
                findings,
            });
        }
        Ok(())
    }
}
