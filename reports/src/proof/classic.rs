//! Witnesses of the classic path: what each counted there.

use super::claims::Claims;
use super::crossing::{Crossing, step};
use super::witness::{Asked, Witness, WitnessKind, both};
use crate::observation::Observation;

/// The IP forwarding counters.
pub(super) fn ip_forwarding(before: &Observation, after: &Observation, out: u64) -> Asked {
    let (b, a) = match both("IP forwarding counters", &before.ip_forwarding, &after.ip_forwarding) {
        Ok(pair) => pair,
        Err(why) => return Asked::Silent(why),
    };
    let ipv4 = step("ForwDatagrams of /proc/net/snmp", b.ipv4, a.ipv4);
    let ipv6 = step("Ip6OutForwDatagrams of /proc/net/snmp6", b.ipv6, a.ipv6);
    match ipv4.and_then(|v4| Ok(v4.saturating_add(ipv6?))) {
        Ok(classic) => Asked::Said(Witness::counted(WitnessKind::IpForwarding, out, classic), [None; 2]),
        Err(text) => Asked::Backwards(text),
    }
}

/// The nft rule counters, per direction; the witness as a whole follows from the directions.
pub(super) fn rules(before: &Observation, after: &Observation, crossings: &[Crossing; 2]) -> Asked {
    let (b, a) = match both("nft rule counters", &before.rules, &after.rules) {
        Ok(pair) => pair,
        Err(why) => return Asked::Silent(why),
    };
    let upstream = step("the nft counter for upstream", b.upstream.packets, a.upstream.packets);
    let downstream = step("the nft counter for downstream", b.downstream.packets, a.downstream.packets);
    match (upstream, downstream) {
        (Ok(up), Ok(down)) => {
            let out = crossings[0].egress_tx + crossings[1].egress_tx;
            // Each direction by itself: packets that a rule dropped later must not hide the other's bypass.
            let classic = up.min(crossings[0].egress_tx) + down.min(crossings[1].egress_tx);
            Asked::Said(Witness::counted(WitnessKind::Rules, out, classic), [Some(up), Some(down)])
        }
        (Err(text), _) | (_, Err(text)) => Asked::Backwards(text),
    }
}

/// The conntrack table, where there are no rules: without an OFFLOAD entry nothing can have taken the fast path.
pub(super) fn conntrack_table(claims: Result<Claims, String>) -> Asked {
    match claims {
        Ok(claims) => {
            let marked = claims.before.max(claims.after);
            let share = 1.0 - marked as f64 / claims.entries.max(marked).max(1) as f64;
            Asked::Said(Witness { kind: WitnessKind::ConntrackTable, packets: None, share }, [None; 2])
        }
        Err(why) => Asked::Silent(why),
    }
}
