//! The rig of the topologies `router` and `nic-router`: testbed, rulesets, generators and witnesses, on the kernel that we
//! run on.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use flowgauge_reports::environment::Environment;
use flowgauge_reports::event::Warning;
use flowgauge_reports::observation::{CpuObservation, Observation};
use flowgauge_reports::trial::{CellProfile, Offered, Opening, TimeToOffload};
use flowgauge_scenarios::ruleset::{self, Request};
use flowgauge_scenarios::{Datapath, Direction, Engine, Fault, Opening as Begin, Policy, Scenario, Topology};
use flowgauge_topologies::Testbed;

use super::live::Live;
use super::rig::{Driven, Rig};
use super::{bulk, cost, fingerprint, leftover, onset};
use crate::generators::{Generator, GeneratorError, Mark, Nat, Path};
use crate::nft;
use crate::worker::protocol::{Failure, Job};

/// The rig on a live kernel. A testbed is built when the first scenario of its topology is prepared.
pub struct RouterRig {
    job: Job,
    /// One testbed a topology, so that scenarios of several can take turns.
    beds: BTreeMap<Topology, Live>,
    /// The topology prepared last.
    topology: Topology,
    warnings: Vec<Warning>,
    /// Rulesets applied so far, one a trial.
    applied: usize,
    told_of_sharing: bool,
    told_of_others: bool,
}

impl RouterRig {
    /// A rig for the plan of a job. Nothing is built yet.
    pub fn new(job: &Job) -> Self {
        RouterRig {
            job: job.clone(),
            beds: BTreeMap::new(),
            topology: Topology::Router,
            warnings: Vec::new(),
            applied: 0,
            told_of_sharing: false,
            told_of_others: false,
        }
    }

    fn live(&mut self) -> Result<&mut Live, Failure> {
        self.beds
            .get_mut(&self.topology)
            .ok_or_else(|| Failure::environment("no testbed is built: prepare a scenario first"))
    }
}

impl Rig for RouterRig {
    fn prepare(&mut self, scenario: &Scenario) -> Result<(), Failure> {
        self.topology = scenario.topology;
        if self.beds.get(&self.topology).is_none_or(|live| live.links != scenario.links) {
            // The old testbed goes first: both would have the same ports, and with --keep the same names.
            self.beds.remove(&self.topology);
            if self.job.keep.is_some() {
                self.beds.clear();
            }
            let live = Live::build(&self.job, self.topology, scenario.links)?;
            self.beds.insert(self.topology, live);
        }
        let mute = scenario.engine != Engine::Iperf3;
        let live = self.live()?;
        // Threads keep reception apart from the DUT's soft interrupts; on the one CPU of a cost they only add switches,
        // as many as the scheduler likes.
        let threads = scenario.topology.has_nic() && scenario.engine != Engine::Pktgen;
        if scenario.topology.has_nic() && live.bed.testers_in_threads != threads {
            live.bed.receive_in_threads(threads).map_err(Failure::environment)?;
        }
        if live.muted == Some(mute) || scenario.topology == Topology::Bare {
            return Ok(());
        }
        for host in [&live.bed.client, &live.bed.server] {
            let done = if mute { nft::mute(&host.netns, &host.port.name) } else { nft::unmute(&host.netns) };
            done.map_err(Failure::environment)?;
        }
        live.muted = Some(mute);
        Ok(())
    }

    fn environment(&mut self) -> Environment {
        fingerprint::read(&self.job, self.topology, self.beds.get(&self.topology).map(|live| (&live.bed, live.links)))
    }

    fn warnings(&mut self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings)
    }

    fn apply(&mut self, scenario: &Scenario, datapath: Datapath) -> Result<String, Failure> {
        if let Some(injection) = self.job.inject {
            injection.strike(self.applied, self.job.own_machine);
        }
        self.applied += 1;
        let live = self.live()?;
        let text = ruleset::render(&Request {
            topology: scenario.topology,
            policy: scenario.policy,
            datapath,
            families: scenario.traffic.families,
            lan: &live.bed.dut.lan.name,
            wan: &live.bed.dut.wan.name,
            control: scenario.control,
            extra_rules: scenario.extra_rules,
            direction: scenario.traffic.direction,
        })
        .map_err(|gap| Failure::environment(format!("{}; {}", gap.reason, gap.instead)))?;
        let path = path(&live.bed, scenario.policy, datapath);
        if let Some(raw) = &mut live.raw {
            raw.set_path(path);
        }
        if scenario.topology.has_nic() {
            leftover::clear(&live.bed.dut, scenario)?;
        }
        nft::apply(&live.bed.dut.netns, &text).map_err(Failure::environment)?;
        // Accounting is a parameter of a module that the ruleset may just have loaded.
        live.bed.dut.enable_conntrack_accounting().map_err(Failure::environment)?;
        live.witnesses.forget_connections().map_err(Failure::environment)?;
        Ok(text)
    }

    fn block(&mut self, scenario: &Scenario) -> Result<(), Failure> {
        let live = self.live()?;
        // What is dropped is not translated.
        live.raw()?.set_path(Path::default());
        let dut = &live.bed.dut;
        leftover::clear(dut, scenario)?;
        nft::drop_at_ingress(&dut.netns, &entries(dut, scenario.traffic.direction)).map_err(Failure::environment)
    }

    fn unblock(&mut self) -> Result<(), Failure> {
        nft::undrop(&self.live()?.bed.dut.netns).map_err(Failure::environment)
    }

    fn open(&mut self, scenario: &Scenario, datapath: Datapath) -> Result<Option<Opening>, Failure> {
        if scenario.engine == Engine::Pktgen {
            return cost::open(self.live()?, scenario, datapath).map(Some);
        }
        if scenario.engine != Engine::Raw || scenario.traffic.opening == Begin::None {
            return Ok(None);
        }
        let live = self.live()?;
        let opened = live.raw()?.open(&scenario.traffic).map_err(|e| offering(scenario, &e))?;
        let tracked =
            datapath.tracks().then(|| live.witnesses.connections()).transpose().map_err(Failure::environment)?;
        let wanted = u64::from(scenario.traffic.flows);
        // Rules of nobody in a NIC keep flows from the CPU: that is a finding about the trial.
        if let Some(tracked) = tracked.filter(|&tracked| tracked < wanted && !scenario.topology.has_nic()) {
            return Err(Failure::environment(format!(
                "{wanted} flows are open but the DUT tracks only {tracked}: is its conntrack table too small \
                 (net.netfilter.nf_conntrack_max), or does something else delete entries?"
            )));
        }
        Ok(Some(Opening { wanted, opened: opened.flows, tracked, duration_ns: opened.duration_ns }))
    }

    fn drive(&mut self, scenario: &Scenario, duration: Duration, stop: &AtomicBool) -> Result<Driven, Failure> {
        let live = self.live()?;
        let (mut cpu_before, mut cpu_after) = (CpuObservation::default(), CpuObservation::default());
        let offered = match scenario.engine {
            Engine::Raw => {
                let Live { raw: Some(raw), witnesses, .. } = live else {
                    return Err(Failure::environment("this testbed has no testers: take engine = \"pktgen\""));
                };
                let mut mark = |mark: Mark| {
                    let seen = witnesses.cpu().unwrap_or_default();
                    match mark {
                        Mark::Begin => cpu_before = seen,
                        Mark::End => cpu_after = seen,
                    }
                };
                let reports = raw.drive_marked(&scenario.traffic, duration, stop, &mut mark);
                Offered::Frames(reports.map_err(|e| offering(scenario, &e))?)
            }
            Engine::Iperf3 => {
                cpu_before = live.witnesses.cpu().unwrap_or_default();
                let report = bulk::run(&live.bed, scenario, duration, stop).map_err(|e| offering(scenario, &e))?;
                cpu_after = live.witnesses.cpu().unwrap_or_default();
                Offered::Bulk(report)
            }
            Engine::Pktgen => {
                let counted = cost::drive(live, scenario)?;
                if std::mem::take(&mut live.gave_away) && !std::mem::replace(&mut self.told_of_others, true) {
                    self.warnings.push(Warning {
                        text: "other tasks had more than 2 % of the CPU while pktgen handed frames over; their time is not \
                               in the cost"
                            .to_owned(),
                        remedy: "see what ran with --explain or with perf: where ksoftirqd forwarded a part of the frames, \
                                 the figures are too low"
                            .to_owned(),
                    });
                }
                Offered::Counted(counted)
            }
        };
        Ok(Driven { offered, cpu_before, cpu_after })
    }

    fn time_to_offload(&mut self, scenario: &Scenario, stop: &AtomicBool) -> Result<Option<TimeToOffload>, Failure> {
        // Rules that a fault keeps from earlier trials have the flows in hardware before they begin.
        let stale = [Fault::LeakAtUnbind, Fault::StaleAfterDelete].iter().any(|f| scenario.faults.contains_key(f));
        if scenario.engine != Engine::Raw || scenario.traffic.opening == Begin::None || stale {
            return Ok(None);
        }
        onset::measure(self.live()?, scenario, stop).map(Some)
    }

    fn generator_cost(&mut self, scenario: &Scenario) -> Result<f64, Failure> {
        let cost = cost::generator(self.live()?, scenario)?;
        if std::mem::take(&mut self.live()?.shares_frames) && !std::mem::replace(&mut self.told_of_sharing, true) {
            self.warnings.push(Warning {
                text: "this kernel's pktgen keeps a reference to each frame, so the stack copies what it changes"
                    .to_owned(),
                remedy: "compare it only with itself: Linux 6.4 and later hand frames over whole".to_owned(),
            });
        }
        Ok(cost)
    }

    fn explain(&mut self, scenario: &Scenario) -> Result<Option<CellProfile>, Failure> {
        if !self.job.explain || scenario.engine != Engine::Pktgen {
            return Ok(None);
        }
        cost::explain(self.live()?, scenario).map(Some)
    }

    fn observe(&mut self) -> Observation {
        match self.live() {
            Ok(live) => live.witnesses.observe(),
            Err(_) => fingerprint::nothing_to_observe(),
        }
    }
}

impl Drop for RouterRig {
    fn drop(&mut self) {
        for Live { raw, witnesses, bed, .. } in std::mem::take(&mut self.beds).into_values() {
            drop((raw, witnesses));
            // Anonymous testbeds go; those with names stay for the user to look into.
            bed.leave();
        }
    }
}

/// The DUT's ports where packets of this direction enter.
fn entries(dut: &flowgauge_topologies::Dut, direction: Direction) -> Vec<&str> {
    let lan = direction.client_sends().then_some(dut.lan.name.as_str());
    let wan = direction.server_sends().then_some(dut.wan.name.as_str());
    lan.into_iter().chain(wan).collect()
}

/// What the DUT may do to the engine's frames.
fn path(bed: &Testbed, policy: Policy, datapath: Datapath) -> Path {
    let wan = &bed.dut.wan;
    let nat = match policy {
        Policy::Route | Policy::Stateful => Nat::None,
        Policy::Masquerade => Nat::Masquerade { ipv4: wan.ipv4, ipv6: wan.ipv6 },
        Policy::Dnat => Nat::Dnat,
    };
    if datapath.routes() { Path::routed(nat) } else { Path::L2 }
}

pub(super) fn offering(scenario: &Scenario, error: &GeneratorError) -> Failure {
    match error {
        GeneratorError::Cancelled => Failure::interrupted(),
        error => Failure::environment(format!("failed to offer the traffic of {}: {error}", scenario.name)),
    }
}
