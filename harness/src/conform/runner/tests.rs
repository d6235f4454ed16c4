//! The order of things, over a fake: no privilege, no kernel.

use std::collections::HashSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use flowgauge_reports::conform::CaseRun;
use flowgauge_reports::event::{Event, FailureKind};
use flowgauge_reports::observation::Reading;
use flowgauge_scenarios::conform::{
    Act, Applies, Bed, Case, ConformPlan, Group, Instance, LaneWanted, Mutation, PacketSpec, REFERENCE, Station, Step,
    Translation,
};
use flowgauge_scenarios::{Datapath, Direction, Family, Protocol, Topology};

use super::fake::Fake;
use super::kernel::{Kernel, Turn};
use super::{Cell, cells, station};
use crate::worker::protocol::{Failure, Wire};

/// A wire that keeps everything, and stops after so many cases.
#[derive(Default)]
struct Tape {
    events: Mutex<Vec<Event>>,
    stop: AtomicBool,
    stop_after: Option<usize>,
}

impl Wire for Tape {
    fn emit(&self, event: &Event) -> Result<(), Failure> {
        self.events.lock().unwrap().push(event.clone());
        if Some(self.runs().len()) == self.stop_after {
            self.stop.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn kept(&self, _: usize) -> Result<(), Failure> {
        Ok(())
    }

    fn stop(&self) -> &AtomicBool {
        &self.stop
    }
}

impl Tape {
    fn runs(&self) -> Vec<CaseRun> {
        let run = |event: &Event| if let Event::CaseRun(run) = event { Some((**run).clone()) } else { None };
        self.events.lock().unwrap().iter().filter_map(run).collect()
    }
}

fn send(lane: LaneWanted) -> Step {
    Step::Send { packet: PacketSpec { count: 3, ..PacketSpec::default() }, arrive: None, answers: 0, lane }
}

fn case(id: &str, steps: Vec<Step>) -> Case {
    Case {
        id: id.to_owned(),
        group: Group::Forwarding,
        what: "frames go through".to_owned(),
        why: "that is what a router is for".to_owned(),
        source: "RFC 1812".to_owned(),
        applies: Applies::default(),
        bed: Bed::default(),
        steps,
        expect: Vec::new(),
    }
}

const OPEN: Step = Step::Open { flows: 2, offloaded: true };

/// A plan of one station, an instance a case.
fn plan(cases: Vec<Case>, datapaths: &[Datapath]) -> ConformPlan {
    let instance = |(number, case): (usize, &Case)| Instance {
        id: format!("{}/ipv4-udp-plain-up", case.id),
        case: number,
        family: Family::Ipv4,
        protocol: Protocol::Udp,
        translation: Translation::None,
        direction: Direction::Upstream,
        datapaths: datapaths.iter().copied().filter(|datapath| *datapath != REFERENCE).collect(),
        first_flow: 2 * number as u32,
    };
    let instances: Vec<Instance> = cases.iter().enumerate().map(instance).collect();
    let station = Station {
        topology: Topology::Router,
        bed: Bed::default(),
        translation: Translation::None,
        family: Family::Ipv4,
        datapaths: datapaths.to_vec(),
        instances: (0..instances.len()).collect(),
    };
    ConformPlan { cases, instances, stations: vec![station], ..ConformPlan::default() }
}

const BOTH: [Datapath; 2] = [Datapath::Conntrack, Datapath::Flowtable];

fn all(plan: &ConformPlan, done: &HashSet<Cell>, fake: &mut Fake, tape: &Tape) -> Result<(), Failure> {
    station::all(plan, Topology::Router, done, fake, &Kernel::default(), tape)
}

fn run(plan: &ConformPlan, fake: &Fake) -> (Vec<CaseRun>, Vec<String>) {
    let tape = Tape::default();
    all(plan, &HashSet::new(), &mut fake.clone(), &tape).unwrap();
    let log = fake.world().log.clone();
    (tape.runs(), log)
}

fn taking_off() -> Fake {
    let fake = Fake::default();
    fake.world().takes_off_after = Some(3);
    fake
}

#[test]
fn every_instance_runs_on_every_datapath_the_reference_first() {
    let plan = plan(vec![case("a", vec![OPEN, send(LaneWanted::Own)]), case("b", vec![OPEN])], &BOTH);
    let (runs, log) = run(&plan, &taking_off());
    let cells: Vec<_> = runs.iter().map(|run| (run.instance, run.datapath)).collect();
    let [first, second] = BOTH;
    assert_eq!(cells, [(0, first), (1, first), (0, second), (1, second)]);
    assert_eq!(log, ["apply conntrack", "apply flowtable"], "one ruleset a datapath");
    assert_eq!(super::cells(&plan), runs.iter().map(Cell::of).collect::<Vec<_>>());
    assert!(runs.iter().all(|run| run.broken.is_none() && run.refused.is_none()), "{runs:#?}");
    let sent = |run: &CaseRun| run.steps.iter().map(|step| step.sent.clone()).collect::<Vec<_>>();
    let frames = |run: &CaseRun| -> Vec<Vec<u8>> { sent(run).concat().into_iter().map(|sent| sent.frame).collect() };
    assert_eq!(frames(&runs[0]), frames(&runs[2]), "the same frames on both, whatever was sent while waiting");
    // Of the three packets none took the classic path once the flows were in the fast path.
    assert_eq!(runs[0].steps[1].classic, Reading::Seen(3));
    assert_eq!(runs[2].steps[1].classic, Reading::Seen(0));
    assert_eq!(runs[2].steps[1].cpu, Reading::Absent);
}

#[test]
fn flows_that_never_take_off_end_the_wait_and_not_the_case() {
    let plan = plan(vec![case("a", vec![OPEN, send(LaneWanted::Own)])], &BOTH);
    let (runs, _) = run(&plan, &Fake::default());
    assert_eq!(runs[1].steps.len(), 2);
    assert_eq!(runs[1].steps[1].classic, Reading::Seen(3));
}

#[test]
fn what_the_kernel_refuses_is_told_and_the_rest_goes_on() {
    let plan = plan(vec![case("a", vec![OPEN])], &BOTH);
    let fake = taking_off();
    fake.world().refuses = Some(Datapath::Flowtable);
    let (runs, _) = run(&plan, &fake);
    assert_eq!(runs[0].refused, None);
    assert_eq!(runs[1].refused.as_deref(), Some("operation not supported"));

    let two = ConformPlan { stations: vec![plan.stations[0].clone(), plan.stations[0].clone()], ..plan };
    let fake = taking_off();
    fake.world().unbuilt = Some(0);
    let (runs, _) = run(&two, &fake);
    let refused: Vec<bool> = runs.iter().map(|run| run.refused.is_some()).collect();
    assert_eq!(refused, [true, true, false, false]);
}

#[test]
fn an_act_is_taken_back_before_the_next_instance() {
    let cases = ["a", "b", "c"].map(|id| {
        let act = if id == "b" { Act::ConntrackDelete } else { Act::PortDelete };
        case(id, vec![OPEN, Step::Act(act), send(LaneWanted::Any)])
    });
    let (runs, log) = run(&plan(cases.to_vec(), &[Datapath::Conntrack]), &taking_off());
    assert!(runs.iter().all(|run| run.steps.len() == 3));
    assert_eq!(log, ["apply conntrack", "PortDelete", "restore", "reopen", "ConntrackDelete", "PortDelete", "restore"]);
}

#[test]
fn a_mutant_that_is_deaf_hears_of_no_act_and_the_reference_does() {
    let stream = Step::Stream { packet: PacketSpec::default(), rate: 1000, ms: 30, act: Act::TableFlush };
    let mut plan = plan(vec![case("a", vec![OPEN, Step::Act(Act::ConntrackDelete), stream])], &BOTH);
    plan.mutants = vec![Mutation::Deaf];
    let (runs, log) = run(&plan, &taking_off());
    let acts = ["ConntrackDelete", "TableFlush", "restore"];
    let sound = |datapath: &'static str| std::iter::once(datapath).chain(acts);
    let wanted: Vec<&str> =
        sound("apply conntrack").chain(sound("apply flowtable")).chain(["apply flowtable broken", "restore"]).collect();
    assert_eq!(log, wanted);
    assert_eq!(runs[2].mutation, Some(Mutation::Deaf));
    assert!(runs[2].steps[1..].iter().all(|step| step.act.as_ref().is_some_and(|act| act.done)), "{runs:#?}");
}

#[test]
fn a_refused_act_breaks_the_reference_and_is_told_of_the_others() {
    let plan =
        plan(vec![case("a", vec![OPEN, Step::Act(Act::Reload), send(LaneWanted::Any)]), case("b", vec![OPEN])], &BOTH);
    let fake = taking_off();
    fake.world().stubborn = true;
    let (runs, log) = run(&plan, &fake);
    assert!(runs[0].broken.as_ref().is_some_and(|why| why.contains("step 1") && why.contains("busy")), "{runs:#?}");
    assert_eq!(runs[0].steps.len(), 1);
    assert_eq!(runs[1].broken, None, "the next instance finds a sound stand");
    assert_eq!(log[..4], ["apply conntrack", "Reload", "restore", "apply conntrack"]);
    let tested = &runs[2];
    assert_eq!((tested.broken.as_ref(), tested.steps.len()), (None, 3));
    assert!(tested.steps[1].act.as_ref().is_some_and(|act| !act.done && act.said == "busy"));
}

#[test]
fn a_panic_is_its_own_cases() {
    let stream = Step::Stream { packet: PacketSpec::default(), rate: 1000, ms: 30, act: Act::Reload };
    let plan = plan(vec![case("a", vec![OPEN, stream]), case("b", vec![OPEN])], &[Datapath::Conntrack]);
    let fake = taking_off();
    fake.world().panics = true;
    let (runs, _) = run(&plan, &fake);
    assert!(runs[0].broken.as_ref().is_some_and(|why| why.contains("told to panic")), "{runs:#?}");
    assert_eq!(runs[1].broken, None);
}

#[test]
fn a_stream_keeps_its_pace_while_something_is_done() {
    let stream = Step::Stream { packet: PacketSpec::default(), rate: 1000, ms: 60, act: Act::Reload };
    let (runs, _) = run(&plan(vec![case("a", vec![OPEN, stream])], &[Datapath::Conntrack]), &taking_off());
    let step = &runs[0].steps[1];
    let stream = step.stream.as_ref().unwrap();
    assert_eq!((stream.sent, stream.arrived.len()), (60, 60));
    assert!(stream.arrived.iter().map(|(number, _)| *number).eq(0..60), "{stream:?}");
    assert!(stream.act_ns.0 >= 20_000_000, "after a third of the time: {stream:?}");
    assert!(step.act.as_ref().is_some_and(|act| act.done) && step.sent.is_empty());
}

#[test]
fn a_bed_of_its_own_gets_a_ruleset_for_each_instance() {
    let mut plan = plan(vec![case("a", vec![OPEN]), case("b", vec![OPEN])], &[Datapath::Conntrack]);
    plan.stations[0].bed.alone = true;
    assert_eq!(run(&plan, &taking_off()).1, ["apply conntrack"; 2]);
}

#[test]
fn mutants_run_after_what_is_sound_where_they_can_show() {
    let mut plan = plan(vec![case("a", vec![OPEN, send(LaneWanted::Own)])], &BOTH);
    plan.mutants = vec![Mutation::EgressTtl, Mutation::WrongNat];
    let (runs, log) = run(&plan, &taking_off());
    assert_eq!(log, ["apply conntrack", "apply flowtable", "apply flowtable broken"], "nothing is translated here");
    assert_eq!(runs[2].mutation, Some(Mutation::EgressTtl));
    assert_eq!(cells(&plan).len(), 3);
}

#[test]
fn a_run_stops_between_two_instances() {
    let plan = plan(vec![case("a", vec![OPEN]), case("b", vec![OPEN])], &BOTH);
    let tape = Tape { stop_after: Some(1), ..Tape::default() };
    let failure = all(&plan, &HashSet::new(), &mut taking_off(), &tape).unwrap_err();
    assert_eq!((failure.kind, tape.runs().len()), (FailureKind::Interrupted, 1));
}

#[test]
fn a_run_goes_on_where_another_ended() {
    let plan = plan(vec![case("a", vec![OPEN]), case("b", vec![OPEN])], &BOTH);
    let (tape, fake) = (Tape::default(), taking_off());
    let done = cells(&plan)[..3].iter().copied().collect();
    all(&plan, &done, &mut fake.clone(), &tape).unwrap();
    assert_eq!(tape.runs().iter().map(Cell::of).collect::<Vec<_>>(), cells(&plan)[3..]);
    assert_eq!(fake.world().log, ["apply flowtable"]);
}

#[test]
fn the_reference_runs_twice_where_it_is_under_test() {
    let mut plan = plan(vec![case("a", vec![OPEN]), case("b", vec![OPEN])], &BOTH);
    plan.instances[1].datapaths.push(REFERENCE);
    let (runs, log) = run(&plan, &taking_off());
    let order: Vec<_> = runs.iter().map(|run| (run.instance, run.datapath, run.again)).collect();
    let [first, second] = BOTH;
    assert_eq!(order, [(0, first, false), (1, first, false), (1, first, true), (0, second, false), (1, second, false)]);
    assert_eq!(log, ["apply conntrack", "apply conntrack", "apply flowtable"], "nothing is left of the first run");
    assert_eq!(cells(&plan), runs.iter().map(Cell::of).collect::<Vec<_>>());
    plan.stations[0].topology = Topology::NicRouter;
    assert_eq!(cells(&plan).len(), 4, "once is enough");
}

#[test]
fn what_bounds_every_namespace_runs_alone() {
    let limit = Act::Sysctl("net.netfilter.nf_conntrack_max".to_owned(), "10".to_owned());
    let plan = plan(vec![case("a", vec![OPEN, Step::Act(limit)]), case("b", vec![OPEN])], &BOTH);
    let kernel = Kernel::default();
    let sharing = Station { instances: vec![1], ..plan.stations[0].clone() };
    assert!(matches!(kernel.turn(&plan, &plan.stations[0]), Turn::Alone { .. }));
    let first = kernel.turn(&plan, &sharing);
    let second = kernel.turn(&plan, &sharing);
    assert!(matches!((first, second), (Turn::Shared { .. }, Turn::Shared { .. })));
}
