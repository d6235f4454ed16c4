//! Stands on the kernel that we run on.

use flowgauge_reports::conform::{ActRun, State};
use flowgauge_reports::environment::Environment;
use flowgauge_reports::observation::Reading;
use flowgauge_scenarios::conform::{Act, Flow, Mutation, Side, Station, sysctls};
use flowgauge_scenarios::{Datapath, Family, Links, Protocol};

use super::stand::{Broken, Dut, Stand, Stands, Testers, Traffic};
use crate::conform::cable::{Cable, Sentinels};
use crate::conform::station::{Bench, Refused};
use crate::generators::raw::wire::Macs;
use crate::runner::fingerprint;
use crate::worker::protocol::Job;

/// Where stands are made, for one job.
pub(super) struct Workshop {
    job: Job,
}

impl Workshop {
    /// Of a job. Nothing is built yet.
    pub(super) fn new(job: &Job) -> Workshop {
        Workshop { job: job.clone() }
    }
}

impl Stands for Workshop {
    fn stand(&mut self, station: &Station, before: Option<Box<dyn Stand>>) -> Result<Box<dyn Stand>, Refused> {
        // Most stations differ in their rulesets only, and a testbed takes as long to make as a case to run.
        if let Some(mut stand) = before
            && stand.turn_to(station).unwrap_or(false)
        {
            return Ok(stand);
        }
        // The one before is gone here: both would have the same ports, and of the reference NIC there is one pair.
        let bench = bench(&self.job, station)?;
        let ports = ports(&bench, station).map_err(|Broken(why)| Refused::Broken(why))?;
        Ok(Box::new(Live { ports, dut: LiveDut { bench, job: self.job.clone(), station: station.clone() } }))
    }
}

/// A stand. The ports first, for what holds namespaces goes before what made them.
struct Live {
    ports: Ports,
    dut: LiveDut,
}

impl Stand for Live {
    fn parts(&mut self) -> (&mut dyn Testers, &mut dyn Dut) {
        (&mut self.ports, &mut self.dut)
    }

    fn reopen(&mut self) -> Result<(), Broken> {
        self.ports = ports(&self.dut.bench, &self.dut.station)?;
        Ok(())
    }

    fn turn_to(&mut self, station: &Station) -> Result<bool, Refused> {
        if !self.dut.bench.turn_to(station, station.topology)? {
            return Ok(false);
        }
        self.dut.station = station.clone();
        self.reopen().map_err(|Broken(why)| Refused::Broken(why))?;
        Ok(true)
    }
}

/// The DUT of a station.
pub(super) fn bench(job: &Job, station: &Station) -> Result<Bench, Refused> {
    let mut bench = Bench::build(station, station.topology)?;
    if job.own_machine {
        bench.kernel_is_ours()?;
    }
    Ok(bench)
}

/// The fingerprint of a station's kernel, ports and settings.
pub(super) fn environment(job: &Job, station: &Station, bench: &Bench) -> Environment {
    let links = Links { mtu: station.bed.lan_mtu, ..Links::default() };
    let mut environment = fingerprint::read(job, station.topology, Some((bench.testbed(), links)));
    // A datapath's parameters are set when the station becomes it, after this.
    let later = sysctls(station, None);
    for setting in &mut environment.settings {
        if let Some((key, value)) = setting.split_once(" = ").and_then(|(key, _)| later.get_key_value(key)) {
            *setting = format!("{key} = {value}");
        }
    }
    environment
}

fn ports(bench: &Bench, station: &Station) -> Result<Ports, Broken> {
    Ok(Ports { cable: open(bench, station)?, earlier: Sentinels::default() })
}

/// The testers' ports of a station.
pub(super) fn open(bench: &Bench, station: &Station) -> Result<Cable, Broken> {
    let (client, server) = bench.wires().map_err(|error| Broken::of("finding the testers' ports", error))?;
    let mut cable = Cable::open(client, server).map_err(|error| Broken::of("opening the testers' ports", error))?;
    cable.route(station.family, station.bed.encapsulation);
    Ok(cable)
}

/// The testers' ports.
struct Ports {
    cable: Cable,
    /// The sentinels of steps before this one.
    earlier: Sentinels,
}

impl Testers for Ports {
    fn begin(&mut self, quiet: bool) -> Result<(), Broken> {
        self.earlier = self.sentinels();
        self.cable.set_quiet(quiet);
        self.cable.begin().map_err(|error| Broken::of("beginning a step", error))
    }

    fn send(&mut self, side: Side, frame: &[u8]) -> Result<(), Broken> {
        self.cable.send(side, frame).map_err(|error| Broken(error.to_string()))
    }

    fn send_uncut(&mut self, side: Side, frame: &[u8], segment: u16) -> Result<(), Broken> {
        self.cable.send_uncut(side, frame, segment).map_err(|error| Broken(error.to_string()))
    }

    fn exchange(&mut self, frames: &[(Side, Vec<u8>)]) -> Result<(), Broken> {
        self.cable.exchange(frames).map_err(|error| Broken(error.to_string()))
    }

    fn settle(&mut self) -> Result<Traffic, Broken> {
        let (sent, arrived) = self.cable.settle().map_err(|error| Broken(error.to_string()))?;
        Ok(Traffic { sent, arrived })
    }

    fn sentinels(&self) -> Sentinels {
        let (earlier, now) = (self.earlier, self.cable.sentinels());
        let sum = |a: [u64; 2], b: [u64; 2]| [a[0] + b[0], a[1] + b[1]];
        Sentinels {
            sent: sum(earlier.sent, now.sent),
            passed: sum(earlier.passed, now.passed),
            frame_len: now.frame_len,
        }
    }

    fn macs(&self) -> (Macs, Macs) {
        self.cable.macs()
    }
}

/// The DUT.
struct LiveDut {
    bench: Bench,
    job: Job,
    station: Station,
}

impl Dut for LiveDut {
    fn apply(&mut self, datapath: Datapath, mutation: Option<Mutation>) -> Result<(), Refused> {
        self.bench.apply(datapath, mutation)
    }

    fn ruleset(&self) -> String {
        self.bench.ruleset().to_owned()
    }

    fn act(&mut self, act: &Act, flow: &Flow, family: Family, protocol: Protocol) -> ActRun {
        self.bench.act(act, flow, family, protocol)
    }

    fn restore(&mut self) -> Result<(), Refused> {
        self.bench.restore()
    }

    fn state(&mut self, flows: &[Flow], protocol: Protocol) -> State {
        self.bench.state(flows, protocol)
    }

    fn classic(&mut self) -> Reading<u64> {
        self.bench.classic()
    }

    fn cpu(&mut self) -> Reading<u64> {
        self.bench.cpu()
    }

    fn offloaded(&mut self, flow: &Flow, protocol: Protocol) -> Reading<(bool, bool)> {
        self.bench.offloaded(flow, protocol)
    }

    fn environment(&self) -> Environment {
        environment(&self.job, &self.station, &self.bench)
    }
}
