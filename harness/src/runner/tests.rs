//! The runner over a fake rig.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use flowgauge_reports::event::{Event, FailureKind};
use flowgauge_scenarios::{Plan, Scenario};

use super::fake_rig::FakeRig;
use super::run;
use crate::worker::protocol::{Failure, Wire};

/// Collects events; stops the run after so many trials.
#[derive(Default)]
struct Tape {
    events: Mutex<Vec<Event>>,
    stop: AtomicBool,
    stop_after: Option<usize>,
}

impl Wire for Tape {
    fn emit(&self, event: &Event) -> Result<(), Failure> {
        self.events.lock().unwrap().push(event.clone());
        Ok(())
    }

    fn kept(&self, step: usize) -> Result<(), Failure> {
        if self.stop_after == Some(step) {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn stop(&self) -> &AtomicBool {
        &self.stop
    }
}

fn plan() -> Plan {
    let mut scenario = Scenario::load("udp-ipv4").unwrap();
    scenario.method.blocks = 2;
    Plan::new(vec![scenario], 1)
}

fn trials(tape: &Tape) -> usize {
    tape.events.lock().unwrap().iter().filter(|e| matches!(e, Event::Trial(_))).count()
}

#[test]
fn a_plan_runs_in_its_order() {
    let (plan, tape, mut rig) = (plan(), Tape::default(), FakeRig::default());
    run(&plan, &mut rig, &tape).unwrap();
    assert_eq!(trials(&tape), plan.steps.len());
    let applied: Vec<&str> = rig.calls.iter().filter_map(|c| c.strip_prefix("apply ")).collect();
    let planned: Vec<&str> = plan.steps.iter().map(|s| plan.cells[s.cell].datapath.name()).collect();
    assert_eq!(applied, planned);
}

#[test]
fn a_trial_opens_warms_up_and_is_observed_on_both_sides() {
    let (plan, tape, mut rig) = (plan(), Tape::default(), FakeRig::default());
    run(&plan, &mut rig, &tape).unwrap();
    let first = rig.calls.iter().position(|c| c.starts_with("apply")).unwrap();
    let wanted = ["open", "drive 200ms", "observe", "drive 1000ms", "observe"];
    assert_eq!(rig.calls[first + 1..first + 6], wanted);
}

#[test]
fn the_generator_is_calibrated_before_its_trials_and_unblocked_even_when_it_fails() {
    let (plan, tape) = (plan(), Tape::default());
    let mut rig = FakeRig { fail_at: Some("drive 300ms".to_owned()), ..FakeRig::default() };
    assert_eq!(run(&plan, &mut rig, &tape).unwrap_err().kind, FailureKind::Environment);
    assert_eq!(rig.calls[rig.calls.len() - 3..], ["block", "drive 300ms", "unblock"]);
    assert_eq!(trials(&tape), 0);
}

#[test]
fn the_generator_is_calibrated_once_in_each_block() {
    let (plan, tape, mut rig) = (plan(), Tape::default(), FakeRig::default());
    run(&plan, &mut rig, &tape).unwrap();
    let events = tape.events.lock().unwrap();
    let blocks: Vec<u32> =
        events.iter().filter_map(|e| if let Event::Calibrated(c) = e { Some(c.block) } else { None }).collect();
    assert_eq!(blocks, [0, 1]);
}

#[test]
fn a_stop_ends_the_run_between_trials_and_a_failure_keeps_what_was_measured() {
    let (plan, mut rig) = (plan(), FakeRig::default());
    let tape = Tape { stop_after: Some(1), ..Tape::default() };
    assert_eq!(run(&plan, &mut rig, &tape).unwrap_err().kind, FailureKind::Interrupted);
    assert_eq!(trials(&tape), 2);
}
