//! What fuzzing came to, as text.

use flowgauge_reports::conform::FuzzSummary;

/// What sequences came to at a station, in a line.
pub(super) fn line(found: &FuzzSummary) -> String {
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

/// Every station's line, and below it each divergence with what differs.
pub(super) fn text(all: &[FuzzSummary]) -> String {
    let mut text = String::new();
    for found in all {
        text += &format!("{}\n", line(found));
        for divergence in &found.divergences {
            let why = divergence.findings.first().map_or_else(String::new, |finding| {
                format!("step {}: {} is {}, not {}", finding.step, finding.field, finding.got, finding.expected)
            });
            text += &format!("  {} times, {}: {why}\n", divergence.count, divergence.case.id);
        }
    }
    text
}
