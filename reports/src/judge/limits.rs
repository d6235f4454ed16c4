//! Limits of the setup: what no row by itself can tell.

use flowgauge_scenarios::{MethodKind, Plan};

use crate::environment::{Accelerator, Clock, Environment};
use crate::event::Warning;
use crate::observation::Observation;
use crate::proof::sum;
use crate::trial::Trial;

/// The least final trial of RFC 2544 section 24, in milliseconds.
const RFC2544_TRIAL_MS: u64 = 60_000;
/// Blocks that a claim in wall-clock time should rest on.
const BLOCKS: u32 = 10;

/// Warnings about trial lengths, the number of blocks, what the counters count, and the machine.
pub(super) fn of_the_setup(plan: &Plan, environment: Option<&Environment>) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |text: String, remedy: &str| warnings.push(Warning { text, remedy: remedy.to_owned() });
    let counts = environment.is_some_and(|e| e.clock == Clock::Instructions);
    if counts {
        warn(
            "instructions were counted, not time: a cache that misses, a lock that two CPUs want, and a device that waits cost \
             nothing here"
                .to_owned(),
            "take the counts to see what changed, and --clock wall on the machine in question to see what it buys",
        );
    }
    if environment.is_some_and(|e| e.accelerator == Accelerator::Tcg) && !counts {
        warn(
            "the kernel under test was emulated (TCG): its rates are not those of hardware, only ratios between \
             datapaths carry over"
                .to_owned(),
            "quote the ratios, or run where KVM boots a kernel or the host's own kernel can do it",
        );
    }
    let rates = || plan.scenarios.iter().filter(|s| s.method.kind == MethodKind::Rate);
    if let Some(shortest) = rates().map(|s| s.method.trial).min()
        && shortest.ms < RFC2544_TRIAL_MS
    {
        warn(
            format!("trials of {shortest} are shorter than the 60 s that RFC 2544 asks for"),
            "take --trial 60s for figures to publish",
        );
    }
    if let Some(fewest) = plan.scenarios.iter().map(|s| s.method.blocks).min()
        && fewest < BLOCKS
        && !counts
    {
        warn(
            format!(
                "some rows rest on {fewest} blocks; with fewer than 5 the interval is only the range of the values"
            ),
            "take --blocks 10 or more before you believe a small difference",
        );
    }
    if plan.scenarios.iter().any(|s| environment.is_some_and(|e| e.simulates(s.topology))) {
        warn(
            "the NIC of `nic-router` is simulated: throughput, latency and gain there are those of this machine's \
             emulation, not of hardware"
                .to_owned(),
            "read the path proof and what the DUT's stack spends per packet, and measure speed on a real NIC",
        );
    }
    for s in plan.scenarios.iter().filter(|s| s.links.gso || s.links.gro) {
        warn(
            format!("{}: segmentation or receive offload is on, so the counters count skbs, not wire packets", s.name),
            "compare packets across ports only with gso = false and gro = false",
        );
    }
    warnings
}

/// Rules that were still in the NIC when their flowtable or chain was deleted, over the run.
pub(super) fn of_left_rules(trials: &[Trial]) -> Option<Warning> {
    let purged = |o: &Observation| o.driver.seen().and_then(|driver| sum(driver, "rules_purged"));
    let seen = || trials.iter().flat_map(|t| [&t.before, &t.after]).filter_map(purged);
    let left = seen().max()?.saturating_sub(seen().min()?);
    (left > 0).then(|| Warning {
        text: format!(
            "the NIC's driver removed {left} rules by itself in this run: the kernel unbinds a flowtable before it tears its \
             flows down, and never asks for the deletion of rules that are then in hardware"
        ),
        remedy: "nothing here; a driver that does not remove them goes on forwarding by them (`flowgauge doctor --nic reference --findings`)".to_owned(),
    })
}
