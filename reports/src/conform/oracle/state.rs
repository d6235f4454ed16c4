//! The state that packets leave behind: conntrack entries.

use flowgauge_scenarios::Protocol;
use flowgauge_scenarios::conform::Step;

use super::Judged;
use crate::conform::{CaseRun, Entry, Finding, StepRun, sentence};

/// Status bits that only say that a flow is in a flowtable or in hardware (`IPS_OFFLOAD`, `IPS_HW_OFFLOAD`).
const OFFLOAD_BITS: u32 = 1 << 14 | 1 << 15;

/// Status bit of an entry that a full table keeps (`IPS_ASSURED`). UDP gets it from packets that come two seconds after the first
/// (nf_conntrack_udp_packet): so it depends on how fast the machine is.
pub(super) const ASSURED: u32 = 1 << 2;

pub(super) fn findings(judged: &Judged<'_>, reference: &CaseRun) -> Vec<Finding> {
    let mut findings = acts(judged, reference);
    for (step, asked) in judged.case.steps.iter().enumerate() {
        // While time passes and while something is done each path has a pace of its own: cases about that say what they expect.
        if !matches!(asked, Step::Send { .. } | Step::Look) {
            continue;
        }
        let (is, was) = (&judged.tested.steps[step], &reference.steps[step]);
        for entry in entries(was) {
            let found = entries(is).iter().find(|one| one.flow == entry.flow);
            let ignored = if judged.instance.protocol == Protocol::Udp { OFFLOAD_BITS | ASSURED } else { OFFLOAD_BITS };
            findings.extend(difference(entry, found, ignored).map(|(field, expected, got)| Finding {
                step,
                frame: None,
                reference_frame: None,
                field: format!("conntrack.{field}"),
                expected,
                got,
                bytes: Vec::new(),
            }));
        }
        let strange = entries(is).iter().filter(|one| !entries(was).iter().any(|entry| entry.flow == one.flow));
        findings.extend(strange.map(|one| Finding {
            step,
            frame: None,
            reference_frame: None,
            field: "conntrack.entry".to_owned(),
            expected: "none".to_owned(),
            got: format!("one of flow {}", one.flow),
            bytes: Vec::new(),
        }));
    }
    findings
}

/// What the kernel did on the reference and would not do here.
fn acts(judged: &Judged<'_>, reference: &CaseRun) -> Vec<Finding> {
    let steps = judged.tested.steps.iter().zip(&reference.steps).enumerate();
    let refused = steps.filter_map(|(step, (is, was))| match (&is.act, &was.act) {
        (Some(is), Some(was)) if was.done && !is.done => Some((step, is)),
        _ => None,
    });
    let finding = |(step, act): (usize, &crate::conform::ActRun)| Finding {
        step,
        frame: None,
        reference_frame: None,
        field: "act".to_owned(),
        expected: "done".to_owned(),
        got: format!("refused ({})", act.said),
        bytes: Vec::new(),
    };
    refused.map(finding).collect()
}

fn entries(step: &StepRun) -> &[Entry] {
    step.state.entries.seen().map_or(&[], Vec::as_slice)
}

/// The first thing that differs. Timeout and TCP state are absent while a flow is offloaded (nf_conntrack_netlink.c,
/// ctnetlink_dump_timeout and ctnetlink_dump_protoinfo), and timeouts count down with each second.
fn difference(was: &Entry, is: Option<&Entry>, ignored: u32) -> Option<(&'static str, String, String)> {
    let Some(is) = is else {
        return Some(("entry", format!("one of flow {}", was.flow), "none".to_owned()));
    };
    let tuple = |entry: &Entry| {
        let one = |t: super::super::Tuple| format!("{} to {}", t.source, t.destination);
        format!("{}, replies {}", one(entry.original), one(entry.reply))
    };
    if (was.original, was.reply) != (is.original, is.reply) {
        return Some(("tuple", tuple(was), tuple(is)));
    }
    let status = |entry: &Entry| entry.status & !ignored;
    if status(was) != status(is) {
        return Some(("status", sentence::status(status(was)), sentence::status(status(is))));
    }
    if was.mark != is.mark {
        return Some(("mark", was.mark.to_string(), is.mark.to_string()));
    }
    match (was.tcp_state, is.tcp_state) {
        (Some(a), Some(b)) if a != b && !is.offloaded() => {
            Some(("tcp_state", sentence::tcp_state(a), sentence::tcp_state(b)))
        }
        _ => None,
    }
}
