//! The whole of it: batches until the packets or the time are used up, and what differed made small.

mod told;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use flowgauge_reports::conform::{Arrived, Finding, FuzzSummary};
use flowgauge_scenarios::Protocol;
use flowgauge_scenarios::conform::{Fuzz, REFERENCE, Station};

use super::batch::{Batch, Outcome, WIDEST};
use super::differ::frames_differ;
use super::explain::Catalogued;
use super::group::{Groups, Looks};
use super::lab::Lab;
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
/// How long what was found is played when the run must stop.
const LAST: Duration = Duration::from_secs(3);
/// Flows of generated sequences, and as many of those that are tried to shrink them.
const HALF: u32 = 24_000;
/// How often it is told how far it is.
const TOLD: Duration = Duration::from_secs(1);

/// Sends sequences of `fuzz` through the reference and through its datapath on a station, until `fuzz.packets` went or
/// `fuzz.seconds` are over, or `wire` says that the run must stop. Differences of `catalogued` are counted, others made small.
pub fn run(
    fuzz: &Fuzz,
    station: &Station,
    lab: &mut dyn Lab,
    wire: &dyn Wire,
    catalogued: &Catalogued,
) -> Result<FuzzSummary, Failure> {
    let began = Instant::now();
    let whole = Duration::from_secs(fuzz.seconds.into());
    let mut campaign = Campaign {
        fuzz,
        station,
        lab,
        wire,
        catalogued,
        told: None,
        until: began + whole - whole / RESERVE,
        next_flow: 0,
        next_shrinking: HALF,
        groups: Groups::default(),
        known: BTreeMap::new(),
        summary: FuzzSummary {
            station: station.clone(),
            datapath: fuzz.datapath,
            seed: fuzz.seed,
            sequences: 0,
            packets: 0,
            reference_ns: 0,
            tested_ns: 0,
            duration_ns: 0,
            tried: 0,
            unopened: 0,
            strays: (0, 0),
            differed: 0,
            unexplained: 0,
            unstable: 0,
            unsorted: 0,
            known: Vec::new(),
            divergences: Vec::new(),
        },
    };
    match campaign.batches() {
        // What was found until then is worth having.
        Err(stop) if wire.check().is_err() && stop == Failure::interrupted() => campaign.play(Instant::now() + LAST)?,
        batches => {
            batches?;
            campaign.play(began + whole)?;
        }
    }
    campaign.tell_known();
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
    catalogued: &'a Catalogued,
    /// When it was told last how far it is.
    told: Option<Instant>,
    until: Instant,
    next_flow: u32,
    next_shrinking: u32,
    groups: Groups,
    /// Sequences that differ as a case does that is known to fail: how many, and the first.
    known: BTreeMap<(&'static str, Protocol), (u64, u64)>,
    summary: FuzzSummary,
}

/// What came of the sequences of a batch.
struct Compared {
    reference: Outcome,
    tested: Outcome,
    /// Frames of the batch, openings included, and nanoseconds on either path.
    frames: u64,
    took_ns: (u64, u64),
    differs: Vec<Differs>,
}

/// Which flows a batch has. Generated sequences go through the same whatever was shrunk between them, for how much is depends on
/// time, and a seed's packets must not.
#[derive(Clone, Copy)]
enum Flows {
    Generated,
    Shrinking,
}

/// In what a sequence differs.
#[derive(Default)]
struct Differs {
    /// Whether its flow opened on both paths, so that it can be compared.
    opened: bool,
    /// The cases that are known to fail and explain it.
    known: Vec<&'static str>,
    /// What nothing explains.
    new: Vec<Finding>,
}

impl Campaign<'_> {
    fn batches(&mut self) -> Result<(), Failure> {
        let generator = Generator::new(self.fuzz.seed, self.station);
        while self.summary.packets < self.fuzz.packets && Instant::now() < self.until {
            self.wire.check()?;
            self.tell_progress()?;
            let (first, mut sequences, mut packets) = (self.summary.sequences, Vec::new(), 0);
            while packets < BATCH && sequences.len() < WIDEST {
                let sequence = generator.sequence(first + sequences.len() as u64);
                packets += sequence.len();
                sequences.push(sequence);
            }
            let mut compared = self.compare(&sequences, Flows::Generated)?;
            self.try_again(&sequences, &mut compared)?;
            let summary = &mut self.summary;
            summary.sequences += sequences.len() as u64;
            summary.packets += compared.frames;
            summary.reference_ns += compared.took_ns.0;
            summary.tested_ns += compared.took_ns.1;
            summary.strays.0 += compared.reference.strays;
            summary.strays.1 += compared.tested.strays;
            summary.unopened += compared.differs.iter().filter(|differs| !differs.opened).count() as u64;
            let new = self.sort(first, &sequences, &compared);
            self.shrink(new)?;
        }
        Ok(())
    }

    /// Sends sequences on flows of their own: ports come again after 50,000 flows, and a batch must not have one twice.
    fn compare(&mut self, sequences: &[Sequence], flows: Flows) -> Result<Compared, Failure> {
        let (next, from) = match flows {
            Flows::Generated => (&mut self.next_flow, 0),
            Flows::Shrinking => (&mut self.next_shrinking, HALF),
        };
        if *next < from || *next > from + HALF - WIDEST as u32 {
            *next = from;
        }
        let batch = Batch::new(self.lab, self.station, sequences, *next);
        *next = batch.next_flow();
        let began = Instant::now();
        let reference = batch.pass(self.lab, REFERENCE)?;
        let middle = Instant::now();
        let tested = batch.pass(self.lab, self.fuzz.datapath)?;
        let took_ns = ((middle - began).as_nanos() as u64, middle.elapsed().as_nanos() as u64);
        let of = |index: usize| {
            let wanted = batch.opening(index);
            if reference.opened[index] != wanted || tested.opened[index] != wanted {
                return Differs { opened: false, ..Differs::default() };
            }
            let arrived = (&reference.arrived[index][..], &tested.arrived[index][..]);
            let trail = batch.trail(index);
            let number = |frame: &Arrived| trail.candidates(frame).first().map(|at| trail.numbers[*at]);
            let findings = frames_differ(arrived.0, arrived.1, self.ordered(), &number);
            let (fuzz, station, protocol) = (self.fuzz, self.station, trail.protocol);
            let known = |case: &str| self.catalogued.of(case, fuzz.datapath, station, protocol).is_some();
            let (known, new) = trail.explain(findings, arrived, known);
            Differs { opened: true, known, new }
        };
        let differs = (0..sequences.len()).map(of).collect();
        Ok(Compared { frames: batch.frames(), reference, tested, took_ns, differs })
    }

    /// Sends a batch of which much is new once more: that may be the machine, which stood still, and then it does not come again.
    fn try_again(&mut self, sequences: &[Sequence], compared: &mut Compared) -> Result<(), Failure> {
        if compared.differs.iter().filter(|differs| !differs.new.is_empty()).count() <= TOGETHER {
            return Ok(());
        }
        let again = self.compare(sequences, Flows::Shrinking)?;
        self.summary.tried += again.frames;
        for (differs, again) in compared.differs.iter_mut().zip(again.differs) {
            if !differs.new.is_empty() && again.new.is_empty() {
                differs.new.clear();
                self.summary.unstable += 1;
            }
        }
        Ok(())
    }

    /// Counts what is known already, and returns what is to be shrunk.
    fn sort(&mut self, first: u64, sequences: &[Sequence], compared: &Compared) -> Vec<(Looks, Shrink)> {
        let mut new: Vec<(Looks, Shrink)> = Vec::new();
        for (index, (sequence, differs)) in sequences.iter().zip(&compared.differs).enumerate() {
            let (reference, tested) = (&compared.reference.arrived[index], &compared.tested.arrived[index]);
            for &case in &differs.known {
                self.known.entry((case, sequence.protocol)).or_insert((0, first + index as u64)).0 += 1;
            }
            self.summary.differed += u64::from(!differs.known.is_empty() || !differs.new.is_empty());
            let Some(finding) = differs.new.first() else { continue };
            self.summary.unexplained += 1;
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
                let compared = self.compare(part, Flows::Shrinking)?;
                self.summary.tried += compared.frames;
                let all = |differs: Differs| differs.new.into_iter().map(|finding| finding.field).collect::<Vec<_>>();
                fields.extend(compared.differs.into_iter().map(all));
            }
            let mut fields = fields.into_iter();
            for ((_, shrink), candidates) in new.iter_mut().zip(&candidates) {
                let differs: Vec<bool> =
                    fields.by_ref().take(candidates.len()).map(|all| all.contains(&shrink.field)).collect();
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
}
