//! A kernel's part of a run: its worker, and whose turn it is.

use std::time::Duration;

use flowgauge_reports::event::{Event, FailureKind};
use tokio::time::{Instant, sleep_until};

use super::drive::{Session, Signals};
use super::link::Link;
use crate::worker::protocol::{Failure, Job, Reply};

/// How long a worker may take to clean up before it is ended.
const GRACE: Duration = Duration::from_secs(15);

/// What a worker waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// Its job.
    Idle,
    /// The answer to the trial of this step.
    Held(usize),
    /// Nothing: it is at it, or failed.
    Busy,
    /// Nothing: it is through with its plan.
    Over,
}

/// A worker that is given its turns.
pub(super) struct Lane {
    link: Link,
    job: Job,
    place: Place,
    /// Whether others have turns too.
    shared: bool,
}

impl Lane {
    /// A worker that has not got its job yet. `shared` says whether it is one of several.
    pub(super) fn new(link: Link, job: Job, shared: bool) -> Self {
        let mut lane = Lane { link, job, place: Place::Idle, shared };
        lane.hold(true);
        lane
    }

    fn hold(&mut self, still: bool) {
        if self.shared {
            self.link.body.hold(still);
        }
    }

    /// Whether it is through with its plan.
    pub(super) fn is_over(&self) -> bool {
        self.place == Place::Over
    }

    /// Lets the worker go on until its next trial is kept, or its plan is done. The trial is not answered yet: what
    /// follows it (a calibration, the opening of flows) belongs to the next turn.
    pub(super) async fn turn(
        &mut self,
        session: &mut Session,
        signals: &mut Signals,
        silence: Duration,
    ) -> Result<(), Failure> {
        self.hold(false);
        match std::mem::replace(&mut self.place, Place::Busy) {
            Place::Idle => self.link.start(&self.job).await?,
            Place::Held(step) => self.link.reply(Reply::Kept { step }).await,
            Place::Busy | Place::Over => {
                self.place = Place::Over;
                return Ok(());
            }
        }
        self.place = follow(&mut self.link, session, signals, silence).await?;
        if let Place::Held(_) = self.place {
            self.hold(true);
        }
        Ok(())
    }

    /// Ends the worker, which may be waiting, and closes its session.
    pub(super) async fn end(&mut self, outcome: Result<(), Failure>, session: &mut Session) -> Result<(), Failure> {
        self.hold(false);
        let held = matches!(self.place, Place::Held(_));
        if held {
            self.link.reply(Reply::Stop).await;
            // It says that it was interrupted, which is what it was asked to be.
            let _ = tokio::time::timeout(GRACE, last_words(&mut self.link)).await;
        }
        // After its last event a worker only has to exit; one that failed may still have a testbed to take down.
        self.link.body.end(if self.place == Place::Idle { Duration::ZERO } else { GRACE });
        // A guest that was lost has said in its message what its console holds.
        let complaints = if outcome.is_ok() || held { self.link.body.complaints() } else { Vec::new() };
        for complaint in complaints {
            session.event(complaint)?;
        }
        outcome.and_then(|()| session.event(Event::Finished))
    }
}

async fn last_words(link: &mut Link) {
    while let Some(line) = link.line().await {
        if let Ok(Event::Finished | Event::Failed { .. }) = serde_json::from_str(&line) {
            return;
        }
    }
}

async fn follow(
    link: &mut Link,
    session: &mut Session,
    signals: &mut Signals,
    silence: Duration,
) -> Result<Place, Failure> {
    let mut failure: Option<Failure> = None;
    let mut deadline = Instant::now() + silence;
    loop {
        let line = tokio::select! {
            line = link.line() => line,
            () = signals.any(), if failure.is_none() => {
                failure = Some(Failure::interrupted());
                link.reply(Reply::Stop).await;
                deadline = Instant::now() + GRACE;
                continue;
            }
            () = sleep_until(deadline) => {
                let why = link.body.explain(true);
                return Err(failure.unwrap_or_else(|| Failure::environment(why)));
            }
        };
        let Some(line) = line else {
            return Err(failure.unwrap_or_else(|| Failure::environment(link.body.explain(false))));
        };
        if failure.is_none() {
            deadline = Instant::now() + silence;
        }
        // Whatever is not an event (a guest's stray print) is no reason to lose a run.
        let Ok(event) = serde_json::from_str::<Event>(&line) else { continue };
        match event {
            Event::Finished => return failure.map_or(Ok(Place::Over), Err),
            Event::Failed { kind, message } => {
                let own = Failure { kind, message };
                return Err(failure.filter(|f| f.kind != FailureKind::Interrupted).unwrap_or(own));
            }
            // What was found until it was to stop is what fuzzing is for.
            Event::Fuzzed(_) if failure.as_ref().is_some_and(|f| f.kind == FailureKind::Interrupted) => {
                session.event(event)?
            }
            event if failure.is_none() => {
                let step = if let Event::Trial(trial) = &event { Some(trial.step) } else { None };
                if let Err(broken) = session.event(event) {
                    failure = Some(broken);
                    link.reply(Reply::Stop).await;
                    deadline = Instant::now() + GRACE;
                } else if let Some(step) = step {
                    return Ok(Place::Held(step));
                }
            }
            _ => {}
        }
    }
}
