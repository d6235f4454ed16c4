//! Drives a run from the host: every event kept and shown, every trial answered, silence and signals noticed.
//!
//! Several kernels take turns: a worker waits for the answer to its trial, and gets it when all others have done that
//! trial too. So at each time one of them measures, and what is compared is measured close together.

use std::path::Path;
use std::time::Duration;

use flowgauge_reports::RunResult;
use flowgauge_reports::event::{Event, FailureKind, Phase};
use flowgauge_scenarios::Plan;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Instant;

use super::display::Display;
use super::lane::Lane;
use super::recorder::Recorder;
use super::until::{self, Next, Seen, Until};
use super::{Request, against, folder_names, kernel};
use crate::worker::protocol::Failure;

/// The readers of a run's stream: disk, displays, and the list that becomes the result.
pub(super) struct Session {
    recorder: Recorder,
    displays: Vec<Box<dyn Display>>,
    events: Vec<Event>,
    /// Whether an event could not be kept or shown: then the host is at its end, and not what ran.
    mute: bool,
}

impl Session {
    pub(super) fn new(recorder: Recorder, displays: Vec<Box<dyn Display>>) -> Self {
        Session { recorder, displays, events: Vec::new(), mute: false }
    }

    /// Hands one event to every reader. On disk first: what cannot be kept is not shown as done.
    pub(super) fn event(&mut self, event: Event) -> Result<(), Failure> {
        let kept = self.recorder.keep(&event);
        self.mute |= kept.is_err();
        kept.map_err(Failure::environment)?;
        let shown = self.displays.iter_mut().try_for_each(|display| display.show(&event));
        self.mute |= shown.is_err();
        self.events.push(event);
        shown.map_err(|e| Failure::environment(format!("cannot write events to standard output: {e}")))
    }

    pub(super) fn progress(&mut self, phase: Phase, text: String) -> Result<(), Failure> {
        self.event(Event::Progress { phase, text })
    }

    /// The result so far, of the blocks from `from` on only, as if the others had never been.
    fn result(&self, from: u32) -> Result<RunResult, Failure> {
        RunResult::from_events(since(&self.events, from)).map_err(Failure::environment)
    }

    /// Whether an event could not be kept or shown.
    pub(super) fn is_mute(&self) -> bool {
        self.mute
    }

    /// What has been kept so far.
    pub(super) fn events(&self) -> &[Event] {
        &self.events
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
    pub(super) fn listen() -> Result<Self, Failure> {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        kinds.into_iter().map(signal).collect::<Result<_, _>>().map(Signals).map_err(Failure::environment)
    }

    /// Waits for any of them.
    pub(super) async fn any(&mut self) {
        let [a, b, c] = &mut self.0[..] else { return std::future::pending().await };
        tokio::select! { _ = a.recv() => {}, _ = b.recv() => {}, _ = c.recv() => {} }
    }
}

/// How a run went.
pub(super) struct Driven {
    /// Of each kernel.
    pub(super) outcomes: Vec<Result<(), Failure>>,
    /// Why no more was sampled, for `--until`.
    pub(super) enough: Option<String>,
}

/// Runs the request to its end, a session for each kernel.
pub(super) async fn run(request: &Request, sessions: &mut [Session]) -> Driven {
    let mut lanes = Vec::new();
    let measured = match Signals::listen() {
        Ok(mut signals) => measure(request, sessions, &mut lanes, &mut signals).await,
        Err(failure) => Err((0, failure)),
    };
    let mut outcomes = Vec::new();
    for (index, session) in sessions.iter_mut().enumerate() {
        let outcome = match &measured {
            Ok(_) => Ok(()),
            Err((at, failure)) if *at == index || failure.kind == FailureKind::Interrupted => Err(failure.clone()),
            Err((at, _)) => {
                let message = format!("stopped, because the run on kernel {} failed", request.kernels[*at]);
                Err(Failure { message, ..Failure::interrupted() })
            }
        };
        outcomes.push(match lanes.get_mut(index) {
            Some(lane) => Lane::end(lane, outcome, session).await,
            None => outcome,
        });
    }
    Driven { outcomes, enough: measured.ok().flatten() }
}

/// Trials until the plan is done or enough is known; why it is enough. A failure comes with the place of its kernel.
async fn measure(
    request: &Request,
    sessions: &mut [Session],
    lanes: &mut Vec<Lane>,
    signals: &mut Signals,
) -> Result<Option<String>, (usize, Failure)> {
    for (at, kernel) in request.kernels.iter().enumerate() {
        let started = kernel::start(request, kernel, &mut sessions[at], signals).await;
        let (link, mut job) = started.map_err(|failure| (at, failure))?;
        if request.until.is_some() {
            // The worker has no say in when it is enough; it gets no further than it is answered.
            job.plan = until::grown(&request.plan, Until::most(blocks_of(&request.plan)));
        }
        lanes.push(Lane::new(link, job, request.kernels.len() > 1));
    }
    let silence = silence_limit(request);
    let began = Instant::now();
    let mut until = request.until.map(Until::new);
    let mut plan = request.plan.clone();
    for round in 0_usize.. {
        let forth = (0..lanes.len()).collect::<Vec<_>>();
        // There and back, so that what drifts hits all kernels alike.
        let order = if round % 2 == 0 { forth } else { forth.into_iter().rev().collect() };
        for at in order {
            let turn = lanes[at].turn(&mut sessions[at], signals, silence).await;
            turn.map_err(|failure| (at, failure))?;
        }
        if lanes.iter().all(Lane::is_over) {
            break;
        }
        if round == 0 && (until.is_some() || !request.baseline.is_empty()) {
            // Better told after one trial than after an hour.
            look(request, sessions, 0).map_err(|failure| (0, failure))?;
        }
        let Some(until) = until.as_mut().filter(|_| round + 1 == plan.steps.len()) else { continue };
        let blocks = blocks_of(&plan);
        let seen = look(request, sessions, 0).map_err(|failure| (0, failure))?;
        let mut broken = None;
        let fresh = |since| {
            look(request, sessions, since).unwrap_or_else(|failure| {
                broken = Some(failure);
                Seen::default()
            })
        };
        let next = until.next(&seen, blocks, began.elapsed(), fresh);
        if let Some(failure) = broken {
            return Err((0, failure));
        }
        let (text, more) = match next {
            Next::Enough(why) => (why, None),
            Next::More(more, why) => (why, Some(more)),
        };
        for (at, session) in sessions.iter_mut().enumerate() {
            session.progress(Phase::Drive, text.clone()).map_err(|failure| (at, failure))?;
        }
        let Some(more) = more else { return Ok(Some(text)) };
        plan = until::grown(&plan, blocks + more);
        for (at, session) in sessions.iter_mut().enumerate() {
            session.event(Event::Grown { plan: Box::new(plan.clone()) }).map_err(|failure| (at, failure))?;
        }
    }
    Ok(None)
}

/// What the comparisons show of the blocks from `from` on.
fn look(request: &Request, sessions: &[Session], from: u32) -> Result<Seen, Failure> {
    let results = sessions.iter().map(|session| session.result(from)).collect::<Result<Vec<_>, _>>()?;
    let comparisons = against::all(&request.baseline, &results, &folder_names(&request.kernels), false);
    comparisons
        .map(|comparisons| Seen::of(&comparisons))
        .map_err(|(name, incomparable)| Failure::input(format!("{name}{incomparable}")))
}

fn blocks_of(plan: &Plan) -> u32 {
    plan.scenarios.iter().map(|scenario| scenario.method.blocks).max().unwrap_or(0)
}

/// The events of the blocks from `from` on, their steps counted from there.
fn since(events: &[Event], from: u32) -> Vec<Event> {
    let mut plans = events.iter().filter_map(|event| match event {
        Event::Started(start) => Some(&start.plan),
        Event::Grown { plan } => Some(&**plan),
        _ => None,
    });
    let before = plans.next_back().map_or(0, |plan| plan.steps.iter().filter(|step| step.block < from).count());
    let moved = |event: &Event| -> Option<Event> {
        let mut event = event.clone();
        match &mut event {
            Event::Started(start) => start.plan.steps.retain(|step| step.block >= from),
            Event::Grown { plan } => plan.steps.retain(|step| step.block >= from),
            Event::Trial(trial) => trial.step = trial.step.checked_sub(before)?,
            Event::TrialStarted { step } => *step = step.checked_sub(before)?,
            Event::Calibrated(calibration) if calibration.block < from => return None,
            _ => {}
        }
        Some(event)
    };
    events.iter().filter_map(moved).collect()
}

/// The longest time in which a healthy worker says nothing: one trial with its opening, times what TCG may cost.
fn silence_limit(request: &Request) -> Duration {
    let longest = request.plan.scenarios.iter().map(|s| {
        let traffic = s.method.trial.duration() + s.method.warmup.duration();
        traffic * 2 + Duration::from_micros(u64::from(s.traffic.flows) * 500)
    });
    longest.max().unwrap_or_default() + Duration::from_secs(90)
}
