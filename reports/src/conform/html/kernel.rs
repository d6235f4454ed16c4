//! What a kernel's part of the run came to as a whole.

use super::fuzz::{Fuzzed, fuzzed};
use super::{chips, release};
use crate::conform::cell::{Cell, Standing, Tally, cases, datapaths, explained, groups, plural, unsupported};
use crate::conform::mutants::{by_group, never_failed};
use crate::conform::{ConformResult, MutantResult};
use crate::environment::Environment;
use crate::html::quoted;
use crate::wording;

/// Names that are shown of many.
const NAMES: usize = 12;

/// A group: its name, what it is about, and for each datapath how many cells stand where, by class and text.
pub(super) type Group = (&'static str, &'static str, Vec<Vec<(&'static str, String)>>);

/// A kernel's part, as it is shown.
pub(super) struct Kernel<'a> {
    pub(super) release: &'a str,
    pub(super) label: String,
    pub(super) command: String,
    pub(super) stop: Option<String>,
    /// Name and value.
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) datapaths: Vec<&'static str>,
    pub(super) groups: Vec<Group>,
    pub(super) unexpected: Vec<String>,
    /// Under their titles.
    pub(super) reasons: [(&'static str, Vec<Reason<'a>>); 2],
    pub(super) fuzzed: Vec<Fuzzed<'a>>,
    pub(super) mutants: Vec<Mutant<'a>>,
    /// Which cases have never been seen to fail.
    pub(super) never_failed: Option<String>,
    pub(super) complaints: &'a [String],
    pub(super) warnings: &'a [crate::event::Warning],
}

/// Why some cells are not a pass and nobody has to act.
pub(super) struct Reason<'a> {
    pub(super) count: String,
    pub(super) outcome: &'static str,
    pub(super) cases: String,
    pub(super) reason: &'a str,
    pub(super) link: Link<'a>,
}

/// Where something is told: an address that a browser opens, or a place in a source.
#[derive(Clone, Copy)]
pub(super) struct Link<'a> {
    pub(super) text: &'a str,
    pub(super) address: bool,
}

impl<'a> Link<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        let web = text.starts_with("https://") || text.starts_with("http://");
        Link { text, address: web && !text.contains(char::is_whitespace) }
    }
}

/// What became of a mutant.
pub(super) struct Mutant<'a> {
    pub(super) name: String,
    pub(super) about: &'static str,
    pub(super) datapath: &'static str,
    pub(super) killed: usize,
    pub(super) instances: usize,
    /// `12 forwarding, 3 counters`.
    pub(super) groups: String,
    pub(super) killers: &'a [String],
    pub(super) more: usize,
    /// What the first of them saw.
    pub(super) sign: &'a str,
    /// Why it could not be made.
    pub(super) refused: Option<&'a str>,
}

impl<'a> Kernel<'a> {
    pub(super) fn new(result: &'a ConformResult, cells: &[Cell<'a>]) -> Self {
        let datapaths = datapaths(cells);
        let tallies = |group| {
            let of = |datapath| {
                let here = cells.iter().filter(|c| c.case.group == group && c.result.datapath == datapath);
                chips(&Tally::of(here))
            };
            datapaths.iter().map(|&datapath| of(datapath)).collect()
        };
        let stop = match &result.failed {
            Some((_, message)) => Some(format!("The run failed: {message}")),
            None => (!result.finished).then(|| "The run was cut off. This is what it had seen by then.".to_owned()),
        };
        let known = explained(result, cells)
            .into_iter()
            .map(|one| reason(&one.cells, one.known.outcome.name(), &one.known.reason, &one.known.link));
        let unsupported = unsupported(cells).into_iter().map(|(why, cells)| reason(&cells, "unsupported", why, ""));
        let unexpected = cells.iter().filter(|cell| cell.standing == Standing::UnexpectedPass);
        Kernel {
            release: release(result),
            label: wording::kernel_and_clock(result.environment.as_ref()),
            command: result.start.command.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "),
            stop,
            facts: result.environment.as_ref().map(facts).unwrap_or_default(),
            groups: groups(cells).into_iter().map(|group| (group.name(), group.about(), tallies(group))).collect(),
            datapaths: datapaths.iter().map(|datapath| datapath.name()).collect(),
            unexpected: unexpected
                .map(|cell| format!("{} on {}", cell.instance.id, cell.result.datapath.name()))
                .collect(),
            reasons: [("Known failures", known.collect()), ("Unsupported", unsupported.collect())],
            fuzzed: fuzzed(result),
            mutants: result
                .mutants
                .iter()
                .map(|mutant| Mutant {
                    name: mutant.mutation.name(),
                    about: mutant.mutation.about(),
                    datapath: mutant.datapath.name(),
                    killed: mutant.killed_by.len(),
                    instances: mutant.instances,
                    killers: mutant.killed_by.get(..NAMES).unwrap_or(&mutant.killed_by),
                    more: mutant.killed_by.len().saturating_sub(NAMES),
                    groups: in_groups(result, mutant),
                    sign: &mutant.sign,
                    refused: mutant.refused.as_deref(),
                })
                .collect(),
            never_failed: never_failed(result),
            complaints: &result.complaints,
            warnings: &result.warnings,
        }
    }
}

fn in_groups(result: &ConformResult, mutant: &MutantResult) -> String {
    let groups = by_group(&result.start.plan, mutant);
    groups.iter().map(|(group, count)| format!("{count} {}", group.name())).collect::<Vec<_>>().join(", ")
}

/// The kernel and the machine, for whoever wants to see it again.
fn facts(e: &Environment) -> Vec<(&'static str, String)> {
    let ports = e.nics.iter().map(|nic| {
        let simulated = if nic.simulated { ", simulated" } else { "" };
        format!(
            "{} {} {} ({}{simulated}) {}",
            nic.topology.name(),
            nic.role,
            nic.name,
            nic.driver,
            nic.features.join(" ")
        )
    });
    let tools = e.tools.iter().map(|tool| format!("; {}: {}", tool.name, tool.version)).collect::<String>();
    let host = if e.host_cpu == e.cpu { String::new() } else { format!(" on {}", e.host_cpu) };
    vec![
        ("Kernel under test", format!("{} {}", e.kernel_release, e.kernel_version)),
        ("From", format!("{}, {}", e.kernel_origin, wording::accelerator(e.accelerator))),
        ("CPU", format!("{} × {}{host}, {} MiB", e.cpus, e.cpu, e.memory_bytes >> 20)),
        ("Ports", ports.collect::<Vec<_>>().join("; ")),
        ("Tools", format!("flowgauge {}{tools}", e.flowgauge)),
        ("Settings", e.settings.join("; ")),
    ]
}

fn reason<'a>(cells: &[Cell<'_>], outcome: &'static str, reason: &'a str, link: &'a str) -> Reason<'a> {
    let cases: Vec<String> = cases(cells).into_iter().map(|(id, count)| format!("{id} ({count})")).collect();
    Reason {
        count: plural(cells.len(), "cell", "cells"),
        outcome,
        cases: cases.join(", "),
        reason,
        link: Link::new(link),
    }
}
