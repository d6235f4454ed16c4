//! A row: everything about one cell.

use std::collections::BTreeMap;

use flowgauge_scenarios::{
    Control, Datapath, Engine, Families, Fault, Load, Plan, Policy, Protocol, Topology, shortfall,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::gain::Gain;
use super::metrics::{CostBound, Sample, cost_bound, sample, unresolved};
use super::onset::Onset;
use super::totals::{Totals, loss, totals};
use super::verdict::{self, Verdict};
use crate::environment::{Accelerator, Clock, Environment};
use crate::proof::{Proof, Surroundings, pool, prove};
use crate::stats::{self, Estimate, Unit};
use crate::trial::{Calibration, Trial};

/// What is known about one scenario on one datapath.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// Index into the plan's cells.
    pub cell: usize,
    /// Index into the plan's scenarios.
    pub scenario: usize,
    /// The scenario's name.
    pub name: String,
    /// What happens to packets.
    pub policy: Policy,
    /// Their families.
    pub families: Families,
    /// Their transport protocol.
    pub protocol: Protocol,
    /// The engine that offered them.
    pub engine: Engine,
    /// How the kernel forwards them.
    pub datapath: Datapath,
    /// What the DUT's ports are.
    pub topology: Topology,
    /// Whether the DUT's ports are those of the reference NIC: then its figures are those of a simulation.
    pub simulated: bool,
    /// What was broken on purpose: the verdict of an offloading row must then be bad.
    pub control: Control,
    /// What the reference NIC did wrong on purpose.
    pub faults: BTreeMap<Fault, u32>,
    /// In what the datapath falls short of the policy although it carries it.
    pub shortfall: Option<String>,
    /// The kernel under test; none where the run failed before it knew.
    pub kernel: Option<String>,
    /// What time was measured in.
    pub clock: Option<Clock>,
    /// What executed the kernel.
    pub accelerator: Option<Accelerator>,
    /// Trials done.
    pub trials: usize,
    /// Trials planned.
    pub planned: usize,
    /// Frames per second delivered, or bits per second of payload for iperf3.
    pub throughput: Option<Estimate>,
    /// Bits per second delivered at L2 with FCS.
    pub l2_bps: Option<Estimate>,
    /// Frames per second offered.
    pub offered_pps: Option<Estimate>,
    /// Share of the frames sent that the DUT lost. Not a median: `median` holds all lost over all sent of the row's
    /// trials, so that a loss in some of them cannot vanish; `low` and `high` are the least and the most lossy trial.
    pub loss: Option<Estimate>,
    /// Share of all CPUs that was busy, the testers' own threads included.
    pub cpu: Option<Estimate>,
    /// Share of all CPUs spent in soft interrupts: where the DUT receives and forwards, and the testers' ports take in.
    pub softirq: Option<Estimate>,
    /// Soft interrupt time per delivered frame: over veth net of the generator's, on a NIC all of it, for there the testers
    /// take in by threads. None where /proc/stat cannot tell it.
    pub cost: Option<Estimate>,
    /// Where there is no cost because soft interrupt time was too short for /proc/stat to tell.
    pub cost_bound: Option<CostBound>,
    /// What the simulation spent per lookup, hit or miss, with the actions of a hit; none on a real NIC.
    pub lookup: Option<Estimate>,
    /// Method `cost`: what a packet takes with the generator's part in it.
    pub gross: Option<Estimate>,
    /// Method `cost`: what a packet takes of the DUT: from the receive path of its port until it is handed to the port
    /// where it leaves.
    pub net: Option<Estimate>,
    /// Median latency.
    pub latency_p50: Option<Estimate>,
    /// 99th percentile of latency.
    pub latency_p99: Option<Estimate>,
    /// How long new flows took to get into the hardware; none where it was not measured.
    pub onset: Option<Onset>,
    /// Against the software-only baseline of the same scenario; none on the baseline itself, and where it is
    /// missing, bad, or has no figure in a block of this row.
    pub gain: Option<Gain>,
    /// Whether the generator, not the DUT, set the throughput.
    pub generator_limited: bool,
    /// Frames over all trials; none for iperf3.
    pub totals: Option<Totals>,
    /// The numbers of each trial, in the order of the run.
    pub samples: Vec<Sample>,
    /// The path and who saw it.
    pub proof: Proof,
    /// What it comes to.
    pub verdict: Verdict,
}

/// From this share of its own limit on, the generator is taken to be the bottleneck.
const NEAR_LIMIT: f64 = 0.9;

/// A tester that missed more than this share of what was sent has missed enough to matter.
const MISSED: f64 = 0.001;

impl Row {
    /// Whether the testers missed so many frames that more were delivered than was counted.
    pub(super) fn undercounted(&self) -> bool {
        self.totals.as_ref().is_some_and(|t| t.uncaptured as f64 > MISSED * t.sent as f64)
    }

    /// Whether the DUT may be faster than the throughput says.
    pub(super) fn understated(&self) -> bool {
        self.generator_limited || self.undercounted()
    }
}

/// The calibration of a trial's own block, or of the block nearest to it.
fn nearest<'a>(calibrations: &[&'a Calibration], block: u32) -> Option<&'a Calibration> {
    calibrations.iter().min_by_key(|c| c.block.abs_diff(block)).copied()
}

/// The row of `cell`, all but the gain and the time to offload.
pub(super) fn row(
    plan: &Plan,
    cell: usize,
    trials: &[Trial],
    calibrations: &[Calibration],
    environment: Option<&Environment>,
) -> Row {
    let index = plan.cells[cell].scenario;
    let (scenario, datapath) = (&plan.scenarios[index], plan.cells[cell].datapath);
    let own: Vec<&Trial> = trials.iter().filter(|t| t.cell == cell).collect();
    let calibrations: Vec<&Calibration> = calibrations.iter().filter(|c| c.scenario == index).collect();
    let around = Surroundings { scenario, accounting: environment.is_some_and(accounting) };
    let base = |trial: &Trial| match scenario.topology.has_nic() {
        // The testers' reception is no soft interrupt there, and a calibration would take the DUT's own away.
        true => Some(0.0),
        false => nearest(&calibrations, trial.block).filter(|c| c.offered_pps > 0.0).map(|c| c.softirq_ns_per_packet),
    };
    let counts = environment.is_some_and(|e| e.clock == Clock::Instructions);
    let generators: Vec<f64> = calibrations.iter().filter_map(|c| c.generator_per_packet).collect();
    let generator = |trial: &Trial| match counts {
        // Instructions do not drift: all blocks together know it best.
        true => stats::median(&generators),
        false => nearest(&calibrations, trial.block)?.generator_per_packet,
    };
    let mut samples: Vec<Sample> = own.iter().map(|t| sample(t, base(t), generator(t))).collect();
    if unresolved(&samples) {
        samples.iter_mut().for_each(|s| s.cost_ns = None);
    }
    let proofs: Vec<(u32, Proof)> = own.iter().map(|t| (t.block, prove(t, &around))).collect();
    let proof = pool(&proofs);
    let cost_bound = cost_bound(&samples, &own, &proof.path);
    let totals = totals(&own);
    let loss = loss(&samples, totals.as_ref());
    let estimate = |get: fn(&Sample) -> Option<f64>, unit| {
        Estimate::of(&samples.iter().filter_map(get).collect::<Vec<f64>>(), unit)
    };
    let per_packet = if counts { Unit::InstructionsPerPacket } else { Unit::NanosecondsPerPacket };
    let unit = if scenario.engine == Engine::Raw { Unit::FramesPerSecond } else { Unit::BitsPerSecond };
    let throughput = estimate(|s| s.throughput, unit);
    let reached: Vec<f64> = calibrations.iter().map(|c| c.offered_pps).collect();
    let limit = stats::median(&reached).filter(|_| scenario.traffic.load == Load::Max);
    let verdict = verdict::of_row(datapath, scenario.engine, &proof, &proofs, totals.as_ref());
    Row {
        cell,
        scenario: index,
        name: scenario.name.clone(),
        policy: scenario.policy,
        families: scenario.traffic.families,
        protocol: scenario.traffic.protocol,
        engine: scenario.engine,
        datapath,
        topology: scenario.topology,
        simulated: environment.is_some_and(|e| e.simulates(scenario.topology)),
        control: scenario.control,
        faults: scenario.faults.clone(),
        shortfall: shortfall(scenario.policy, datapath).map(str::to_owned),
        kernel: environment.map(|e| e.kernel_release.clone()),
        clock: environment.map(|e| e.clock),
        accelerator: environment.map(|e| e.accelerator),
        trials: own.len(),
        planned: plan.steps.iter().filter(|s| s.cell == cell).count(),
        throughput,
        l2_bps: estimate(|s| s.l2_bps, Unit::BitsPerSecond),
        offered_pps: estimate(|s| s.offered_pps, Unit::FramesPerSecond),
        loss,
        cpu: estimate(|s| s.cpu, Unit::Share),
        softirq: estimate(|s| s.softirq, Unit::Share),
        cost: estimate(|s| s.cost_ns, Unit::NanosecondsPerPacket),
        cost_bound,
        lookup: estimate(|s| s.lookup_ns, per_packet),
        gross: estimate(|s| s.gross, per_packet),
        net: estimate(|s| s.net, per_packet),
        latency_p50: estimate(|s| s.p50_ns, Unit::Nanoseconds),
        latency_p99: estimate(|s| s.p99_ns, Unit::Nanoseconds),
        onset: None,
        gain: None,
        generator_limited: limit
            .zip(throughput)
            .is_some_and(|(limit, reached)| limit > 0.0 && reached.median >= NEAR_LIMIT * limit),
        totals,
        samples,
        proof,
        verdict,
    }
}

/// Whether conntrack accounting was on, by the fingerprint.
fn accounting(environment: &Environment) -> bool {
    let on = |line: &String| {
        line.split_once('=')
            .is_some_and(|(name, value)| name.trim() == "net.netfilter.nf_conntrack_acct" && value.trim() == "1")
    };
    environment.settings.iter().any(on)
}
