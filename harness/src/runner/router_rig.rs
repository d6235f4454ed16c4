//! The rig of the `router` topology: testbed, rulesets, generators and witnesses, on the kernel that we run on.

use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use flowgauge_reports::environment::Environment;
use flowgauge_reports::event::Warning;
use flowgauge_reports::observation::{CpuObservation, Observation};
use flowgauge_reports::trial::{Offered, Opening, TimeToOffload};
use flowgauge_scenarios::ruleset::{self, Request};
use flowgauge_scenarios::{Datapath, Direction, Engine, Families, Links, Opening as Begin, Scenario};
use flowgauge_topologies::{RouterSpec, Testbed, raise_conntrack_limit};

use super::fingerprint;
use super::rig::{Driven, Rig};
use crate::generators::{BulkRequest, CpuPlan, Generator, GeneratorError, Iperf3, Mark, RawEngine, Wire};
use crate::nft;
use crate::witnesses::{PortNames, Witnesses};
use crate::worker::protocol::{Failure, Job};

/// The port that iperf3's server listens on.
const IPERF3_PORT: u16 = 5201;

/// The rig on a live kernel. The testbed is built when the first scenario is prepared.
pub struct RouterRig {
    job: Job,
    live: Option<Live>,
    warnings: Vec<Warning>,
    /// Rulesets applied so far, one a trial.
    applied: usize,
}

/// What exists once a testbed is built. Fields are dropped in this order: what holds namespaces before the testbed.
struct Live {
    links: Links,
    /// Whether the testers' own stacks are silent.
    muted: Option<bool>,
    raw: RawEngine,
    witnesses: Witnesses,
    bed: Testbed,
}

impl RouterRig {
    /// A rig for the plan of a job. Nothing is built yet.
    pub fn new(job: &Job) -> Self {
        RouterRig { job: job.clone(), live: None, warnings: Vec::new(), applied: 0 }
    }

    fn live(&mut self) -> Result<&mut Live, Failure> {
        self.live.as_mut().ok_or_else(|| Failure::environment("no testbed is built: prepare a scenario first"))
    }

    fn build(&self, links: Links) -> Result<Live, Failure> {
        let spec = RouterSpec { keep: self.job.keep.clone(), ..RouterSpec::from(&links) };
        let bed = Testbed::build(&spec).map_err(Failure::environment)?;
        let names = PortNames {
            client: bed.client.port.name.clone(),
            lan: bed.dut.lan.name.clone(),
            wan: bed.dut.wan.name.clone(),
            server: bed.server.port.name.clone(),
        };
        let witnesses = Witnesses::new(&bed.client.netns, &bed.dut.netns, &bed.server.netns, &names);
        let cpus = CpuPlan::available().map_err(Failure::environment)?;
        self.make_room(&bed)?;
        let wires = (wire(&bed.client)?, wire(&bed.server)?);
        let raw = RawEngine::new(wires.0, wires.1, cpus).map_err(Failure::environment)?;
        Ok(Live { links, muted: None, raw, witnesses, bed })
    }

    /// Sees to it that the DUT may track the flows of every scenario.
    fn make_room(&self, bed: &Testbed) -> Result<(), Failure> {
        let flows = self.job.plan.scenarios.iter().map(|s| s.traffic.flows).max().unwrap_or_default();
        // Testers' strays and late entries of earlier trials take some room too.
        let wanted = u64::from(flows) + u64::from(flows) / 4 + 1024;
        let limit =
            raise_conntrack_limit(&bed.dut.netns, wanted, self.job.own_machine).map_err(Failure::environment)?;
        if limit != 0 && limit < wanted {
            return Err(Failure::environment(format!(
                "{flows} flows need room for {wanted} conntrack entries, and this kernel's limit is {limit}: raise \
                 net.netfilter.nf_conntrack_max, offer fewer --flows, or use --kernel debian:6.12"
            )));
        }
        Ok(())
    }
}

fn wire(host: &flowgauge_topologies::Host) -> Result<Wire, Failure> {
    let netns = host.netns.fd().try_clone_to_owned().map_err(Failure::environment)?;
    Ok(Wire { netns, ifname: host.port.name.clone(), mac: host.port.mac, gateway_mac: host.port.peer_mac })
}

impl Rig for RouterRig {
    fn prepare(&mut self, scenario: &Scenario) -> Result<(), Failure> {
        if self.live.as_ref().is_none_or(|live| live.links != scenario.links) {
            // The old testbed goes first: with --keep both would have the same names.
            self.live = None;
            self.live = Some(self.build(scenario.links)?);
        }
        let mute = scenario.engine == Engine::Raw;
        let live = self.live()?;
        if live.muted == Some(mute) {
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
        fingerprint::read(&self.job, self.live.as_ref().map(|live| (&live.bed, live.links)))
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
            direction: scenario.traffic.direction,
        })
        .map_err(|gap| Failure::environment(format!("{}; {}", gap.reason, gap.instead)))?;
        nft::apply(&live.bed.dut.netns, &text).map_err(Failure::environment)?;
        // Accounting is a parameter of a module that the ruleset may just have loaded.
        live.bed.dut.enable_conntrack_accounting().map_err(Failure::environment)?;
        live.witnesses.forget_connections().map_err(Failure::environment)?;
        Ok(text)
    }

    fn block(&mut self, scenario: &Scenario) -> Result<(), Failure> {
        let dut = &self.live()?.bed.dut;
        nft::remove(&dut.netns).map_err(Failure::environment)?;
        nft::drop_at_ingress(&dut.netns, &entries(dut, scenario.traffic.direction)).map_err(Failure::environment)
    }

    fn unblock(&mut self) -> Result<(), Failure> {
        nft::undrop(&self.live()?.bed.dut.netns).map_err(Failure::environment)
    }

    fn open(&mut self, scenario: &Scenario, datapath: Datapath) -> Result<Option<Opening>, Failure> {
        if scenario.engine != Engine::Raw || scenario.traffic.opening == Begin::None {
            return Ok(None);
        }
        let live = self.live()?;
        let opened = live.raw.open(&scenario.traffic).map_err(|e| offering(scenario, &e))?;
        let tracked = (datapath != Datapath::Forward)
            .then(|| live.witnesses.connections())
            .transpose()
            .map_err(Failure::environment)?;
        let wanted = u64::from(scenario.traffic.flows);
        if let Some(tracked) = tracked.filter(|&tracked| tracked < wanted) {
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
                let witnesses = &mut live.witnesses;
                let mut mark = |mark: Mark| {
                    let seen = witnesses.cpu().unwrap_or_default();
                    match mark {
                        Mark::Begin => cpu_before = seen,
                        Mark::End => cpu_after = seen,
                    }
                };
                let reports = live.raw.drive_marked(&scenario.traffic, duration, stop, &mut mark);
                Offered::Frames(reports.map_err(|e| offering(scenario, &e))?)
            }
            Engine::Iperf3 => {
                cpu_before = live.witnesses.cpu().unwrap_or_default();
                let report = bulk(&live.bed, scenario, duration, stop).map_err(|e| offering(scenario, &e))?;
                cpu_after = live.witnesses.cpu().unwrap_or_default();
                Offered::Bulk(report)
            }
        };
        Ok(Driven { offered, cpu_before, cpu_after })
    }

    fn time_to_offload(&mut self, _: &Scenario, _: &AtomicBool) -> Result<Option<TimeToOffload>, Failure> {
        Ok(None)
    }

    fn observe(&mut self) -> Observation {
        match &mut self.live {
            Some(live) => live.witnesses.observe(),
            None => fingerprint::nothing_to_observe(),
        }
    }
}

impl Drop for RouterRig {
    fn drop(&mut self) {
        if let Some(Live { raw, witnesses, bed, .. }) = self.live.take() {
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

fn bulk(
    bed: &Testbed,
    scenario: &Scenario,
    duration: Duration,
    stop: &AtomicBool,
) -> Result<flowgauge_reports::offered::BulkReport, GeneratorError> {
    let server = match scenario.traffic.families {
        Families::Ipv6 => IpAddr::V6(bed.server.port.ipv6),
        _ => IpAddr::V4(bed.server.port.ipv4),
    };
    let engine = Iperf3 { client: bed.client.netns.fd(), server: bed.server.netns.fd() };
    let request = BulkRequest {
        server,
        port: IPERF3_PORT,
        streams: scenario.traffic.flows,
        direction: scenario.traffic.direction,
        duration,
    };
    engine.run(&request, stop)
}

fn offering(scenario: &Scenario, error: &GeneratorError) -> Failure {
    match error {
        GeneratorError::Cancelled => Failure::interrupted(),
        error => Failure::environment(format!("failed to offer the traffic of {}: {error}", scenario.name)),
    }
}
