//! A live station.

use std::time::{Duration, Instant};

use flowgauge_reports::conform::Arrived;
use flowgauge_reports::observation::Reading;
use flowgauge_scenarios::conform::{Flow, Mutation, Station};
use flowgauge_scenarios::{Datapath, Protocol};

use super::lab::{Lab, Outgoing, Step};
use crate::conform::cable::{Cable, CableError};
use crate::conform::station::Bench;
use crate::generators::raw::wire::Macs;
use crate::worker::protocol::Failure;

/// How long flows are given to get into hardware.
const INTO_HARDWARE: Duration = Duration::from_secs(2);
/// How often it is looked.
const LOOK: Duration = Duration::from_millis(10);

/// A live station.
pub struct Live<'a> {
    /// The DUT.
    pub bench: &'a mut Bench,
    /// The testers' ports.
    pub cable: &'a mut Cable,
    hardware: bool,
    /// What is broken on purpose on the datapath that it is about.
    mutation: Option<Mutation>,
}

impl<'a> Live<'a> {
    /// Over a bench that was built for `station`.
    pub fn new(bench: &'a mut Bench, cable: &'a mut Cable, station: &Station, mutation: Option<Mutation>) -> Live<'a> {
        cable.route(station.family, station.bed.encapsulation);
        Live { bench, cable, hardware: false, mutation }
    }
}

impl Lab for Live<'_> {
    fn become_datapath(&mut self, datapath: Datapath) -> Result<(), Failure> {
        self.hardware = datapath.needs_nic();
        let mutation = self.mutation.filter(|mutation| mutation.datapaths().contains(&datapath));
        self.bench.apply(datapath, mutation).map_err(|refused| {
            Failure::environment(format!("the ruleset of `{}` was refused: {refused}", datapath.name()))
        })
    }

    fn macs(&self) -> (Macs, Macs) {
        self.cable.macs()
    }

    fn pass(&mut self, rounds: &[Vec<&Outgoing>]) -> Result<Vec<Arrived>, Failure> {
        self.cable.set_quiet(true);
        let passed = pass(self.cable, rounds);
        self.cable.set_quiet(false);
        passed.map_err(|error| Failure::environment(format!("sending sequences: {error}")))
    }

    fn offloaded(&mut self, flows: &[(Flow, Protocol)]) -> Result<(), Failure> {
        if !self.hardware {
            return Ok(());
        }
        // The workqueue takes them in order: the last one is in when all are, or was refused.
        let until = Instant::now() + INTO_HARDWARE;
        if let Some((flow, protocol)) = flows.last() {
            while Instant::now() < until {
                if self.bench.offloaded(flow, *protocol).seen().is_some_and(|(_, hardware)| *hardware) {
                    break;
                }
                std::thread::sleep(LOOK);
            }
        }
        Ok(())
    }

    fn step(&mut self, frames: &[Outgoing], flow: &Flow, protocol: Protocol) -> Result<Step, Failure> {
        let before = [self.bench.classic(), self.bench.cpu()];
        let run = |cable: &mut Cable| {
            cable.begin()?;
            cable.exchange(frames)?;
            cable.settle()
        };
        let (sent, arrived) =
            run(self.cable).map_err(|error| Failure::environment(format!("playing a sequence: {error}")))?;
        let after = [self.bench.classic(), self.bench.cpu()];
        let state = self.bench.state(std::slice::from_ref(flow), protocol);
        // The counters of the lanes see every packet, sentinels too.
        let sentinels = self.cable.sentinels();
        let [classic, cpu] = before;
        let [classic_after, cpu_after] = after;
        let lanes = [less(classic_after, classic, sentinels.classic()), less(cpu_after, cpu, sentinels.cpu())];
        Ok(Step { sent, arrived, lanes, state })
    }
}

fn less(after: Reading<u64>, before: Reading<u64>, sentinels: u64) -> Reading<u64> {
    match (after, before) {
        (Reading::Seen(after), Reading::Seen(before)) => Reading::Seen(after.saturating_sub(before + sentinels)),
        (Reading::Missing { why }, _) | (_, Reading::Missing { why }) => Reading::Missing { why },
        (other, _) => other,
    }
}

fn pass(cable: &mut Cable, rounds: &[Vec<&Outgoing>]) -> Result<Vec<Arrived>, CableError> {
    cable.begin()?;
    for round in rounds {
        for (side, frame) in round {
            cable.send(*side, frame)?;
        }
        if let Some((side, _)) = round.first() {
            cable.handled(*side)?;
        }
    }
    Ok(cable.settle()?.1)
}
