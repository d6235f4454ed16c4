//! Generated sequences in place of cases, a station after the other.

use flowgauge_reports::event::{Event, Phase};
use flowgauge_scenarios::conform::Fuzz;

use super::live::{self, environment};
use crate::conform::fuzz;
use crate::worker::protocol::{Failure, Job, Wire};

/// Runs what is asked: of packets and of time each station gets its part.
pub(super) fn run(job: &Job, asked: &Fuzz, wire: &dyn Wire) -> Result<(), Failure> {
    let stations = fuzz::stations(asked.datapath);
    let parts = stations.len().max(1) as u64;
    let share = Fuzz {
        packets: asked.packets.div_ceil(parts),
        seconds: u64::from(asked.seconds).div_ceil(parts) as u32,
        ..*asked
    };
    for (number, station) in stations.iter().enumerate() {
        wire.check()?;
        let text = format!("station {} of {parts}, seed {}", number + 1, asked.seed);
        wire.emit(&Event::Progress { phase: Phase::Drive, text })?;
        let mut bench = live::bench(job, station).map_err(Failure::environment)?;
        if number == 0 {
            wire.emit(&Event::Environment(Box::new(environment(job, station, &bench))))?;
        }
        let mut cable = live::open(&bench, station).map_err(|broken| Failure::environment(broken.0))?;
        let mut lab = fuzz::Live::new(&mut bench, &mut cable, station);
        let found = fuzz::run(&share, station, &mut lab, wire)?;
        wire.emit(&Event::Fuzzed(Box::new(found)))?;
        // The ports first, for what holds namespaces goes before what made them.
        drop(cable);
    }
    Ok(())
}
