//! What is told of a campaign: how far it is, what is known of what differed, and each divergence, played step by step.

use std::time::Instant;

use flowgauge_reports::conform::{Arrived, Divergence, KnownDivergence};
use flowgauge_reports::event::{Event, Phase};
use flowgauge_scenarios::Protocol;
use flowgauge_scenarios::conform::REFERENCE;

use super::super::differ::frames_differ;
use super::super::replay::Replay;
use super::{Campaign, TOLD};
use crate::conform::craft::Mark;
use crate::worker::protocol::Failure;

impl Campaign<'_> {
    /// Says how far it is.
    pub(super) fn tell_progress(&mut self) -> Result<(), Failure> {
        if self.told.is_some_and(|told| told.elapsed() < TOLD) {
            return Ok(());
        }
        self.told = Some(Instant::now());
        let summary = &self.summary;
        let left = self.until.saturating_duration_since(Instant::now()).as_secs();
        let text = format!(
            "seed {}, sequence {} on: {} packets, {:.0} a second, {} sequences differ, {} as nothing known does, in {} ways; \
             {left} s left",
            summary.seed,
            summary.sequences,
            summary.packets,
            summary.packets_per_second(),
            summary.differed,
            summary.unexplained,
            self.groups.all.len()
        );
        self.wire.emit(&Event::Progress { phase: Phase::Drive, text })
    }

    /// Takes what is known into the summary, the most frequent first.
    pub(super) fn tell_known(&mut self) {
        let (catalogued, datapath, station) = (self.catalogued, self.fuzz.datapath, self.station);
        let told = |(&(case, protocol), &(count, sequence)): (&(&'static str, Protocol), &(u64, u64))| {
            let known = catalogued.of(case, datapath, station, protocol)?;
            let (reason, link) = (known.reason.clone(), known.link.clone());
            Some(KnownDivergence { case: case.to_owned(), protocol, count, sequence, reason, link })
        };
        self.summary.known = self.known.iter().filter_map(told).collect();
        self.summary.known.sort_by_key(|known| std::cmp::Reverse(known.count));
    }

    /// Plays each divergence step by step on both paths, while there is time.
    pub(super) fn play(&mut self, until: Instant) -> Result<(), Failure> {
        let mut groups = std::mem::take(&mut self.groups).all;
        groups.sort_by_key(|group| std::cmp::Reverse(group.count));
        for group in groups {
            if Instant::now() >= until {
                self.summary.unsorted += group.count;
                continue;
            }
            let name = (self.fuzz.seed, group.number);
            let mut replay = Replay::of(self.station, &group.sequence, name, &group.field, self.fuzz.datapath);
            let reference = replay.play(self.lab, REFERENCE)?;
            let tested = replay.play(self.lab, self.fuzz.datapath)?;
            let mut findings = Vec::new();
            for (step, (expected, got)) in reference.steps.iter().zip(&tested.steps).enumerate() {
                let number = |frame: &Arrived| Mark::find(&frame.frame).map(|mark| mark.number);
                let found = frames_differ(&expected.arrived, &got.arrived, self.ordered(), &number);
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
