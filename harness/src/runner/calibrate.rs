//! Calibration: what the generator reaches when the DUT drops everything at once.

use std::time::Duration;

use flowgauge_reports::event::{Event, Warning};
use flowgauge_reports::observation::CpuObservation;
use flowgauge_reports::trial::{Calibration, Offered};
use flowgauge_scenarios::{Engine, Load, Opening, Plan};

use super::rig::{Driven, Rig};
use crate::worker::protocol::{Failure, Wire};

/// How long the generator is measured, per scenario and block.
const DURATION: Duration = Duration::from_millis(300);

/// Calibrates the generator for a scenario that the `raw` engine drives, in a block.
pub(super) fn once(plan: &Plan, index: usize, block: u32, rig: &mut dyn Rig, wire: &dyn Wire) -> Result<(), Failure> {
    let scenario = &plan.scenarios[index];
    if scenario.engine == Engine::Pktgen {
        rig.prepare(scenario)?;
        let per_packet = rig.generator_cost(scenario)?;
        let generator_per_packet = Some(per_packet);
        return wire.emit(&Event::Calibrated(Calibration {
            scenario: index,
            block,
            offered_pps: if per_packet > 0.0 { 1e9 / per_packet } else { 0.0 },
            softirq_ns_per_packet: 0.0,
            generator_per_packet,
        }));
    }
    // iperf3's load depends on what comes back: dropping everything measures nothing.
    if scenario.engine != Engine::Raw {
        return Ok(());
    }
    let mut flat_out = scenario.clone();
    flat_out.traffic.load = Load::Max;
    flat_out.traffic.opening = Opening::None;
    rig.prepare(&flat_out)?;
    rig.block(&flat_out)?;
    let driven = rig.drive(&flat_out, DURATION, wire.stop());
    rig.unblock()?;
    let driven = driven?;
    wire.check()?;
    let (sent, offered_pps) = match &driven.offered {
        Offered::Frames(directions) => {
            (directions.iter().map(|d| d.sent).sum::<u64>(), directions.iter().map(|d| d.offered_pps).sum::<f64>())
        }
        Offered::Bulk(_) | Offered::Counted(_) => (0, 0.0),
    };
    if sent == 0 {
        wire.emit(&Event::Warning(Warning {
            text: format!("the generator sent nothing while it was calibrated for {}", scenario.name),
            remedy: "look for errors of the generator above; the gain cannot be bounded without it".to_owned(),
        }))?;
    }
    let softirq_ns_per_packet = softirq_ns(&driven) / sent.max(1) as f64;
    wire.emit(&Event::Calibrated(Calibration {
        scenario: index,
        block,
        offered_pps,
        softirq_ns_per_packet,
        generator_per_packet: None,
    }))
}

fn softirq_ns(driven: &Driven) -> f64 {
    let total = |o: &CpuObservation| o.cpus.iter().map(|c| c.softirq_ns).sum::<u64>();
    total(&driven.cpu_after).saturating_sub(total(&driven.cpu_before)) as f64
}
