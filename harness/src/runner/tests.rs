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
fn the_time_to_offload_is_measured_once_for_each_hardware_flowtable() {
    let (tape, mut rig) = (Tape::default(), FakeRig::default());
    let plan = Plan::new(vec![Scenario::load("nic-udp-ipv4").unwrap(), Scenario::load("udp-ipv4").unwrap()], 1);
    run(&plan, &mut rig, &tape).unwrap();
    let at = rig.calls.iter().position(|c| c == "time to offload").unwrap();
    assert_eq!(rig.calls[at - 1], "apply flowtable-hw");
    let events = tape.events.lock().unwrap();
    let cells: Vec<usize> =
        events.iter().filter_map(|e| if let Event::TimeToOffload(t) = e { Some(t.cell) } else { None }).collect();
    assert_eq!(cells.iter().map(|&c| plan.cells[c].datapath.name()).collect::<Vec<_>>(), ["flowtable-hw"]);
    let environments = events.iter().filter(|e| matches!(e, Event::Environment(_))).count();
    assert_eq!(environments, 2, "one for each topology");
}

#[test]
fn a_shard_runs_its_own_steps_and_builds_what_they_need() {
    let plan = Plan::new(vec![Scenario::load("nic-udp-ipv4").unwrap(), Scenario::load("udp-ipv4").unwrap()], 1);
    let mut steps = Vec::new();
    for index in 1..=2 {
        let (tape, mut rig) = (Tape::default(), FakeRig::default());
        run(&plan.shard(index, 2).unwrap(), &mut rig, &tape).unwrap();
        let events = tape.events.lock().unwrap();
        let own = events.iter().filter_map(|e| if let Event::Trial(t) = e { Some(t.step) } else { None });
        steps.extend(own);
        let environments = events.iter().filter(|e| matches!(e, Event::Environment(_))).count();
        assert_eq!(environments, 1, "each has one scenario, so one topology");
    }
    steps.sort_unstable();
    assert_eq!(steps, (0..plan.steps.len()).collect::<Vec<_>>());
}

#[test]
fn a_stop_ends_the_run_between_trials_and_a_failure_keeps_what_was_measured() {
    let (plan, mut rig) = (plan(), FakeRig::default());
    let tape = Tape { stop_after: Some(1), ..Tape::default() };
    assert_eq!(run(&plan, &mut rig, &tape).unwrap_err().kind, FailureKind::Interrupted);
    assert_eq!(trials(&tape), 2);
}
