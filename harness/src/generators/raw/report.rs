//! From what was sent and seen to the report of a direction.

use flowgauge_reports::offered::{DirectionReport, Latency};
use flowgauge_scenarios::{Families, Traffic};

use super::endpoint::Side;
use super::receiver::Seen;
use super::sender::Sent;

/// Frames per second that each direction should offer; none when flat out. A load in bits per second counts the mean
/// frame of all flows.
pub(super) fn intended_pps(traffic: &Traffic) -> Option<f64> {
    let mean = |family| traffic.mean_size(family);
    let families = traffic.families.each();
    let odd_share = match traffic.families {
        Families::Both => f64::from(traffic.flows / 2) / f64::from(traffic.flows),
        _ => 0.0,
    };
    let mean = families.iter().zip([1.0 - odd_share, odd_share]).map(|(&f, share)| mean(f) * share).sum();
    traffic.load.pps(mean)
}

/// The report of what `side` sent.
pub(super) fn direction(side: Side, traffic: &Traffic, pps: Option<f64>, sent: Sent, seen: Seen) -> DirectionReport {
    let (flows_with_loss, flows_silent) = seen.tally.flows_short(sent.frames);
    let received = seen.tally.received;
    DirectionReport {
        direction: side.direction(),
        intended_pps: pps,
        offered_pps: sent.frames as f64 * 1e9 / sent.duration_ns.max(1) as f64,
        sent: sent.frames,
        sent_bytes_l2: sent.bytes_l2,
        send_duration_ns: sent.duration_ns,
        send_errors: sent.refused,
        received,
        lost: sent.frames.saturating_sub(received),
        duplicated: seen.tally.duplicated,
        reordered: seen.tally.reordered,
        corrupted: seen.damage.total(),
        damage: seen.damage,
        uncaptured: seen.uncaptured,
        foreign: seen.foreign,
        unverified: seen.unverified,
        flows: u64::from(traffic.flows).min(sent.frames),
        flows_with_loss,
        flows_silent,
        received_duration_ns: seen.span_ns.map_or(0, |(first, last)| last.saturating_sub(first)),
        latency: Latency::of(&seen.latency),
        pacing: sent.pacing,
    }
}
