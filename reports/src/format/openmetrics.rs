//! OpenMetrics text (version 1.0, the exposition format of Prometheus).
//!
//! Every family is a gauge, also what OpenMetrics has types of its own for (states, info): so the older text format of
//! Prometheus, and with it the textfile collector of node_exporter, reads it too. Times are in seconds. No timestamps: who
//! scrapes or pushes gives them.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::case::{Case, Outcome, cases, failures_of_the_run};
use super::name::line;
use super::symbol;
use crate::metric::Metric;
use crate::result::RunResult;
use crate::stats::Unit;

/// Families by name: unit and help, then the samples. The samples of a family must stand together.
type Families = BTreeMap<String, (String, String, String)>;

/// The result as OpenMetrics.
pub(super) fn render(result: &RunResult) -> String {
    let mut families = Families::new();
    for case in &cases(result) {
        let labels = labels(case);
        for state in ["good", "bad", "unproven", "skipped"] {
            let is = u8::from(case.outcome.word() == state);
            let help = "Whether the row has this verdict; skipped is what could not be measured";
            add(&mut families, "flowgauge_verdict", "", help, &format!("{labels},verdict=\"{state}\""), is.into());
        }
        // A number without a proof is not a result.
        if case.outcome == Outcome::Good {
            case.metrics.iter().for_each(|metric| numbers(&mut families, metric, &labels));
        }
    }
    run(&mut families, result);
    let mut text = String::new();
    for (name, (unit, help, samples)) in families {
        let _ = writeln!(text, "# TYPE {name} gauge");
        if !unit.is_empty() {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
        let _ = writeln!(text, "# HELP {name} {help}");
        text += &samples;
    }
    text + "# EOF\n"
}

/// What holds for the run as a whole.
fn run(families: &mut Families, result: &RunResult) {
    let of = |key, value: &str| format!("{key}=\"{}\"", escaped(value));
    let mut info = vec![of("run", &result.run)];
    if let Some(e) = &result.environment {
        info.extend([
            of("flowgauge", &e.flowgauge),
            of("kernel", &e.kernel_release),
            of("accelerator", symbol::accelerator(Some(e.accelerator))),
            of("clock", symbol::clock(Some(e.clock))),
            of("cpu", symbol::cpu(e)),
        ]);
    }
    add(families, "flowgauge_run_info", "", "The run and where it took place", &info.join(","), 1.0);
    let good = result.judgement.good() && failures_of_the_run(result).is_empty();
    let help = "Whether the run ended and every verdict is good";
    add(families, "flowgauge_run_good", "", help, "", f64::from(u8::from(good)));
    let help = "When the run began, in seconds since 1970";
    add(families, "flowgauge_run_started_seconds", "seconds", help, "", result.unix_s);
}

/// The median and the ends of its interval.
fn numbers(families: &mut Families, metric: &Metric, labels: &str) {
    let (unit, scale) = base(metric.unit());
    let name = metric.name.replace('-', "_");
    // `instructions_per_packet` says already what it counts.
    let name = if unit.starts_with(&name) { format!("flowgauge_{unit}") } else { format!("flowgauge_{name}_{unit}") };
    let help = format!("{}; the median over the trials and its 95 % interval", about(metric.name));
    let e = &metric.estimate;
    for (which, value) in [("median", e.median), ("low", e.low), ("high", e.high)] {
        add(families, &name, unit, &help, &format!("{labels},estimate=\"{which}\""), value / scale);
    }
}

/// The base unit in a metric's name, and how many of ours make one of it.
const fn base(unit: Unit) -> (&'static str, f64) {
    match unit {
        Unit::FramesPerSecond => ("frames_per_second", 1.0),
        Unit::BitsPerSecond => ("bits_per_second", 1.0),
        Unit::Share | Unit::Ratio => ("ratio", 1.0),
        Unit::Nanoseconds => ("seconds", 1e9),
        Unit::NanosecondsPerPacket => ("seconds_per_packet", 1e9),
        Unit::InstructionsPerPacket => ("instructions_per_packet", 1.0),
    }
}

fn about(metric: &str) -> &'static str {
    match metric {
        "throughput" => "What arrived intact, over the time of sending",
        "latency-p50" => "Median latency",
        "latency-p99" => "99th percentile of latency",
        "cost" => "Soft interrupt time per forwarded packet, net of the generator",
        "instructions" | "time-per-packet" => "What a packet costs the kernel under test, net of the generator",
        _ => "A number of flowgauge",
    }
}

fn labels(case: &Case<'_>) -> String {
    let clock = symbol::clock(case.row.and_then(|row| row.clock));
    format!(
        "scenario=\"{}\",datapath=\"{}\",kernel=\"{}\",clock=\"{clock}\",simulated=\"{}\"",
        escaped(&case.scenario),
        case.datapath,
        escaped(&case.kernel),
        case.simulated()
    )
}

fn add(families: &mut Families, name: &str, unit: &str, help: &str, labels: &str, value: f64) {
    let new = || (unit.to_owned(), help.to_owned(), String::new());
    let family = families.entry(name.to_owned()).or_insert_with(new);
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    let _ = writeln!(family.2, "{name}{labels} {value}");
}

/// The value of a label: backslash, quote and line feed have escapes, and nothing else needs one.
fn escaped(value: &str) -> String {
    line(value).replace('\\', "\\\\").replace('"', "\\\"")
}
