//! The oracle: what an instance comes to on a datapath, by what the reference did with the same packets.
//!
//! First the reference must be as the case says, or the comparison would be of nothing with nothing. Then what came out is
//! compared frame by frame, then the state, then what the case expects of its own, and last whether the packets took the lane
//! that the case is about.

mod expect;
mod frames;
mod lane;
mod reference;
mod state;

use flowgauge_scenarios::conform::{Case, Instance, Outcome, Side};
use flowgauge_scenarios::{Datapath, Direction};

pub use frames::frames_differ;

use super::{CaseResult, CaseRun, Finding};

/// Who sends a packet of an instance.
pub(super) fn sender(direction: Direction, reverse: bool) -> Side {
    if (direction == Direction::Downstream) != reverse { Side::Server } else { Side::Client }
}

/// What is judged.
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The case.
    pub case: &'a Case,
    /// Its instance.
    pub instance: &'a Instance,
    /// What was seen on the reference.
    pub reference: Option<&'a CaseRun>,
    /// What was seen on the datapath under test.
    pub tested: &'a CaseRun,
}

/// What it comes to. What is known of failures is for the caller to look up.
pub fn judge(judged: &Judged<'_>) -> CaseResult {
    let (outcome, why, findings) = outcome(judged);
    CaseResult {
        instance: judged.tested.instance,
        datapath: judged.tested.datapath,
        mutation: judged.tested.mutation,
        outcome,
        why,
        findings,
        known: None,
        unexpected_pass: false,
    }
}

fn outcome(judged: &Judged<'_>) -> (Outcome, String, Vec<Finding>) {
    let Judged { case, tested, .. } = judged;
    let none = Vec::new;
    if let Some(refused) = &tested.refused {
        return (Outcome::Unsupported, refused.clone(), none());
    }
    if let Some(broken) = &tested.broken {
        return (Outcome::Error, broken.clone(), none());
    }
    let Some(reference) = judged.reference else {
        return (Outcome::Error, "the reference was not run".to_owned(), none());
    };
    if let Some(refused) = &reference.refused {
        return (Outcome::Unsupported, format!("the reference: {refused}"), none());
    }
    if let Some(broken) = &reference.broken {
        return (Outcome::Error, format!("the reference: {broken}"), none());
    }
    if reference.steps.len() != case.steps.len() || tested.steps.len() != case.steps.len() {
        return (Outcome::Error, "steps are missing from what was seen".to_owned(), none());
    }
    if let Some(why) = reference::flaw(judged, reference) {
        return (Outcome::Error, format!("the reference is not as the case says: {why}"), none());
    }
    let mut findings = frames::findings(judged, reference);
    findings.extend(state::findings(judged, reference));
    findings.extend(expect::findings(judged));
    if let Some(first) = findings.first() {
        let more = match findings.len() {
            1 => String::new(),
            n => format!(", and {} more", n - 1),
        };
        let why = format!("step {}: {} is {}, not {}{more}", first.step, first.field, first.got, first.expected);
        return (Outcome::Fail, why, findings);
    }
    match lane::doubt(judged, reference) {
        Some(why) => (Outcome::Unproven, why, none()),
        None => (Outcome::Pass, String::new(), none()),
    }
}

/// Whether what bypasses the classic path on this datapath never reaches the CPU.
fn hardware(datapath: Datapath) -> bool {
    datapath == Datapath::FlowtableHw
}

#[cfg(test)]
mod tests;
