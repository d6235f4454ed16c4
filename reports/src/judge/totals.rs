//! Frames over all trials of a row, every one accounted for.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metrics::{Sample, receiver};
use crate::offered::Damage;
use crate::stats::{Estimate, Unit};
use crate::trial::{Offered, Trial};

/// Frames over all trials of a row.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Totals {
    /// Sent.
    pub sent: u64,
    /// Received intact, first copies.
    pub received: u64,
    /// Lost in the DUT ([`crate::offered::DirectionReport::lost_in_dut`]).
    pub lost: u64,
    /// Further copies.
    pub duplicated: u64,
    /// Out of order within their flow.
    pub reordered: u64,
    /// Arrived with a wrong header, checksum, address or payload.
    pub corrupted: u64,
    /// What was wrong with those.
    pub damage: Damage,
    /// Not captured by the testers' receiving rings.
    pub uncaptured: u64,
    /// Of nobody in this trial: other senders' and late ones.
    pub foreign: u64,
    /// The testers whose rings were full: `client`, `server`.
    pub uncaptured_by: Vec<String>,
    /// Arrived with a checksum that an offload had left open.
    pub unverified: u64,
}

/// All lost over all sent, between the least and the most lossy trial; none where nothing was sent.
pub(super) fn loss(samples: &[Sample], totals: Option<&Totals>) -> Option<Estimate> {
    let totals = totals.filter(|t| t.sent > 0)?;
    let each: Vec<f64> = samples.iter().filter_map(|s| s.loss).collect();
    Some(Estimate {
        median: totals.lost as f64 / totals.sent as f64,
        low: each.iter().copied().reduce(f64::min)?,
        high: each.iter().copied().reduce(f64::max)?,
        n: each.len(),
        unit: Unit::Share,
        range_only: true,
    })
}

pub(super) fn totals(trials: &[&Trial]) -> Option<Totals> {
    let mut totals = Totals::default();
    let mut any = false;
    for trial in trials {
        let Offered::Frames(reports) = &trial.offered else { continue };
        any = true;
        for r in reports {
            totals.sent = totals.sent.saturating_add(r.sent);
            totals.received = totals.received.saturating_add(r.received);
            totals.lost = totals.lost.saturating_add(r.lost_in_dut());
            totals.duplicated = totals.duplicated.saturating_add(r.duplicated);
            totals.reordered = totals.reordered.saturating_add(r.reordered);
            totals.corrupted = totals.corrupted.saturating_add(r.corrupted);
            totals.damage += r.damage;
            totals.uncaptured = totals.uncaptured.saturating_add(r.uncaptured);
            totals.foreign = totals.foreign.saturating_add(r.foreign);
            totals.unverified = totals.unverified.saturating_add(r.unverified);
            let who = receiver(r.direction);
            if r.uncaptured > 0 && !totals.uncaptured_by.iter().any(|w| w == who) {
                totals.uncaptured_by.push(who.to_owned());
            }
        }
    }
    any.then_some(totals)
}
