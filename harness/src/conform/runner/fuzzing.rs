//! Generated sequences in place of cases, a station after the other.

use flowgauge_reports::event::{Event, Phase};
use flowgauge_scenarios::Family;
use flowgauge_scenarios::conform::{Catalogue, Fuzz};

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
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let known = Catalogue::builtin().map_err(|error| Failure::input(error.to_string()))?.known;
    let catalogued = fuzz::Catalogued::new(known, release.trim());
    for (number, station) in stations.iter().enumerate() {
        wire.check()?;
        let (number_of, translation) = (number + 1, station.translation.name());
        let family = if station.family == Family::Ipv4 { "ipv4" } else { "ipv6" };
        let text = format!("station {number_of} of {parts}: {family} {translation} on {}", asked.datapath.name());
        wire.emit(&Event::Progress { phase: Phase::Drive, text })?;
        let mut bench = live::bench(job, station).map_err(Failure::environment)?;
        if number == 0 {
            wire.emit(&Event::Environment(Box::new(environment(job, station, &bench))))?;
        }
        let mut cable = live::open(&bench, station).map_err(|broken| Failure::environment(broken.0))?;
        let mut lab = fuzz::Live::new(&mut bench, &mut cable, station, asked.mutation);
        let found = fuzz::run(&share, station, &mut lab, wire, &catalogued)?;
        wire.emit(&Event::Fuzzed(Box::new(found)))?;
        wire.check()?;
        // The ports first, for what holds namespaces goes before what made them.
        drop(cable);
    }
    Ok(())
}
