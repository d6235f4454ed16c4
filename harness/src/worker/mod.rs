//! The worker: the part of flowgauge that runs beside the kernel under test.

pub mod protocol;

use std::io::{self, BufRead};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;

use flowgauge_reports::event::Event;

use crate::conform;
use crate::runner;
use crate::runner::router_rig::RouterRig;
use flowgauge_topologies::privilege::{self, PrivilegeError};
use protocol::{Failure, Job, Reply, StdioWire, Wire};

/// Set once the run must stop: by the host's word, its end, or a signal.
static STOP: AtomicBool = AtomicBool::new(false);

/// Reads a job from standard input, runs it, and writes its events to standard output.
///
/// Returns the exit code: 0 when the stream ended with an event of its own, whatever it said.
pub fn main() -> i32 {
    let mut line = String::new();
    if io::stdin().lock().read_line(&mut line).is_err() {
        return 2;
    }
    let job: Job = match serde_json::from_str(&line) {
        Ok(job) => job,
        Err(error) => {
            eprintln!("flowgauge worker: the first line is not a job: {error}");
            return 2;
        }
    };
    // While there is one thread only: the kernel lets no other process enter a user namespace.
    if let Err(error) = acquire_privilege() {
        let wire = StdioWire::new(io::stdout(), mpsc::channel().1, &STOP);
        return end(&wire, Err(Failure::environment(error)));
    }
    let (replies, inbox) = mpsc::channel();
    std::thread::spawn(move || {
        for line in io::stdin().lock().lines() {
            let reply = line.ok().and_then(|line| serde_json::from_str(&line).ok()).unwrap_or(Reply::Stop);
            if reply == Reply::Stop || replies.send(reply).is_err() {
                break;
            }
        }
        // Whoever gave us the job is gone or wants the end of it.
        STOP.store(true, Ordering::Relaxed);
    });
    let wire = StdioWire::new(io::stdout(), inbox, &STOP);
    // A panic half way must still take the testbed down and tell the host why.
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        if let Some(plan) = &job.conform {
            return conform::runner::run(&job, plan, &wire);
        }
        let mut rig = RouterRig::new(&job);
        runner::run(&job.plan, &mut rig, &wire)
    }));
    let outcome = outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Failure::environment(format!("the worker panicked: {text}; this is a bug in flowgauge, please report it")))
    });
    end(&wire, outcome)
}

fn acquire_privilege() -> Result<(), PrivilegeError> {
    if privilege::is_root() { Ok(()) } else { privilege::enter_user_namespace() }
}

fn end(wire: &dyn Wire, outcome: Result<(), Failure>) -> i32 {
    let event = match outcome {
        Ok(()) => Event::Finished,
        Err(Failure { kind, message }) => Event::Failed { kind, message },
    };
    i32::from(wire.emit(&event).is_err())
}
