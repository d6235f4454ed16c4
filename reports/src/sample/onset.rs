//! How long the flows of the sample took to get into the hardware.

use flowgauge_scenarios::{Datapath, Plan};

use super::wobble;
use crate::event::Event;
use crate::trial::{FlowOnset, TimeToOffload};

const FLOWS: u32 = 128;
const OFFERED_PPS: f64 = 40_000.0;

/// A measurement for each hardware flowtable.
pub(super) fn events(plan: &Plan) -> Vec<Event> {
    let cells = (0..plan.cells.len()).filter(|&cell| plan.cells[cell].datapath == Datapath::FlowtableHw);
    cells.map(|cell| Event::TimeToOffload(Box::new(measured(cell)))).collect()
}

fn measured(cell: usize) -> TimeToOffload {
    // Each flow sends a packet in turn, and the driver takes their rules one after another.
    let round_ns = f64::from(FLOWS) / OFFERED_PPS * 1e9;
    let flow = |flow: u32| {
        let begun = f64::from(flow) / OFFERED_PPS * 1e9;
        let waits = 900_000.0 + 110_000.0 * f64::from(flow) * (1.0 + 0.3 * wobble(flow, cell, 9));
        let software_packets = (waits / round_ns).ceil().max(1.0);
        // One never gets in.
        let first_hit_ns = (flow != 100).then_some((software_packets * round_ns) as u64);
        FlowOnset {
            begun_ns: begun as u64,
            software_packets: if first_hit_ns.is_some() { software_packets as u64 } else { 40 },
            first_hit_ns,
        }
    };
    TimeToOffload {
        cell,
        offered_pps: OFFERED_PPS,
        duration_ns: 500_000_000,
        uncaptured: 0,
        lost: 0,
        flows: (0..FLOWS).map(flow).collect(),
    }
}
