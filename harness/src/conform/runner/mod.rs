//! The runner of conformance: stations one after the other, on each datapath every instance, an event for each. Topologies run
//! side by side: cases wait for the kernel more than they work.

mod anchor;
mod cells;
mod emitted;
#[cfg(test)]
mod fake;
mod flight;
mod fuzzing;
mod instance;
mod kernel;
mod lanes;
mod live;
mod mutants;
mod opening;
mod patience;
mod stand;
mod station;
mod stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::thread;

use flowgauge_reports::event::{Event, Phase};
use flowgauge_scenarios::Topology;
use flowgauge_scenarios::conform::ConformPlan;

use crate::worker::protocol::{Failure, Job, Wire};
use anchor::Anchor;
use kernel::Kernel;
use live::Workshop;

pub use cells::{Cell, cells};
pub use mutants::{Chance, Chances};

/// Runs a plan on the kernel that we run on.
///
/// # Errors
/// When the run must stop, or the host that hears us is gone. What goes wrong in one case or one station is told in that
/// case's run, and the next begins.
pub fn run(job: &Job, plan: &ConformPlan, wire: &dyn Wire) -> Result<(), Failure> {
    wire.emit(&Event::Progress { phase: Phase::Build, text: "building the testbed".to_owned() })?;
    let _anchor = job.own_machine.then(Anchor::drop_here);
    if let Some(fuzz) = &plan.fuzz {
        return fuzzing::run(job, fuzz, wire);
    }
    let (done, kernel) = (job.done.iter().copied().collect(), Kernel::default());
    let topologies: BTreeSet<Topology> = plan.stations.iter().map(|station| station.topology).collect();
    let on = &|topology| station::all(plan, topology, &done, &mut Workshop::new(job), &kernel, wire);
    thread::scope(|scope| {
        let threads: Vec<_> = topologies.iter().map(|&topology| scope.spawn(move || on(topology))).collect();
        let ended = threads.into_iter().map(|thread| thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        // All are waited for; the first that failed says why.
        ended.fold(Ok(()), Result::and)
    })
}
