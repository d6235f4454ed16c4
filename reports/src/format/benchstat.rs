//! Go benchmark lines (golang.org/design/14313-benchmark-format): a line a trial with every number of it, so that benchstat
//! has the samples and makes its own statistics.
//!
//! `BenchmarkUdp-ipv4/datapath=flowtable-2 1 58100 frames/s 480000 latency-p50-ns`: the last number of the name is that of the
//! CPUs, the `1` says that a line is one measurement. Lines of `key: value` hold for what follows them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use super::case::{Case, Outcome, cases};
use super::name::line;
use super::symbol;
use crate::result::RunResult;

/// The result as Go benchmark lines.
pub(super) fn render(result: &RunResult) -> String {
    let cases = cases(result);
    let mut text = String::new();
    // What two runs of one machine never share (a run's name, its time) is not here: benchstat sets results beside each
    // other only where the configuration is the same.
    if let Some(e) = &result.environment {
        configure(&mut text, "accelerator", symbol::accelerator(Some(e.accelerator)));
        configure(&mut text, "clock", symbol::clock(Some(e.clock)));
        configure(&mut text, "cpu", symbol::cpu(e));
    }
    let units: BTreeSet<(String, &str)> =
        cases.iter().flat_map(|case| &case.metrics).map(|m| (symbol::of(m), symbol::better(m.better))).collect();
    for (unit, better) in units {
        let _ = writeln!(text, "Unit {unit} better={better}");
    }
    let cpus = result.environment.as_ref().map_or(1, |e| e.cpus);
    let (mut kernel, mut simulated) = ("", false);
    for case in &cases {
        if case.outcome != Outcome::Good {
            if case.row.is_some() {
                let _ = writeln!(text, "# left out: {}: {}: {}", case.path(), case.outcome.word(), case.outcome.why());
            }
            continue;
        }
        if case.kernel != kernel {
            kernel = &case.kernel;
            configure(&mut text, "kernel", kernel);
        }
        if case.simulated() != simulated {
            simulated = case.simulated();
            // Without a value the key is forgotten.
            configure(&mut text, "nic", if simulated { "simulated" } else { "" });
        }
        samples(&mut text, case, cpus);
    }
    text
}

fn configure(text: &mut String, key: &str, value: &str) {
    let _ = writeln!(text, "{key}: {}", line(value));
}

/// A line for each trial.
fn samples(text: &mut String, case: &Case<'_>, cpus: u32) {
    // By block, and within a block by how often a number has come already: a line has each unit once.
    let mut trials: BTreeMap<(u32, usize), Vec<String>> = BTreeMap::new();
    for metric in &case.metrics {
        let unit = symbol::of(metric);
        let mut seen: BTreeMap<u32, usize> = BTreeMap::new();
        for &(block, value) in metric.samples.iter().filter(|(_, value)| value.is_finite()) {
            let again = seen.entry(block).or_default();
            trials.entry((block, *again)).or_default().push(format!("{value} {unit}"));
            *again += 1;
        }
    }
    let name = format!("Benchmark{}/datapath={}-{cpus}", capitalised(&case.slug), case.datapath);
    for values in trials.values() {
        let _ = writeln!(text, "{name} 1 {}", values.join(" "));
    }
}

/// Behind `Benchmark` must come an upper-case letter.
fn capitalised(slug: &str) -> String {
    let mut rest = slug.chars();
    match rest.next().map(|first| first.to_uppercase().to_string()) {
        Some(first) if first.chars().all(char::is_uppercase) => first + rest.as_str(),
        _ => format!("X{slug}"),
    }
}

#[cfg(test)]
mod tests {
    use super::capitalised;

    #[test]
    fn what_has_no_capital_gets_one() {
        assert_eq!(["udp", "Udp", "9p", "_x", "ßa"].map(capitalised), ["Udp", "Udp", "X9p", "X_x", "SSa"]);
    }
}
