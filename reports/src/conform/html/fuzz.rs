//! What fuzzing came to: stations, what is known of what differed, and each divergence with its packets.

use flowgauge_scenarios::conform::Outcome;

use super::detail::{Depth, StepView, steps};
use super::kernel::Link;
use crate::conform::cell::{Cell, Standing};
use crate::conform::text::fuzz::{station, why};
use crate::conform::{CaseResult, ConformResult, Divergence, FuzzSummary};

/// A station's part.
pub(super) struct Fuzzed<'a> {
    pub(super) station: String,
    pub(super) datapath: &'static str,
    pub(super) seed: u64,
    pub(super) of: &'a FuzzSummary,
    pub(super) rate: String,
    pub(super) known: Vec<KnownRow<'a>>,
    pub(super) divergences: Vec<Found<'a>>,
}

/// What is known of what differed.
pub(super) struct KnownRow<'a> {
    pub(super) count: u64,
    pub(super) protocol: &'static str,
    pub(super) case: &'a str,
    pub(super) reason: &'a str,
    pub(super) link: Link<'a>,
}

/// A way to differ that nothing known explains.
pub(super) struct Found<'a> {
    pub(super) file: String,
    pub(super) id: &'a str,
    pub(super) count: u64,
    pub(super) why: String,
    pub(super) steps: Vec<StepView>,
}

/// Stations of a result. Divergences are numbered as their files are.
pub(super) fn fuzzed(result: &ConformResult) -> Vec<Fuzzed<'_>> {
    let mut parts = Vec::new();
    let mut number = 0;
    for summary in &result.fuzz {
        let FuzzSummary { datapath, seed, known, divergences, .. } = summary;
        let known = known.iter().map(|one| KnownRow {
            count: one.count,
            protocol: one.protocol.name(),
            case: &one.case,
            reason: &one.reason,
            link: Link::new(&one.link),
        });
        let divergences = divergences.iter().map(|one| {
            number += 1;
            shown(one, format!("divergence-{number}.toml"))
        });
        parts.push(Fuzzed {
            station: station(summary),
            datapath: datapath.name(),
            seed: *seed,
            of: summary,
            rate: format!("{:.0}", summary.packets_per_second()),
            known: known.collect(),
            divergences: divergences.collect(),
        });
    }
    parts
}

fn shown(divergence: &Divergence, file: String) -> Found<'_> {
    let result = CaseResult {
        instance: divergence.instance.case,
        datapath: divergence.tested.datapath,
        mutation: None,
        outcome: Outcome::Fail,
        why: why(divergence),
        findings: divergence.findings.clone(),
        known: None,
        unexpected_pass: false,
    };
    let cell = Cell {
        case: &divergence.case,
        instance: &divergence.instance,
        result: &result,
        standing: Standing::Fail,
        run: Some(&divergence.tested),
        reference: Some(&divergence.reference),
    };
    let steps = steps(&cell, Depth::Whole);
    Found { file, id: &divergence.instance.id, count: divergence.count, why: why(divergence), steps }
}
