//! Warnings about the data of a row, each with a remedy.

use flowgauge_scenarios::{Control, Datapath, Engine, Lane, Load, Scenario};

use super::metrics::unresolved;
use super::row::Row;
use super::verdict::Verdict;
use crate::event::Warning;
use crate::numbers::loss;
use crate::stats::FEW;

/// An interval wider than this share of its median is noisy.
const NOISY: f64 = 0.1;
/// The least share of the intended load that counts as reached.
const REACHED: f64 = 0.99;
/// A greater loss than this share of what was sent is said beside the table, too.
const LOSSY: f64 = 0.001;

/// One warning for all rows whose throughput is known too roughly, naming the worst.
pub(super) fn of_noise(rows: &[Row]) -> Option<Warning> {
    let width = |row: &Row| row.throughput.filter(|e| e.n >= FEW).map_or(0.0, |e| e.relative_width());
    let noisy: Vec<&Row> = rows.iter().filter(|row| width(row) > NOISY).collect();
    let worst = noisy.iter().max_by(|a, b| width(a).total_cmp(&width(b)))?;
    Some(Warning {
        text: format!(
            "the interval of the throughput spans more than {:.0} % of its median in {} of {} rows, most in {} on {} \
             ({:.0} %)",
            NOISY * 100.0,
            noisy.len(),
            rows.len(),
            worst.name,
            worst.datapath.name(),
            width(worst) * 100.0
        ),
        remedy: "take more blocks or longer trials, and leave the machine alone meanwhile".to_owned(),
    })
}

/// One warning for all rows with trials too short or too idle for a cost per packet.
pub(super) fn of_resolution(rows: &[Row]) -> Option<Warning> {
    // Where it is as good as nothing, that is the answer and no lack.
    let open = |row: &&Row| row.engine == Engine::Raw && unresolved(&row.samples);
    let concerned: Vec<&Row> =
        rows.iter().filter(open).filter(|row| !row.cost_bound.is_some_and(|bound| bound.zero)).collect();
    let first = concerned.first()?;
    Some(Warning {
        text: format!(
            "soft interrupt time was below what /proc/stat can tell (its unit is 10 ms) in {} of {} rows, \
             {} on {} first: they have no cost per packet",
            concerned.len(),
            rows.len(),
            first.name,
            first.datapath.name()
        ),
        remedy: "take longer trials (--trial) or offer more (--load)".to_owned(),
    })
}

/// Everything about the data of `row` that its reader should know.
pub(super) fn of_row(row: &Row, scenario: &Scenario) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |text: String, remedy: &str| {
        let text = format!("{} on {}: {text}", row.name, row.datapath.name());
        warnings.push(Warning { text, remedy: remedy.to_owned() });
    };
    if row.trials < row.planned {
        warn(format!("{} of {} planned trials were done", row.trials, row.planned), "run it again to the end");
    }
    let gains = if row.datapath == Datapath::BASELINE {
        "and a gain over it is an upper bound"
    } else {
        "and so is any gain in it"
    };
    if row.generator_limited {
        warn(
            format!("the generator was the limit: the throughput is a lower bound, {gains}"),
            "look at the cost per packet, give the testers more CPUs, or compare at a fixed load (--load 20kpps)",
        );
    }
    if let Some(totals) = row.totals.as_ref().filter(|t| t.uncaptured > 0) {
        let who = totals.uncaptured_by.join(" and the ");
        let whose = if totals.foreign == 0 {
            "they are not counted as the DUT's loss"
        } else {
            "other senders' frames arrived too, so those missed may be theirs, and the DUT's loss is not reduced by them"
        };
        let bound = if row.undercounted() {
            format!("; the throughput is a lower bound, {gains}, and the cost per packet is an upper bound")
        } else {
            String::new()
        };
        warn(
            format!("the {who} could not capture {} of {} frames; {whose}{bound}", totals.uncaptured, totals.sent),
            "offer less (--load), or give the testers more CPUs",
        );
    }
    if let Some(lost) = row.loss.map(|e| e.median).filter(|&share| share > LOSSY) {
        let lost = loss(lost);
        match scenario.traffic.load {
            Load::Max => warn(
                format!("{lost} was lost while flat out: the throughput is what got through"),
                "offer less (--load) to find what passes without loss",
            ),
            load => warn(
                format!("the DUT lost {lost} at a load of {load}"),
                "offer less (--load): this is more than the DUT forwards",
            ),
        }
    }
    let hardware = row.totals.as_ref().filter(|_| row.datapath.lane() == Lane::Hardware);
    if let Some(totals) = hardware.filter(|t| t.reordered > 0) {
        warn(
            format!("{} frames arrived out of order within their flow", totals.reordered),
            "hardware should keep order; a flow that enters it late may overtake its own frames (--warmup)",
        );
    }
    if let (Some(totals), true) = (hardware, scenario.traffic.load != Load::Max)
        && totals.lost > 0
        && !row.loss.is_some_and(|e| e.median > LOSSY)
    {
        warn(
            format!("lost {} of {} frames at a load of {}", totals.lost, totals.sent, scenario.traffic.load),
            "hardware should lose nothing below its limit: look at the NIC's drop counters",
        );
    }
    if let Some(totals) = row.totals.as_ref().filter(|t| t.unverified > 0) {
        warn(
            format!("the checksums of {} frames were left to an offload and not verified", totals.unverified),
            "set checksum = false in [links]",
        );
    }
    let senders = if scenario.traffic.direction == flowgauge_scenarios::Direction::Both { 2.0 } else { 1.0 };
    let each: f64 = scenario.traffic.families.each().iter().map(|&f| scenario.traffic.mean_size(f)).sum::<f64>()
        / scenario.traffic.families.each().len() as f64;
    if let (Some(wanted), Some(offered), Engine::Raw) = (scenario.traffic.load.pps(each), row.offered_pps, row.engine)
        && offered.median < REACHED * wanted * senders
    {
        warn(
            format!("{:.0} frames/s were asked for, {:.0} were offered", wanted * senders, offered.median),
            "ask for less (--load), or give the testers more CPUs",
        );
    }
    if row.engine == Engine::Raw && row.cost.is_none() && row.trials > 0 && !unresolved(&row.samples) {
        warn(
            "there is no cost per packet: the generator was not calibrated, or no CPU time was read".to_owned(),
            "look for warnings of the run about calibration",
        );
    }
    if row.control != Control::None && row.datapath.offloads() && row.verdict == Verdict::Good {
        warn(
            format!("the control `{}` changed nothing for this traffic (or the proof missed it)", row.control.name()),
            "report this with the run's folder",
        );
    }
    warnings
}
