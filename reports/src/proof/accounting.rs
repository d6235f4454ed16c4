//! What rules and connections account for: packets, and bytes of the right layer.

use flowgauge_scenarios::Datapath;

use super::crossing::{Crossing, step};
use super::finding::{Finding, stray};
use super::trial::Surroundings;
use super::witness::both;
use crate::observation::{Conntrack, Count};
use crate::trial::{Offered, Trial};

/// What a frame at L2 with FCS has more than at L3: the Ethernet header and the FCS.
const ABOVE_L3: f64 = 18.0;
/// From so many bytes a packet more than L3 explains, another layer was counted: half an Ethernet header.
const ANOTHER_LAYER: f64 = 7.0;

/// Conntrack's accounting grew by what entered the DUT.
///
/// Not so on a hardware flowtable: the kernel polls the statistics of its flows about 3 s late, and never asks for the
/// last ones of a flow that it deletes (nf_flow_table_offload.c). What it accounts for within a trial says nothing.
pub(super) fn packets(trial: &Trial, crossings: &[Crossing; 2], findings: &mut Vec<Finding>) {
    let Ok((before, after)) = both("conntrack entries", &trial.before.conntrack, &trial.after.conntrack) else {
        return;
    };
    // An entry that expired took its counts with it; without entries there is nothing to account to.
    if trial.datapath == Datapath::FlowtableHw || after.entries < before.entries || after.entries == 0 {
        return;
    }
    let total = |o: &Conntrack| o.original.packets.saturating_add(o.reply.packets);
    let entered: u64 = crossings.iter().map(|c| c.ingress_rx).sum();
    match step("conntrack accounting", total(before), total(after)) {
        Err(text) => findings.push(Finding::bad(text)),
        Ok(0) if entered > stray(entered) => findings
            .push(Finding::bad(format!("conntrack accounting stood still while {entered} packets entered the DUT"))),
        Ok(counted) if counted.abs_diff(entered) > stray(entered) => {
            findings.push(Finding::bad(format!("conntrack accounted for {counted} packets, {entered} entered the DUT")))
        }
        Ok(_) => {}
    }
}

/// Bytes per packet are those of L3, as software counts them, wherever hardware counts in its place.
pub(super) fn layers(trial: &Trial, around: &Surroundings<'_>, findings: &mut Vec<Finding>) {
    let Some(l3) = l3_bytes_per_packet(trial) else { return };
    if !trial.datapath.needs_nic() {
        return;
    }
    let mut held = |who: &str, before: Count, after: Count| {
        let (packets, bytes) = (after.packets.saturating_sub(before.packets), after.bytes.saturating_sub(before.bytes));
        if packets < 100 {
            return;
        }
        let each = bytes as f64 / packets as f64;
        if each > l3 + ANOTHER_LAYER {
            findings.push(Finding::bad(format!(
                "{who} count {each:.0} bytes per packet where L3 has {l3:.0}: the hardware counts L2 bytes"
            )));
        }
    };
    if let (Some(b), Some(a)) = (trial.before.netdev_rules.seen(), trial.after.netdev_rules.seen()) {
        held("the rules of the netdev chains", plus(b.upstream, b.downstream), plus(a.upstream, a.downstream));
    }
    if let (true, Some(b), Some(a)) = (around.accounting, trial.before.conntrack.seen(), trial.after.conntrack.seen()) {
        held("the connections", plus(b.original, b.reply), plus(a.original, a.reply));
    }
}

fn plus(a: Count, b: Count) -> Count {
    Count { packets: a.packets.saturating_add(b.packets), bytes: a.bytes.saturating_add(b.bytes) }
}

/// The mean size at L3 of the frames that were sent; none for bulk TCP, whose sizes vary.
fn l3_bytes_per_packet(trial: &Trial) -> Option<f64> {
    let Offered::Frames(reports) = &trial.offered else { return None };
    let sent: u64 = reports.iter().map(|r| r.sent).sum();
    let bytes: u64 = reports.iter().map(|r| r.sent_bytes_l2).sum();
    (sent > 0).then(|| bytes as f64 / sent as f64 - ABOVE_L3)
}
