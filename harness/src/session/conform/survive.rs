//! A run on one kernel, and on as many guests as it takes: a case may be the death of one, and the others still want to be
//! run.

use std::collections::HashSet;
use std::time::Duration;

use flowgauge_reports::event::{Event, FailureKind, Warning};
use flowgauge_scenarios::conform::{ConformPlan, Step};
use flowgauge_topologies::kernel::KernelSpec;

use crate::conform::runner::{Cell, cells};
use crate::session::drive::{Session, Signals};
use crate::session::lane::Lane;
use crate::session::{Request, kernel};
use crate::worker::protocol::Failure;

/// The longest that a healthy worker says nothing beside what its cases wait on purpose: building a testbed, an act.
const SILENCE: Duration = Duration::from_secs(90);
/// A kernel that takes more guests than this is not fit for a run.
const LIVES: u32 = 8;

/// Runs the plan. A guest that is lost while cases run is followed by another, which goes on where that one ended. What kills
/// two guests in a row is a case that cannot be run, and that is told of it.
pub(super) async fn run(
    mut request: Request,
    asked: &KernelSpec,
    session: &mut Session,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let Some(plan) = request.conform.clone() else { return Err(Failure::input("there are no cases")) };
    let all = cells(&plan);
    let mut suspect = None;
    loop {
        let lost = match guest(&request, &plan, asked, session, signals).await {
            Err(failure) if failure.kind == FailureKind::Environment && !session.is_mute() => failure,
            done => return done,
        };
        let done = done(session);
        // The first that is not done is the one that ran. Before the first of a plan it was not a case.
        let Some(next) = all.iter().find(|cell| !done.contains(cell)).filter(|_| !done.is_empty()) else {
            return Err(lost);
        };
        request.lost += 1;
        if request.lost >= LIVES {
            return Err(lost);
        }
        let id = plan.instances.get(next.instance).map_or("?", |instance| instance.id.as_str());
        let on = next.datapath.name();
        if suspect.replace(*next) == Some(*next) {
            let why = format!("the kernel under test did not survive it, twice: {}", lost.message);
            session.event(Event::CaseRun(Box::new(next.broken(why))))?;
            continue;
        }
        let text = format!("while {id} ran on {on} {}", lost.message);
        session.event(if is_the_emulators(&lost.message) {
            let remedy = "QEMU ran a breakpoint that the kernel had taken away; the case is run again on another guest";
            Event::Warning(Warning { text, remedy: remedy.to_owned() })
        } else {
            Event::Complaint { text }
        })?;
    }
}

/// One guest (or the host's own kernel), until the plan is done or it is lost.
async fn guest(
    request: &Request,
    plan: &ConformPlan,
    asked: &KernelSpec,
    session: &mut Session,
    signals: &mut Signals,
) -> Result<(), Failure> {
    let (link, mut job) = kernel::start(request, asked, session, signals).await?;
    job.done = done(session).into_iter().collect();
    let mut lane = Lane::new(link, job, false);
    // Nobody waits for an answer to a case: the first turn is the whole run.
    let outcome = lane.turn(session, signals, silence_limit(plan)).await;
    lane.end(outcome, session).await
}

/// Whether the guest died of QEMU's translator and not of its kernel (see the VM's own second boot, topologies/src/vm).
fn is_the_emulators(message: &str) -> bool {
    message.lines().any(|line| line.starts_with("Oops: int3: 0000"))
}

/// The cells that have been run.
fn done(session: &Session) -> HashSet<Cell> {
    let cell = |event: &Event| if let Event::CaseRun(run) = event { Some(Cell::of(run)) } else { None };
    session.events().iter().filter_map(cell).collect()
}

/// The longest time in which a healthy worker says nothing.
fn silence_limit(plan: &ConformPlan) -> Duration {
    let waits = |step: &Step| match step {
        Step::Wait(ms) | Step::Stream { ms, .. } => u64::from(*ms),
        Step::Open { .. } | Step::Send { .. } | Step::Act(_) | Step::Look => 0,
    };
    let longest = plan.cases.iter().map(|case| case.steps.iter().map(waits).sum()).max().unwrap_or(0);
    // Sequences go on for as long as they were given.
    let fuzzed = Duration::from_secs(plan.fuzz.map_or(0, |fuzz| fuzz.seconds).into());
    SILENCE + Duration::from_millis(longest) * 2 + fuzzed * 2
}
