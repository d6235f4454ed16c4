//! Drives a run from the host: every event kept and shown, every trial answered, silence and signals noticed.

use std::path::Path;
use std::time::Duration;

use flowgauge_reports::event::{Event, FailureKind, Phase};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

use super::display::Display;
use super::link::Link;
use super::recorder::Recorder;
use super::{Request, kernel};
use crate::worker::protocol::{Failure, Reply};

/// How long a worker may take to clean up before it is ended.
const GRACE: Duration = Duration::from_secs(15);

/// The readers of a run's stream: disk, displays, and the list that becomes the result.
pub(super) struct Session {
    recorder: Recorder,
    displays: Vec<Box<dyn Display>>,
    events: Vec<Event>,
}

impl Session {
    pub(super) fn new(recorder: Recorder, displays: Vec<Box<dyn Display>>) -> Self {
        Session { recorder, displays, events: Vec::new() }
    }

    /// Hands one event to every reader. On disk first: what cannot be kept is not shown as done.
    pub(super) fn event(&mut self, event: Event) -> Result<(), Failure> {
        self.recorder.keep(&event).map_err(Failure::environment)?;
        let shown = self.displays.iter_mut().try_for_each(|display| display.show(&event));
        self.events.push(event);
        shown.map_err(|e| Failure::environment(format!("cannot write events to standard output: {e}")))
    }

    pub(super) fn progress(&mut self, phase: Phase, text: String) -> Result<(), Failure> {
        self.event(Event::Progress { phase, text })
    }

    /// The run's folder.
    pub(super) fn folder(&self) -> &Path {
        self.recorder.folder()
    }

    /// The recorder and all events. A failure that the worker could not tell becomes the last event.
    pub(super) fn end(mut self, outcome: &Result<(), Failure>) -> (Recorder, Vec<Event>) {
        let ended = matches!(self.events.last(), Some(Event::Finished | Event::Failed { .. }));
        if let (Err(Failure { kind, message }), false) = (outcome, ended) {
            let event = Event::Failed { kind: *kind, message: message.clone() };
            if self.event(event.clone()).is_err() {
                self.events.push(event);
            }
        }
        (self.recorder, self.events)
    }
}

/// The signals that ask for an end.
pub(super) struct Signals(Vec<Signal>);

impl Signals {
    fn listen() -> Result<Self, Failure> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        kinds.into_iter().map(signal).collect::<Result<_, _>>().map(Signals).map_err(Failure::environment)
    }

    /// Waits for any of them.
    pub(super) async fn any(&mut self) {
        let [a, b, c] = &mut self.0[..] else { return std::future::pending().await };
        tokio::select! { _ = a.recv() => {}, _ = b.recv() => {}, _ = c.recv() => {} }
    }
}

/// Runs the request to its end.
pub(super) async fn run(request: &Request, session: &mut Session) -> Result<(), Failure> {
    let mut signals = Signals::listen()?;
    let (mut link, job) = kernel::start(request, session, &mut signals).await?;
    link.start(&job).await?;
    let outcome = follow(&mut link, session, &mut signals, silence_limit(request)).await;
    // After its last event a worker only has to exit; one that failed may still have a testbed to take down.
    link.body.end(GRACE);
    // A guest that was lost has said in its message what its console holds.
    let complaints = if outcome.is_ok() { link.body.complaints() } else { Vec::new() };
    for complaint in complaints {
        session.event(complaint)?;
    }
    outcome.and_then(|()| session.event(Event::Finished))
}

/// The longest time in which a healthy worker says nothing: one trial with its opening, times what TCG may cost.
fn silence_limit(request: &Request) -> Duration {
    let longest = request.plan.scenarios.iter().map(|s| {
        let traffic = s.method.trial.duration() + s.method.warmup.duration();
        traffic * 2 + Duration::from_micros(u64::from(s.traffic.flows) * 500)
    });
    longest.max().unwrap_or_default() + Duration::from_secs(90)
}

async fn follow(
    link: &mut Link,
    session: &mut Session,
    signals: &mut Signals,
    silence: Duration,
) -> Result<(), Failure> {
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
            Event::Finished => return failure.map_or(Ok(()), Err),
            Event::Failed { kind, message } => {
                let own = Failure { kind, message };
                return Err(failure.filter(|f| f.kind != FailureKind::Interrupted).unwrap_or(own));
            }
            event if failure.is_none() => {
                let step = if let Event::Trial(trial) = &event { Some(trial.step) } else { None };
                if let Err(broken) = session.event(event) {
                    failure = Some(broken);
                    link.reply(Reply::Stop).await;
                    deadline = Instant::now() + GRACE;
                } else if let Some(step) = step {
                    link.reply(Reply::Kept { step }).await;
                }
            }
            _ => {}
        }
    }
}
