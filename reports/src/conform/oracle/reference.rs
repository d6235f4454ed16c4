//! Whether the reference did what the case says, so that being equal to it means something.

use flowgauge_scenarios::conform::{Side, Step, Translation};

use super::{Judged, sender};
use crate::conform::decode::decode;
use crate::conform::legitimate::{chatter, own_message};
use crate::conform::{CaseRun, StepRun};

/// What is not as the case says.
pub(super) fn flaw(judged: &Judged<'_>, reference: &CaseRun) -> Option<String> {
    judged.case.steps.iter().zip(&reference.steps).enumerate().find_map(|(step, (asked, seen))| match asked {
        Step::Open { .. } if seen.sent.is_empty() => Some(format!("step {step}: nothing was sent to open a flow")),
        Step::Send { packet, arrive, answers, .. } => {
            let from = sender(judged.instance.direction, packet.reverse);
            let wanted = arrive.map_or(seen.sent.len(), |arrive| arrive as usize);
            let (arrived, answered) = counted(seen, from, judged.instance.translation);
            let told = |what: &str, is: usize, wanted: usize| {
                (is != wanted).then(|| format!("step {step}: {is} packets {what}, not {wanted}"))
            };
            told("arrived", arrived, wanted).or_else(|| told("came back", answered, *answers as usize))
        }
        _ => None,
    })
}

/// What arrived at the other end, and what came back to the sender. Behind a hairpin both ends are at the client, and only
/// what the DUT says of its own comes back.
pub(super) fn counted(seen: &StepRun, from: Side, translation: Translation) -> (usize, usize) {
    let back = |side: Side, frame: &[u8]| match translation {
        Translation::Hairpin => own_message(&decode(frame)),
        _ => side == from,
    };
    let heard = seen.arrived.iter().filter(|one| chatter(&decode(&one.frame)).is_none());
    let (came_back, arrived): (Vec<_>, Vec<_>) = heard.partition(|one| back(one.side, &one.frame));
    (arrived.len(), came_back.len())
}
