//! Counters of the same packets, port by port: they must tell one story.

use flowgauge_scenarios::Direction;

use super::crossing::{Crossing, roles};
use super::finding::{Finding, stray};
use super::trial::Surroundings;
use super::{accounting, offload};
use crate::offered::{CountedReport, DirectionReport};
use crate::trial::{Offered, Opening, Trial};

/// Everything that does not fit, upstream first.
pub(super) fn check(trial: &Trial, around: &Surroundings<'_>, crossings: &[Crossing; 2]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let torn = torn(trial, around, crossings).is_some();
    let exact = !around.scenario.links.gso && !around.scenario.links.gro;
    for crossing in crossings {
        if let Offered::Frames(reports) = &trial.offered {
            let report = reports.iter().find(|r| r.direction == crossing.direction);
            tester_silent(crossing, report, reports, &mut findings);
            if let Some(report) = report {
                arrived(crossing, report, &mut findings);
            }
        }
        if let Offered::Counted(reports) = &trial.offered
            && let Some(report) = reports.iter().find(|r| r.direction == crossing.direction)
        {
            handed_over(crossing, report, &mut findings);
        }
        // With GSO or GRO an skb may be split or merged between two ports.
        if exact && !torn {
            wires(crossing, around.scenario.topology.has_nic(), &mut findings);
        }
    }
    if let Some(opening) = &trial.opening {
        opened(opening, &mut findings);
    }
    if exact && around.accounting {
        accounting::packets(trial, crossings, &mut findings);
    }
    if exact {
        accounting::layers(trial, around, &mut findings);
    }
    if around.scenario.topology.has_nic() {
        offload::check(trial, crossings, &mut findings);
    }
    findings
}

/// The sending port carried the generator's frames and nothing else.
fn tester_silent(c: &Crossing, report: Option<&DirectionReport>, all: &[DirectionReport], findings: &mut Vec<Finding>) {
    let sender = roles(c.direction)[0];
    let sent = report.map_or(0, |r| r.sent);
    let allowed = stray(all.iter().map(|r| r.sent).sum());
    if c.sender_tx > sent.saturating_add(allowed) {
        findings.push(Finding::bad(format!(
            "the {sender}'s own stack spoke: its port sent {} packets, the generator only {sent} ({} more)",
            c.sender_tx,
            c.sender_tx - sent
        )));
    } else if sent > c.sender_tx.saturating_add(c.sender_dropped).saturating_add(allowed) {
        findings.push(Finding::bad(format!(
            "the generator says that it sent {sent} frames, the {sender}'s port counted only {}",
            c.sender_tx
        )));
    } else if sent > c.sender_tx.saturating_add(allowed) {
        // Not every kernel tells the sender that veth found the other end's backlog full.
        findings.push(Finding::note(format!(
            "the {sender}'s port dropped {} of {sent} frames because the DUT did not take them in time",
            sent - c.sender_tx
        )));
    }
}

/// What a packet costs is divided by what was handed over: all of it must have gone the whole way.
fn handed_over(c: &Crossing, r: &CountedReport, findings: &mut Vec<Finding>) {
    let egress = roles(c.direction)[2];
    if r.sent.abs_diff(c.egress_tx) > stray(r.sent) {
        findings.push(Finding::bad(format!(
            "{} frames were handed to the DUT, and {} left it by port {egress}: what a packet costs cannot be told",
            r.sent, c.egress_tx
        )));
    }
}

/// What the receiver's port counted is what the generator accounted for.
fn arrived(c: &Crossing, r: &DirectionReport, findings: &mut Vec<Finding>) {
    let receiver = roles(c.direction)[3];
    let accounted = [r.received, r.duplicated, r.corrupted, r.uncaptured, r.foreign]
        .iter()
        .fold(0, |a: u64, &b| a.saturating_add(b));
    if accounted.abs_diff(c.receiver_rx) > stray(r.sent) {
        findings.push(Finding::bad(format!(
            "the {receiver}'s port received {} packets, the generator accounts for {accounted} of them",
            c.receiver_rx
        )));
    }
    if r.sent > 0 && r.received == 0 {
        findings.push(Finding::bad(format!("{}: {} frames were sent and none arrived", c.direction.name(), r.sent)));
    } else if r.flows_silent > 0 && r.sent >= r.flows {
        findings.push(Finding::note(format!(
            "{}: no frame arrived of {} of {} flows",
            c.direction.name(),
            r.flows_silent,
            r.flows
        )));
    }
}

/// A wire neither adds nor swallows; the DUT may drop, and must not invent. The queue behind a NIC's wire may be full.
fn wires(c: &Crossing, nic: bool, findings: &mut Vec<Finding>) {
    let [sender, ingress, egress, receiver] = roles(c.direction);
    for (from, tx, to, rx) in
        [(sender, c.sender_tx, ingress, c.ingress_rx), (egress, c.egress_tx, receiver, c.receiver_rx)]
    {
        if tx.abs_diff(rx) <= stray(tx) {
            continue;
        }
        if !nic {
            findings
                .push(Finding::bad(format!("port {from} sent {tx} packets, port {to} at the other end received {rx}")));
        } else if tx > rx {
            findings.push(Finding::note(format!(
                "port {to} had no room for {} of {tx} packets that port {from} sent",
                tx - rx
            )));
        }
    }
    if c.egress_tx > c.ingress_rx.saturating_add(stray(c.ingress_rx)) {
        findings.push(Finding::bad(format!(
            "the DUT sent more than it received: {} packets into port {ingress}, {} out of port {egress}",
            c.ingress_rx, c.egress_tx
        )));
    }
    let vanished = c.ingress_rx.saturating_sub(c.egress_tx).saturating_sub(c.egress_dropped);
    if vanished > stray(c.ingress_rx) {
        findings.push(Finding::note(format!(
            "{vanished} of {} packets entered the DUT by port {ingress} and neither left it nor show in the drops of \
             port {egress}",
            c.ingress_rx
        )));
    }
}

/// On a NIC, what the counters of its ports and those of the testers' contradict each other in: a wire can lose, and
/// cannot add. Counters of the hardware that stand still or count twice show here, whatever the NIC itself says.
///
/// Only bulk TCP has packets above the MTU that GSO or GRO split or merge between two ports; raw frames never are.
pub(super) fn torn(trial: &Trial, around: &Surroundings<'_>, crossings: &[Crossing; 2]) -> Option<String> {
    let links = &around.scenario.links;
    let resized = matches!(trial.offered, Offered::Bulk(_)) && (links.gso || links.gro);
    if !around.scenario.topology.has_nic() || resized {
        return None;
    }
    crossings.iter().find(|c| added(c)).map(|c| {
        let [sender, ingress, egress, receiver] = roles(c.direction);
        format!(
            "witnesses disagree: the NIC's ports contradict the testers': the {sender} sent {} packets, port {ingress} \
             counted {} received; port {egress} counted {} sent, the {receiver} received {}",
            c.sender_tx, c.ingress_rx, c.egress_tx, c.receiver_rx
        )
    })
}

/// Whether more came out of a wire than went in.
fn added(c: &Crossing) -> bool {
    [(c.sender_tx, c.ingress_rx), (c.egress_tx, c.receiver_rx)]
        .iter()
        .any(|&(tx, rx)| rx > tx.saturating_add(stray(tx.max(rx))))
}

/// Every flow was open before the measured packets.
fn opened(opening: &Opening, findings: &mut Vec<Finding>) {
    if opening.opened < opening.wanted {
        findings.push(Finding::bad(format!("only {} of {} flows could be opened", opening.opened, opening.wanted)));
    }
    if let Some(tracked) = opening.tracked
        && tracked < opening.opened
    {
        findings.push(Finding::bad(format!(
            "{} flows were opened, the DUT tracks only {tracked} connections",
            opening.opened
        )));
    }
}

/// Whether the generator drove `direction`; with iperf3 both directions carry packets.
pub(super) fn driven(offered: &Offered, direction: Direction) -> bool {
    match offered {
        Offered::Frames(reports) => reports.iter().any(|r| r.direction == direction && r.sent > 0),
        Offered::Counted(reports) => reports.iter().any(|r| r.direction == direction && r.sent > 0),
        Offered::Bulk(_) => true,
    }
}
