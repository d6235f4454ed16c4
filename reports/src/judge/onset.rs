//! How long new flows took to get into the hardware, over all measurements of a cell.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::trial::{FlowOnset, TimeToOffload};

/// The time to offload of a row: in packets, in time, and as the backlog of flows that had begun and were not there yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Onset {
    /// Packets per second offered over all flows, the mean over measurements.
    pub offered_pps: f64,
    /// Flows that began.
    pub flows: u64,
    /// Flows of which the hardware forwarded nothing.
    pub never: u64,
    /// Packets that the CPU still saw of each flow that got there; none where none did.
    pub packets: Option<Spread>,
    /// Nanoseconds from each such flow's first packet to the first that the hardware forwarded.
    pub time_ns: Option<Spread>,
    /// The most flows at once that had begun and were not in the hardware.
    pub peak_backlog: u64,
    /// Packets that the capture missed; with any, the packets of a flow are lower bounds.
    pub uncaptured: u64,
    /// Frames that the DUT lost meanwhile; with any, packets, time and flows that never got there are not exact.
    #[serde(default)]
    pub lost: u64,
}

/// Quantiles by nearest rank.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Spread {
    /// Median.
    pub p50: u64,
    /// 90th percentile.
    pub p90: u64,
    /// 99th percentile.
    pub p99: u64,
    /// The most.
    pub max: u64,
}

impl Spread {
    /// The quantiles of `values`; none of nothing.
    fn of(mut values: Vec<u64>) -> Option<Spread> {
        values.sort_unstable();
        let at = |q: f64| {
            let rank = (q * values.len() as f64).ceil() as usize;
            values.get(rank.saturating_sub(1)).copied()
        };
        Some(Spread { p50: at(0.5)?, p90: at(0.9)?, p99: at(0.99)?, max: values.last().copied()? })
    }
}

impl Onset {
    /// All measurements of a cell together; none where no flow was measured.
    pub(super) fn of(measurements: &[&TimeToOffload]) -> Option<Onset> {
        let flows = || measurements.iter().flat_map(|m| &m.flows);
        let there = || flows().filter(|f| f.first_hit_ns.is_some());
        (flows().count() > 0).then(|| Onset {
            offered_pps: measurements.iter().map(|m| m.offered_pps).sum::<f64>() / measurements.len() as f64,
            flows: flows().count() as u64,
            never: flows().filter(|f| f.first_hit_ns.is_none()).count() as u64,
            packets: Spread::of(there().map(|f| f.software_packets).collect()),
            time_ns: Spread::of(there().filter_map(|f| f.first_hit_ns).collect()),
            peak_backlog: measurements
                .iter()
                .filter_map(|m| backlog(&m.flows).iter().map(|b| b.1).max())
                .max()
                .unwrap_or(0),
            uncaptured: measurements.iter().map(|m| m.uncaptured).fold(0, u64::saturating_add),
            lost: measurements.iter().map(|m| m.lost).fold(0, u64::saturating_add),
        })
    }
}

/// The backlog whenever it changes: nanoseconds since the first packet of all, and flows that have begun and are not in
/// the hardware.
pub(crate) fn backlog(flows: &[FlowOnset]) -> Vec<(u64, u64)> {
    let mut changes: Vec<(u64, bool)> = flows.iter().map(|f| (f.begun_ns, true)).collect();
    changes.extend(flows.iter().filter_map(|f| Some((f.begun_ns.saturating_add(f.first_hit_ns?), false))));
    // A flow that begins at the moment when another arrives: first the arrival.
    changes.sort_unstable();
    let mut waiting: u64 = 0;
    let mut curve: Vec<(u64, u64)> = Vec::new();
    for (at, begins) in changes {
        waiting = if begins { waiting + 1 } else { waiting.saturating_sub(1) };
        match curve.last_mut().filter(|last| last.0 == at) {
            Some(last) => last.1 = waiting,
            None => curve.push((at, waiting)),
        }
    }
    curve
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(begun_ns: u64, software_packets: u64, first_hit_ns: Option<u64>) -> FlowOnset {
        FlowOnset { begun_ns, software_packets, first_hit_ns }
    }

    fn measurement(flows: Vec<FlowOnset>) -> TimeToOffload {
        TimeToOffload { cell: 0, offered_pps: 1_000.0, duration_ns: 1, uncaptured: 0, lost: 0, flows }
    }

    #[test]
    fn flows_that_never_arrive_stay_in_the_backlog_and_out_of_the_quantiles() {
        let m =
            measurement(vec![flow(0, 3, Some(100)), flow(10, 2, Some(50)), flow(20, 900, None), flow(200, 1, Some(5))]);
        let onset = Onset::of(&[&m]).unwrap();
        assert_eq!((onset.flows, onset.never, onset.peak_backlog), (4, 1, 3));
        assert_eq!(onset.packets, Some(Spread { p50: 2, p90: 3, p99: 3, max: 3 }));
        assert_eq!(onset.time_ns.unwrap().max, 100);
        assert_eq!(backlog(&m.flows), [(0, 1), (10, 2), (20, 3), (60, 2), (100, 1), (200, 2), (205, 1)]);
    }

    #[test]
    fn measurements_are_pooled_and_backlogs_are_not_added_up() {
        let m = measurement(vec![flow(0, 4, Some(10)), flow(0, 4, Some(10))]);
        let onset = Onset::of(&[&m, &m]).unwrap();
        assert_eq!((onset.flows, onset.peak_backlog), (4, 2));
        let none = measurement(vec![flow(0, 7, None)]);
        assert_eq!(Onset::of(&[&none]).unwrap().packets, None);
        assert_eq!(Onset::of(&[&measurement(Vec::new())]), None);
    }
}
