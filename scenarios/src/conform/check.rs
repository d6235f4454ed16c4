//! What makes a case, or an entry of known failures, contradict itself.

use super::known::Version;
use super::{Case, Expect, Known, LaneWanted, Outcome, PacketSpec, REFERENCE, Step};
use crate::{Datapath, Protocol};

/// Datapaths that cases can be run on.
pub(super) const DATAPATHS: [Datapath; 3] = [Datapath::Conntrack, Datapath::Flowtable, Datapath::FlowtableHw];

/// Flows that a case opens at most, and packets that it sends in a step.
const MOST_FLOWS: u16 = 1024;
const MOST_PACKETS: u32 = 10_000;

/// What is wrong with a case and what to do, as a sentence.
pub(super) fn check_case(case: &Case) -> Result<(), String> {
    let name = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if case.id.is_empty() || !case.id.chars().all(name) {
        return Err("its id must be of small letters, digits and `-`".to_owned());
    }
    for (field, text) in [("what", &case.what), ("why", &case.why), ("source", &case.source)] {
        if text.trim().is_empty() {
            return Err(format!("`{field}` is empty: write what a reader needs to judge a failure"));
        }
    }
    let applies = &case.applies;
    for (field, empty) in [
        ("families", applies.families.is_empty()),
        ("protocols", applies.protocols.is_empty()),
        ("translations", applies.translations.is_empty()),
        ("directions", applies.directions.is_empty()),
        ("datapaths", applies.datapaths.is_empty()),
    ] {
        if empty {
            return Err(format!("applies.{field} is empty: leave it out, or name at least one"));
        }
    }
    if let Some(datapath) = applies.datapaths.iter().find(|d| !DATAPATHS.contains(d)) {
        return Err(format!(
            "it applies to `{}`, which conformance does not run on: {}",
            datapath.name(),
            DATAPATHS.map(Datapath::name).join(", ")
        ));
    }
    for (fault, number) in &case.bed.faults {
        fault.check(*number)?;
        if applies.datapaths.contains(&Datapath::Flowtable) {
            return Err(format!(
                "its bed has the NIC's fault {}, so it can apply to `flowtable-hw` (and `conntrack`) only",
                fault.name()
            ));
        }
    }
    if case.steps.is_empty() {
        return Err("it has no steps".to_owned());
    }
    for (number, step) in case.steps.iter().enumerate() {
        check_step(case, number, step).map_err(|message| format!("step {number}: {message}"))?;
    }
    for expect in &case.expect {
        check_expect(case, expect)?;
    }
    if super::expand::expand(case, 0, &DATAPATHS).is_empty() {
        return Err("nothing is left of it: its packets fit none of its families or protocols".to_owned());
    }
    Ok(())
}

fn check_step(case: &Case, number: usize, step: &Step) -> Result<(), String> {
    match step {
        Step::Open { flows: 0, .. } => Err("it opens no flow".to_owned()),
        Step::Open { flows, .. } if *flows > MOST_FLOWS => {
            Err(format!("it opens {flows} flows: at most {MOST_FLOWS}, for each is waited for"))
        }
        Step::Send { packet, arrive, lane, .. } => {
            check_flow(case, number, packet)?;
            check_packet(packet)?;
            check_segment(case, packet)?;
            if *lane != LaneWanted::Any && *arrive == Some(0) {
                // What is dropped before the forward chain is seen by no counter of the classic path.
                return Err("nothing of it arrives, so no lane can be wanted of it: lane = \"any\"".to_owned());
            }
            Ok(())
        }
        Step::Stream { packet, rate, ms, .. } => {
            check_flow(case, number, packet)?;
            check_packet(packet)?;
            if *rate == 0 || *rate > 20_000 || *ms < 30 || *ms > 60_000 {
                return Err("a stream has 1 to 20000 packets per second for 30 to 60000 ms".to_owned());
            }
            Ok(())
        }
        Step::Wait(ms) if *ms > 60_000 => Err("nobody waits longer than 60000 ms".to_owned()),
        _ => Ok(()),
    }
}

/// What is to be cut later needs TCP, and a link that takes it.
fn check_segment(case: &Case, packet: &PacketSpec) -> Result<(), String> {
    let applies = &case.applies;
    match packet.segment {
        0 => Ok(()),
        _ if !case.bed.segmentation => Err("packet.segment needs a bed with segmentation = true".to_owned()),
        _ if applies.protocols != [Protocol::Tcp] || applies.datapaths.contains(&Datapath::FlowtableHw) => {
            Err("packet.segment is for protocols = [\"tcp\"] and datapaths = [\"conntrack\", \"flowtable\"]".to_owned())
        }
        _ => Ok(()),
    }
}

/// A case that opens flows sends on no other.
fn check_flow(case: &Case, number: usize, packet: &PacketSpec) -> Result<(), String> {
    let opened = case.steps[..number].iter().filter_map(|step| match step {
        Step::Open { flows, .. } => Some(*flows),
        _ => None,
    });
    match opened.max() {
        Some(flows) if packet.flow >= flows => {
            Err(format!("it sends on flow {}, but only {flows} were opened, from 0 on", packet.flow))
        }
        _ => Ok(()),
    }
}

fn check_packet(packet: &PacketSpec) -> Result<(), String> {
    if packet.count == 0 || packet.count > MOST_PACKETS {
        return Err(format!("packet.count is {}: 1 to {MOST_PACKETS}", packet.count));
    }
    if packet.dscp > 63 {
        return Err(format!("packet.dscp = {} has more than six bits", packet.dscp));
    }
    if packet.flow_label > 0xf_ffff {
        return Err(format!("packet.flow_label = {} has more than twenty bits", packet.flow_label));
    }
    if !packet.fragment.is_multiple_of(8) {
        return Err(format!("packet.fragment = {} is not a multiple of 8 (RFC 791 section 3.1)", packet.fragment));
    }
    if let Some(flags) = &packet.flags
        && let Some(letter) = flags.chars().find(|c| !"FSRPAUEC".contains(*c))
    {
        return Err(format!("packet.flags has `{letter}`, which is none of FSRPAUEC"));
    }
    for (_, digits) in &packet.patch {
        if digits.is_empty() || digits.len() % 2 != 0 || !digits.chars().all(|c| c.is_ascii_hexdigit()) {
            return Err(format!("packet.patch has `{digits}`: it takes two hexadecimal digits for each byte"));
        }
    }
    Ok(())
}

fn check_expect(case: &Case, expect: &Expect) -> Result<(), String> {
    let steps = case.steps.len();
    let exists = |step: usize| match step < steps {
        true => Ok(()),
        false => Err(format!("expect names step {step}, but there are only {steps}, from 0 on")),
    };
    match *expect {
        Expect::Offloaded { step, .. }
        | Expect::Tracked { step, .. }
        | Expect::Assured { step, .. }
        | Expect::Claimed { step } => exists(step),
        Expect::HardwareOffloaded { step, .. } | Expect::HardwareRules { step, .. } => {
            exists(step)?;
            match case.applies.datapaths.contains(&Datapath::FlowtableHw) {
                true => Ok(()),
                false => Err("it expects something of hardware, but does not apply to `flowtable-hw`".to_owned()),
            }
        }
        Expect::Counted { from, to, .. } => {
            exists(to)?;
            match from < to {
                true => Ok(()),
                false => Err(format!("it counts from the end of step {from} to the end of step {to}: nothing")),
            }
        }
        Expect::BlockedMs { step, .. } | Expect::StaleMs { step, .. } => {
            exists(step)?;
            match case.steps[step] {
                Step::Stream { .. } => Ok(()),
                _ => Err(format!("expect measures step {step}, which is no stream")),
            }
        }
    }
}

/// What is wrong with an entry of known failures and what to do, as a sentence.
pub(super) fn check_known(known: &Known) -> Result<(), String> {
    if known.datapaths.is_empty() {
        return Err("it names no datapath".to_owned());
    }
    if known.datapaths.contains(&REFERENCE) {
        return Err("the reference is what is right: a case that it fails is wrong, not known".to_owned());
    }
    if matches!(known.outcome, Outcome::Pass | Outcome::Error) {
        return Err(format!(
            "its outcome is `{}`: only fail, unproven and unsupported can be known",
            known.outcome.name()
        ));
    }
    match (known.outcome, known.differs.is_empty()) {
        (Outcome::Fail, true) => {
            return Err(
                "it does not say what differs: name the fields, differs = [\"lost\", \"conntrack.status\"]".to_owned()
            );
        }
        (Outcome::Fail, false) | (_, true) => {}
        (_, false) => return Err("nothing differs where nothing fails: leave `differs` out".to_owned()),
    }
    for (field, text) in [("reason", &known.reason), ("link", &known.link)] {
        if text.trim().is_empty() {
            return Err(format!("`{field}` is empty: a failure without a reason is not known"));
        }
    }
    for version in [&known.since, &known.until].into_iter().flatten() {
        if Version::parse(version).is_none() {
            return Err(format!("`{version}` is no kernel version: write 6.12 or 6.12.3"));
        }
    }
    Ok(())
}
