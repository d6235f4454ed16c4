//! What the host and its worker say to each other, a JSON object a line.
//!
//! The worker runs beside the kernel under test: a child process on the host, the only program of a VM. It reads one
//! [`Job`] and then [`Reply`]s from its standard input, and writes events to its standard output.

use std::io::{self, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use flowgauge_reports::environment::{Accelerator, Clock};
use flowgauge_reports::event::{Event, FailureKind};
use flowgauge_scenarios::Plan;
use flowgauge_scenarios::conform::ConformPlan;
use serde::{Deserialize, Serialize};

use crate::conform::runner::Cell;
use crate::runner::injection::Injection;

/// All that a worker needs to know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Job {
    /// What to measure.
    pub plan: Plan,
    /// Where the kernel under test came from, for the fingerprint.
    pub kernel_origin: String,
    /// What executes it.
    pub accelerator: Accelerator,
    /// What time is measured in.
    pub clock: Clock,
    /// The CPU model of the host.
    pub host_cpu: String,
    /// Versions of programs that only the host knows (QEMU).
    pub host_tools: Vec<(String, String)>,
    /// Name prefix of namespaces that stay after the run (`--keep`); anonymous ones where none.
    pub keep: Option<String>,
    /// Whether the whole machine is ours (a VM), so that limits of the initial namespace may be raised.
    pub own_machine: bool,
    /// Whether to sample where packets spend what they cost.
    pub explain: bool,
    /// A fault to put into the run, for flowgauge's own tests.
    pub inject: Option<Injection>,
    /// Cases in place of trials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conform: Option<ConformPlan>,
    /// Cells of that plan that a worker before this one has done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Cell>,
}

/// What the host answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// The trial of this step is on disk; go on.
    Kept {
        /// The step.
        step: usize,
    },
    /// Stop, clean up, and say so.
    Stop,
}

/// Why a run ended before its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Decides the exit code.
    pub kind: FailureKind,
    /// What was tried, what came back, what to do.
    pub message: String,
}

impl Failure {
    /// The input is wrong.
    pub fn input(message: impl ToString) -> Self {
        Failure { kind: FailureKind::Input, message: message.to_string() }
    }

    /// This environment cannot run it.
    pub fn environment(message: impl ToString) -> Self {
        Failure { kind: FailureKind::Environment, message: message.to_string() }
    }

    /// The user stopped it, or the host went away.
    pub fn interrupted() -> Self {
        Failure { kind: FailureKind::Interrupted, message: "interrupted".to_owned() }
    }
}

/// Where events go, and where permission to go on comes from.
pub trait Wire: Sync {
    /// Sends one event.
    fn emit(&self, event: &Event) -> Result<(), Failure>;
    /// Waits until the host has the trial of `step` on disk.
    fn kept(&self, step: usize) -> Result<(), Failure>;
    /// Set when the run must stop.
    fn stop(&self) -> &AtomicBool;

    /// An error when the run must stop.
    fn check(&self) -> Result<(), Failure> {
        if self.stop().load(Ordering::Relaxed) { Err(Failure::interrupted()) } else { Ok(()) }
    }
}

/// The wire over standard input and output.
pub struct StdioWire<W: Write> {
    out: Mutex<W>,
    replies: Mutex<Receiver<Reply>>,
    stop: &'static AtomicBool,
}

impl<W: Write> StdioWire<W> {
    /// A wire that writes to `out` and hears from `replies`.
    pub fn new(out: W, replies: Receiver<Reply>, stop: &'static AtomicBool) -> Self {
        StdioWire { out: Mutex::new(out), replies: Mutex::new(replies), stop }
    }
}

impl<W: Write + Send> Wire for StdioWire<W> {
    fn emit(&self, event: &Event) -> Result<(), Failure> {
        let mut line = serde_json::to_vec(event).map_err(Failure::environment)?;
        line.push(b'\n');
        let mut out = self.out.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        // The host that reads us is gone when this fails: nobody is left to tell.
        out.write_all(&line).and_then(|()| out.flush()).map_err(|_: io::Error| Failure::interrupted())
    }

    fn kept(&self, step: usize) -> Result<(), Failure> {
        let replies = self.replies.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        loop {
            self.check()?;
            match replies.recv_timeout(Duration::from_millis(100)) {
                Ok(Reply::Kept { step: kept }) if kept == step => return Ok(()),
                Ok(Reply::Stop) | Err(RecvTimeoutError::Disconnected) => return Err(Failure::interrupted()),
                Ok(Reply::Kept { .. }) | Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    fn stop(&self) -> &AtomicBool {
        self.stop
    }
}
