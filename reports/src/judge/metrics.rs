//! The numbers of one trial.

use flowgauge_scenarios::Direction;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::observation::{CpuObservation, CpuTimes, DriverPort};
use crate::offered::{CountedReport, DirectionReport};
use crate::proof::{Path, REFERENCE_NIC, grown};
use crate::trial::{Offered, Trial};

/// What one trial gave. A number that cannot be had is none, never zero.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Sample {
    /// The trial's block.
    pub block: u32,
    /// Frames per second delivered, all directions together; for iperf3 bits per second of payload.
    pub throughput: Option<f64>,
    /// Bits per second delivered at L2, FCS included; none for iperf3.
    pub l2_bps: Option<f64>,
    /// Frames per second offered, all directions together; none for iperf3.
    pub offered_pps: Option<f64>,
    /// Frames lost in the DUT over frames sent ([`DirectionReport::lost_in_dut`]).
    pub loss: Option<f64>,
    /// Share of all CPUs' time that was not idle.
    pub cpu: Option<f64>,
    /// Share of all CPUs' time spent in soft interrupts.
    pub softirq: Option<f64>,
    /// Soft interrupt time of all CPUs in nanoseconds.
    pub softirq_ns: Option<f64>,
    /// Soft interrupt nanoseconds per delivered frame. Over veth net of what the generator alone costs, and never below
    /// zero; on a NIC all of it ([`super::Row::cost`]). None in rows whose trials have less than 50 ms of soft interrupt
    /// time on average.
    pub cost_ns: Option<f64>,
    /// Nanoseconds that the simulation of the reference NIC spent per lookup, hit or miss, with the actions of a hit. They
    /// pass in the sender's time and never in the DUT's soft interrupts.
    pub lookup_ns: Option<f64>,
    /// Method `cost`: what a packet took, the generator's part in it, in nanoseconds or instructions by the run's clock.
    pub gross: Option<f64>,
    /// Method `cost`: `gross` without the generator's part, and on a NIC without the simulation's lookups: the DUT's own.
    pub net: Option<f64>,
    /// Median latency in nanoseconds, of the slower direction.
    pub p50_ns: Option<f64>,
    /// 99th percentile of latency in nanoseconds, of the slower direction.
    pub p99_ns: Option<f64>,
}

/// From this mean soft interrupt time a trial on, a row has a cost: the unit of /proc/stat is 10 ms (USER_HZ is 100).
const RESOLVED_NS: f64 = 50e6;

/// Whether the soft interrupt time of a row's trials is below what /proc/stat can tell.
///
/// The row is judged as a whole: leaving out its low trials alone would leave the high ones, and too high a cost.
pub(super) fn unresolved(samples: &[Sample]) -> bool {
    let spent: Vec<f64> = samples.iter().filter_map(|s| s.softirq_ns).collect();
    !spent.is_empty() && spent.iter().sum::<f64>() < RESOLVED_NS * spent.len() as f64
}

/// What the soft interrupt time of a row that has no cost leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CostBound {
    /// The cost per delivered frame is below this, in nanoseconds: what was measured and one more unit of 10 ms a trial,
    /// over the frames.
    pub below_ns: f64,
    /// Whether that is as good as nothing: at most one unit a trial was measured, and the packets passed the CPU by.
    /// Elsewhere the CPU did forward, and so little time only means that too few packets were sent.
    pub zero: bool,
}

/// The unit of /proc/stat, in nanoseconds.
const TICK_NS: f64 = 10e6;

/// The bound of a row that is [`unresolved`]; none of any other, and where nothing arrived.
pub(super) fn cost_bound(samples: &[Sample], trials: &[&Trial], path: &Path) -> Option<CostBound> {
    let received = |t: &&Trial| match &t.offered {
        Offered::Frames(reports) => reports.iter().map(|r| r.received).sum::<u64>(),
        Offered::Bulk(_) | Offered::Counted(_) => 0,
    };
    let (mut spent, mut frames) = (Vec::new(), 0);
    for (sample, trial) in samples.iter().zip(trials) {
        if let Some(ns) = sample.softirq_ns {
            spent.push(ns);
            frames += received(trial);
        }
    }
    if !unresolved(samples) || frames == 0 {
        return None;
    }
    let sum: f64 = spent.iter().sum();
    let ticks = TICK_NS * spent.len() as f64;
    Some(CostBound { below_ns: (sum + ticks) / frames as f64, zero: sum <= ticks && *path == Path::Hardware })
}

/// The numbers of `trial`. `base` is the soft interrupt time per frame that is not the DUT's, in nanoseconds; none where
/// nobody knows, and then there is no cost.
/// `generator` is what a packet takes that the DUT does nothing with, for the method `cost`.
pub(super) fn sample(trial: &Trial, base: Option<f64>, generator: Option<f64>) -> Sample {
    let cpu = spent(&trial.cpu_before, &trial.cpu_after);
    let common = Sample {
        block: trial.block,
        cpu: cpu.as_ref().map(|c| 1.0 - c.idle),
        softirq: cpu.as_ref().map(|c| c.softirq),
        softirq_ns: cpu.as_ref().map(|c| c.softirq_ns),
        lookup_ns: lookup(trial),
        ..Sample::default()
    };
    match &trial.offered {
        Offered::Bulk(bulk) => {
            let received = bulk.sides.iter().map(|side| side.received_bps).sum::<f64>();
            Sample { throughput: (!bulk.sides.is_empty() && received.is_finite()).then_some(received), ..common }
        }
        Offered::Counted(reports) => {
            let gross = counted(reports);
            let net = gross.zip(generator).map(|(gross, generator)| gross - generator - looked_up(trial, reports));
            // Soft interrupts are not told from the generator, which runs beside them on one CPU.
            Sample { gross, net, softirq: None, softirq_ns: None, ..common }
        }
        Offered::Frames(reports) => {
            let received: u64 = reports.iter().map(|r| r.received).sum();
            let cost = |c: &Spent, base: f64| Some((ratio(c.softirq_ns, received as f64)? - base).max(0.0));
            Sample {
                throughput: sum(reports, |r| ratio(r.received as f64, seconds(r))),
                l2_bps: sum(reports, |r| {
                    let size = ratio(r.sent_bytes_l2 as f64, r.sent as f64)?;
                    ratio(r.received as f64 * size * 8.0, seconds(r))
                }),
                offered_pps: sum(reports, |r| Some(r.offered_pps).filter(|pps| pps.is_finite())),
                loss: ratio(
                    reports.iter().map(DirectionReport::lost_in_dut).sum::<u64>() as f64,
                    reports.iter().map(|r| r.sent).sum::<u64>() as f64,
                ),
                cost_ns: cpu.as_ref().zip(base).and_then(|(c, base)| cost(c, base)),
                p50_ns: slowest(reports, |l| l.p50_ns),
                p99_ns: slowest(reports, |l| l.p99_ns),
                ..common
            }
        }
    }
}

/// What a packet took, all directions together.
fn counted(reports: &[CountedReport]) -> Option<f64> {
    let sent: u64 = reports.iter().map(|r| r.sent).sum();
    let took: f64 = reports.iter().filter_map(|r| Some(r.per_packet()? * r.sent as f64)).sum();
    ratio(took, sent as f64)
}

/// What the simulation of a NIC took of it: its lookups, per packet.
fn looked_up(trial: &Trial, reports: &[CountedReport]) -> f64 {
    let sent: u64 = reports.iter().map(|r| r.sent).sum();
    let spent = trial.before.driver.seen().zip(trial.after.driver.seen()).and_then(|(b, a)| grown(b, a, "lookup_ns"));
    spent.and_then(|ns| ratio(ns as f64, sent as f64)).unwrap_or(0.0)
}

/// Time per lookup of the reference NIC, hits and misses alike; none of any other driver, and where nothing hit.
fn lookup(trial: &Trial) -> Option<f64> {
    let (before, after) = (trial.before.driver.seen()?, trial.after.driver.seen()?);
    let reference = |port: &DriverPort| port.driver == REFERENCE_NIC;
    if !reference(&after.lan) || !reference(&after.wan) {
        return None;
    }
    let grown = |name: &str| grown(before, after, name).map(|by| by as f64);
    grown("lookup_hits").filter(|&hits| hits > 0.0)?;
    ratio(grown("lookup_ns")?, grown("lookups")?)
}

/// Who receives what a direction sends.
pub(super) const fn receiver(direction: Direction) -> &'static str {
    match direction {
        Direction::Downstream => "client",
        _ => "server",
    }
}

struct Spent {
    idle: f64,
    softirq: f64,
    softirq_ns: f64,
}

/// What the CPUs spent; none when no tick passed.
fn spent(before: &CpuObservation, after: &CpuObservation) -> Option<Spent> {
    let delta = |get: fn(&CpuTimes) -> u64| -> f64 {
        // Idle time is known to run backwards by a tick; a CPU that came or went is left out by `zip`.
        before.cpus.iter().zip(&after.cpus).map(|(b, a)| get(a).saturating_sub(get(b))).sum::<u64>() as f64
    };
    let (idle, softirq_ns) = (delta(|c| c.idle_ns), delta(|c| c.softirq_ns));
    let busy = delta(|c| c.user_ns) + delta(|c| c.system_ns) + delta(|c| c.irq_ns) + softirq_ns;
    let total = busy + idle + delta(|c| c.steal_ns);
    Some(Spent { idle: ratio(idle, total)?, softirq: ratio(softirq_ns, total)?, softirq_ns })
}

fn seconds(report: &DirectionReport) -> f64 {
    report.send_duration_ns as f64 / 1e9
}

fn ratio(a: f64, b: f64) -> Option<f64> {
    Some(a / b).filter(|q| q.is_finite())
}

/// The sum over directions; none without any, or when one has no number.
fn sum(reports: &[DirectionReport], get: impl Fn(&DirectionReport) -> Option<f64>) -> Option<f64> {
    if reports.is_empty() { None } else { reports.iter().map(get).sum() }
}

fn slowest(reports: &[DirectionReport], get: impl Fn(&crate::offered::Latency) -> u64) -> Option<f64> {
    reports.iter().filter_map(|r| r.latency.as_ref().map(&get)).max().map(|ns| ns as f64)
}
