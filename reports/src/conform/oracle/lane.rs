//! Whether the packets took the lane that a case is about.

use flowgauge_scenarios::Datapath;
use flowgauge_scenarios::conform::{LaneWanted, Step};

use super::{Judged, hardware};
use crate::conform::{CaseRun, StepRun};
use crate::observation::Reading;

/// Why it is not proven that they did.
pub(super) fn doubt(judged: &Judged<'_>, reference: &CaseRun) -> Option<String> {
    let datapath = judged.tested.datapath;
    judged.case.steps.iter().enumerate().find_map(|(step, asked)| {
        let (is, was) = (&judged.tested.steps[step], &reference.steps[step]);
        let why = match asked {
            Step::Send { lane, .. } => lane_doubt(*lane, datapath, is, was),
            Step::Open { offloaded: true, .. } if datapath.offloads() => not_offloaded(judged, step),
            _ => None,
        };
        why.map(|why| format!("step {step}: {why}"))
    })
}

fn lane_doubt(wanted: LaneWanted, datapath: Datapath, is: &StepRun, was: &StepRun) -> Option<String> {
    let classic = match seen(&is.classic, "the counters of the classic path") {
        Ok(classic) => classic,
        Err(why) => return (wanted != LaneWanted::Any).then_some(why),
    };
    let same_as_reference = || match was.classic.seen() {
        Some(&wanted) if wanted == classic => None,
        Some(wanted) => Some(format!("{classic} packets took the classic path, not {wanted}")),
        None => Some("the reference has no counters of the classic path".to_owned()),
    };
    match wanted {
        LaneWanted::Any => None,
        LaneWanted::Classic => same_as_reference(),
        LaneWanted::Own | LaneWanted::Bypassed if !datapath.offloads() => same_as_reference(),
        LaneWanted::Own | LaneWanted::Bypassed if classic > 0 => {
            Some(format!("{classic} of {} packets took the classic path", is.sent.len()))
        }
        LaneWanted::Own if hardware(datapath) => match seen(&is.cpu, "the counters of what the CPU saw") {
            Ok(0) => None,
            Ok(cpu) => Some(format!("{cpu} of {} packets reached the CPU", is.sent.len())),
            Err(why) => Some(why),
        },
        LaneWanted::Own | LaneWanted::Bypassed => None,
    }
}

/// Whether a flow that should be in the fast path is not marked so.
fn not_offloaded(judged: &Judged<'_>, step: usize) -> Option<String> {
    let Reading::Seen(entries) = &judged.tested.steps[step].state.entries else {
        return Some("conntrack could not be read".to_owned());
    };
    let hardware = hardware(judged.tested.datapath);
    let outside =
        |entry: &&crate::conform::Entry| !(if hardware { entry.hardware_offloaded() } else { entry.offloaded() });
    if entries.is_empty() {
        return Some("conntrack has no entry of the flow".to_owned());
    }
    entries.iter().find(outside).map(|entry| {
        let where_to = if hardware { "hardware" } else { "the flowtable" };
        format!("conntrack says that flow {} is not in {where_to} (status 0x{:x})", entry.flow, entry.status)
    })
}

fn seen(reading: &Reading<u64>, what: &str) -> Result<u64, String> {
    match reading {
        Reading::Seen(value) => Ok(*value),
        Reading::Missing { why } => Err(format!("{what} could not be read: {why}")),
        Reading::Absent => Err(format!("{what} are not there")),
    }
}
