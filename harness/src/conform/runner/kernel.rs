//! The kernel that topologies share while they run side by side.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use flowgauge_scenarios::conform::{Act, ConformPlan, Station, Step};

/// A parameter that bounds every namespace, whichever it is written for.
const OF_ALL: &str = "net.netfilter.nf_conntrack_max";

/// Lets stations of both topologies run at once, but for those that change what the other's packets meet.
#[derive(Debug, Default)]
pub(super) struct Kernel(RwLock<()>);

/// Held while a station runs.
#[derive(Debug)]
pub(super) enum Turn<'a> {
    /// Beside another.
    Shared { _guard: RwLockReadGuard<'a, ()> },
    /// Alone.
    Alone { _guard: RwLockWriteGuard<'a, ()> },
}

impl Kernel {
    /// Waits until a station may run.
    pub(super) fn turn(&self, plan: &ConformPlan, station: &Station) -> Turn<'_> {
        // Nothing is kept under the lock that a panic could leave half done.
        match changes_all(plan, station) {
            true => Turn::Alone { _guard: self.0.write().unwrap_or_else(PoisonError::into_inner) },
            false => Turn::Shared { _guard: self.0.read().unwrap_or_else(PoisonError::into_inner) },
        }
    }
}

fn changes_all(plan: &ConformPlan, station: &Station) -> bool {
    let by_act = |act: &Act| matches!(act, Act::Sysctl(key, _) if key == OF_ALL);
    let by_step = |step: &Step| match step {
        Step::Act(act) | Step::Stream { act, .. } => by_act(act),
        _ => false,
    };
    station.bed.sysctls.contains_key(OF_ALL)
        || station.instances.iter().any(|&instance| {
            let case = plan.instances.get(instance).and_then(|instance| plan.cases.get(instance.case));
            case.is_some_and(|case| case.steps.iter().any(by_step))
        })
}
