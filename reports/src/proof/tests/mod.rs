//! Each broken input turns the verdict.

mod counters;
mod hardware;
mod lies;
mod software;

use std::sync::LazyLock;

use flowgauge_scenarios::{Datapath, Plan};

use super::*;
use crate::RunResult;
use crate::judge::{Judgement, Verdict, judge};
use crate::observation::{Conntrack, IpForwarding, Observation, Ports, Reading, RuleCounters};
use crate::sample;
use crate::trial::Trial;

/// The plan of the sample and the first trial of its first scenario on `datapath`.
fn one(datapath: Datapath) -> (Plan, Trial) {
    one_of(0, datapath)
}

/// The plan of the sample and the first trial of a scenario on `datapath`.
fn one_of(scenario: usize, datapath: Datapath) -> (Plan, Trial) {
    static SAMPLE: LazyLock<RunResult> = LazyLock::new(sample::result);
    let result = &*SAMPLE;
    let trial = result.trials.iter().find(|t| t.datapath == datapath && result.plan.cells[t.cell].scenario == scenario);
    (result.plan.clone(), trial.expect("the sample has every datapath").clone())
}

fn judged(plan: &Plan, trial: Trial) -> Judgement {
    judge(plan, &[trial], &[], &[], Some(&sample::environment()))
}

/// The row of the trial after `change`.
fn changed(datapath: Datapath, change: impl FnOnce(&mut Trial)) -> (Verdict, Proof) {
    let (plan, mut trial) = one(datapath);
    let cell = trial.cell;
    change(&mut trial);
    let row = judged(&plan, trial).rows.swap_remove(cell);
    (row.verdict, row.proof)
}

fn seen<T>(reading: &mut Reading<T>) -> &mut T {
    match reading {
        Reading::Seen(value) => value,
        _ => panic!("the sample reads everything that is asked for"),
    }
}

fn ports(o: &mut Observation) -> &mut Ports {
    seen(&mut o.ports)
}

fn rules(o: &mut Observation) -> &mut RuleCounters {
    seen(&mut o.rules)
}

fn forwarding(o: &mut Observation) -> &mut IpForwarding {
    seen(&mut o.ip_forwarding)
}

fn conntrack(o: &mut Observation) -> &mut Conntrack {
    seen(&mut o.conntrack)
}

fn why(verdict: &Verdict) -> &str {
    verdict.why().unwrap_or("good")
}
