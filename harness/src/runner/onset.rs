//! How long new flows take to get into the hardware.
//!
//! All flows begin at once and are paced. A tap at the port where they enter the DUT sees of each what the CPU still
//! sees; the first packet that it does not see was the hardware's. That needs nothing of a driver.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use flowgauge_reports::trial::TimeToOffload;
use flowgauge_scenarios::{Direction, Load, Scenario, Traffic};

use super::live::Live;
use super::router_rig::offering;
use crate::witnesses::{Sent, Tap, onsets};
use crate::worker::protocol::Failure;

/// How long flows are offered: long enough for a driver that takes hundreds of milliseconds for a batch of rules.
const DURATION: Duration = Duration::from_millis(1500);
/// Packets per second of one flow: what the time is resolved to is the distance between two packets.
const PER_FLOW_PPS: u64 = 250;
/// Packets per second of all flows together, so that also an emulated CPU keeps up with them in software.
const MOST_PPS: u64 = 12_000;
/// Flows that are followed.
const MOST_FLOWS: u32 = 4096;

/// Measures it with the scenario's flows, upstream, on the ruleset that is in force. The cell is left at 0.
pub(super) fn measure(live: &mut Live, scenario: &Scenario, stop: &AtomicBool) -> Result<TimeToOffload, Failure> {
    let flows = scenario.traffic.flows.min(MOST_FLOWS);
    let pps = (u64::from(flows) * PER_FLOW_PPS).min(MOST_PPS);
    let traffic = Traffic { flows, direction: Direction::Upstream, load: Load::Pps(pps), ..scenario.traffic };
    live.raw()?.prepare_new(&traffic).map_err(|e| offering(scenario, &e))?;
    let run = live.raw()?.run();
    let dut = &live.bed.dut;
    let tap = Tap::open(&dut.netns, &dut.lan.name, run).map_err(Failure::environment)?;
    let tap = tap.start().map_err(Failure::environment)?;
    let driven = live.raw()?.drive_new(&traffic, DURATION, stop, &mut |_| ());
    let seen = tap.stop().map_err(Failure::environment)?;
    let driven = driven.map_err(|e| offering(scenario, &e))?;
    let packets: u64 = driven.iter().map(|d| d.sent).sum();
    let offered_pps: f64 = driven.iter().map(|d| d.offered_pps).sum();
    let duration_ns = if offered_pps > 0.0 { (packets as f64 / offered_pps * 1e9) as u64 } else { 0 };
    // Round robin from flow 0.
    let sent = Sent { flows, packets, interval_ns: duration_ns.checked_div(packets).unwrap_or(0) };
    let lost = driven.iter().map(|d| d.lost_in_dut()).sum();
    let uncaptured = seen.missed;
    Ok(TimeToOffload { cell: 0, offered_pps, duration_ns, uncaptured, lost, flows: onsets(&sent, &seen) })
}
