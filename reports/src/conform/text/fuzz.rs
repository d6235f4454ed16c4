//! What fuzzing came to, as text.

use flowgauge_scenarios::Family;

use crate::conform::cell::plural;
use crate::conform::{Divergence, FuzzSummary, sentence};

/// What sequences came to at a station, in a line.
pub fn line(found: &FuzzSummary) -> String {
    let FuzzSummary { sequences, packets, differed, unexplained, divergences, .. } = found;
    format!(
        "{} on {}: {sequences} sequences, {packets} packets, {:.0} a second through both paths; {differed} sequences \
         differ, {unexplained} of them as nothing known does, in {} ways",
        station(found),
        found.datapath.name(),
        found.packets_per_second(),
        divergences.len()
    )
}

/// `ipv4 masquerade`.
pub(in crate::conform) fn station(found: &FuzzSummary) -> String {
    let family = if found.station.family == Family::Ipv4 { "ipv4" } else { "ipv6" };
    format!("{family} {}", found.station.translation.name())
}

/// How many ways to differ nothing known explains.
pub(in crate::conform) fn new(found: &FuzzSummary) -> String {
    plural(found.divergences.len(), "divergence that nothing known explains", "divergences that nothing known explains")
}

/// Every station's line, and below it what is known and each divergence with what differs. Files are numbered as divergences
/// are.
pub(in crate::conform) fn text(all: &[FuzzSummary]) -> String {
    let mut text = String::new();
    let mut number = 0;
    for found in all {
        text += &format!("{}\n", line(found));
        let several = |count: u64, what: &str| if count > 0 { format!("  {count} {what}\n") } else { String::new() };
        text += &several(found.unstable, "sequences did not differ so again");
        text += &several(
            found.unsorted,
            "sequences that differ were not looked into: there were too many, or time was over",
        );
        text += &several(found.unopened, "sequences say nothing: their flow did not open");
        for known in &found.known {
            let (count, protocol, case) = (known.count, known.protocol.name(), &known.case);
            text += &format!("  known  {count:>6} {protocol} {case:<28} {}\n", first_sentence(&known.reason));
        }
        for divergence in &found.divergences {
            number += 1;
            let (count, id, why) = (divergence.count, &divergence.instance.id, why(divergence));
            text += &format!("  NEW    {count:>6} {id}: {why}\n         divergence-{number}.toml, .pcapng\n");
        }
    }
    text
}

/// What differs first.
pub(in crate::conform) fn why(divergence: &Divergence) -> String {
    let told = divergence.findings.first().map(sentence::finding);
    // What needs many flows at once to show is not seen in one.
    told.unwrap_or_else(|| format!("{}, but not step by step", divergence.case.why))
}

/// The first sentence, for the table's sake.
fn first_sentence(reason: &str) -> &str {
    reason.split_inclusive(". ").next().unwrap_or_default().trim_end()
}
