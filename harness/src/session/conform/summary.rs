//! The summary on standard output: what came of every datapath, and each case that somebody has to look at.

use flowgauge_reports::conform::{CaseResult, ConformResult, FuzzSummary};
use flowgauge_scenarios::Datapath;

use super::count::{Count, good};
use super::repeat::Repeat;

/// More mutants' cases than this are not named.
const NAMED: usize = 3;

/// The summary of a run on one kernel.
pub(super) fn of(result: &ConformResult, repeat: &Repeat) -> String {
    let plan = &result.start.plan;
    let id = |case: &CaseResult| plan.instances.get(case.instance).map_or("?", |instance| instance.id.as_str());
    let mut text = String::new();
    let sound = || result.results.iter().filter(|case| case.mutation.is_none());
    for case in sound().filter(|case| !good(case)) {
        let what = if case.unexpected_pass { "passed, but is known not to" } else { case.outcome.name() };
        text += &format!("{} on {}: {what}\n", id(case), case.datapath.name());
        text += &format!("  {}\n", case.why).repeat(usize::from(!case.why.is_empty()));
        text += &format!("  again: {}\n", repeat.line(id(case), case.datapath, None));
    }
    for known in known(result) {
        text += &known;
    }
    if !text.is_empty() {
        text.push('\n');
    }
    for datapath in Datapath::ALL {
        let mut count = Count::default();
        sound().filter(|case| case.datapath == datapath).for_each(|case| count.add(case));
        if count.cells() > 0 {
            text += &format!("{:<13} {count}\n", datapath.name());
        }
    }
    if !result.mutants.is_empty() {
        text += "\nMutants, and the cases that notice them\n";
    }
    for mutant in &result.mutants {
        let killers = match &mutant.killed_by[..] {
            [] => "nobody notices".to_owned(),
            all if all.len() <= NAMED => all.join(", "),
            all => format!("{} and {} more", all[..NAMED].join(", "), all.len() - NAMED),
        };
        let (name, on, of) = (mutant.mutation.name(), mutant.datapath.name(), mutant.instances);
        text += &format!("  {name:<24} {on:<13} {} of {of}: {killers}\n", mutant.killed_by.len());
    }
    for found in &result.fuzz {
        text += &format!("{}\n", fuzzed(found));
        for divergence in &found.divergences {
            let why = divergence.findings.first().map_or_else(String::new, |finding| {
                format!("step {}: {} is {}, not {}", finding.step, finding.field, finding.got, finding.expected)
            });
            text += &format!("  {} times, {}: {why}\n", divergence.count, divergence.case.id);
        }
    }
    for complaint in &result.complaints {
        text += &format!("the kernel under test complained: {complaint}\n");
    }
    if let (false, Some((_, why))) = (result.finished, &result.failed) {
        text += &format!("the run did not get to its end: {why}\n");
    }
    text
}

/// What sequences came to at a station, in a line.
pub(super) fn fuzzed(found: &FuzzSummary) -> String {
    let FuzzSummary { station, datapath, sequences, packets, differed, divergences, .. } = found;
    format!(
        "{} {} on {}: {sequences} sequences, {packets} packets, {:.0} a second through both paths; {differed} sequences \
         differ, in {} ways",
        serde_json::to_value(station.family).ok().and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default(),
        station.translation.name(),
        datapath.name(),
        found.packets_per_second(),
        divergences.len()
    )
}

/// What is known not to hold, an entry once with the number of its cases.
fn known(result: &ConformResult) -> Vec<String> {
    let line = |(index, known): (usize, &flowgauge_scenarios::conform::Known)| {
        let cases = result.results.iter().filter(|case| case.known == Some(index)).count();
        (cases > 0).then(|| {
            let what = known.outcome.name();
            format!("known: {} ({cases} {what}): {}\n  {}\n", known.instances, known.reason, known.link)
        })
    };
    result.start.known.iter().enumerate().filter_map(line).collect()
}
