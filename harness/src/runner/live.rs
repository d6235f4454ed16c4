//! A testbed that is built, with its generator and its witnesses.

use std::sync::Arc;

use flowgauge_reports::environment::Clock;
use flowgauge_scenarios::{Links, Topology};
use flowgauge_topologies::{Host, Ports, RouterSpec, Testbed, raise_conntrack_limit};

use crate::generators::{CpuPlan, RawEngine, Wire};
use crate::witnesses::{Handed, PortNames, Witnesses};
use crate::worker::protocol::{Failure, Job};

/// What exists once a testbed is built. Fields are dropped in this order: what holds namespaces before the testbed.
pub(super) struct Live {
    pub(super) links: Links,
    /// Whether the testers' own stacks are silent.
    pub(super) muted: Option<bool>,
    /// The engine of our own; none where there are no testers.
    pub(super) raw: Option<RawEngine>,
    /// What pktgen handed over, where no port counts it.
    pub(super) handed: Option<Arc<Handed>>,
    /// Whether pktgen kept a reference to each frame, so that the stack had to copy it.
    pub(super) shares_frames: bool,
    /// What time is measured in.
    pub(super) clock: Clock,
    /// Whether other tasks had much of the CPU while pktgen handed frames over.
    pub(super) gave_away: bool,
    pub(super) witnesses: Witnesses,
    pub(super) bed: Testbed,
}

impl Live {
    /// Builds the testbed of a topology, with room for the flows of the whole job.
    pub(super) fn build(job: &Job, topology: Topology, links: Links) -> Result<Live, Failure> {
        let spec = RouterSpec { ports: Ports::from(topology), keep: job.keep.clone(), ..RouterSpec::from(&links) };
        let bed = Testbed::build(&spec).map_err(Failure::environment)?;
        let names = PortNames {
            client: bed.client.port.name.clone(),
            lan: bed.dut.lan.name.clone(),
            wan: bed.dut.wan.name.clone(),
            server: bed.server.port.name.clone(),
        };
        let handed = (topology == Topology::Bare).then(|| Arc::new(Handed::default()));
        let witnesses = match (&handed, topology) {
            (Some(handed), _) => Witnesses::of_bare(&bed.dut.netns, &names, Arc::clone(handed)),
            (None, Topology::NicRouter) => {
                Witnesses::of_nic(&bed.client.netns, &bed.dut.netns, &bed.server.netns, &names)
            }
            (None, _) => Witnesses::new(&bed.client.netns, &bed.dut.netns, &bed.server.netns, &names),
        };
        make_room(job, &bed)?;
        let raw = match topology {
            Topology::Bare => None,
            _ => {
                let cpus = CpuPlan::available().map_err(Failure::environment)?;
                let wires = (wire(&bed.client)?, wire(&bed.server)?);
                Some(RawEngine::new(wires.0, wires.1, cpus).map_err(Failure::environment)?)
            }
        };
        Ok(Live {
            links,
            muted: None,
            raw,
            handed,
            shares_frames: false,
            clock: job.clock,
            gave_away: false,
            witnesses,
            bed,
        })
    }

    /// The engine of our own.
    pub(super) fn raw(&mut self) -> Result<&mut RawEngine, Failure> {
        self.raw.as_mut().ok_or_else(|| Failure::environment("this testbed has no testers: take engine = \"pktgen\""))
    }
}

/// Sees to it that the DUT may track the flows of every scenario.
fn make_room(job: &Job, bed: &Testbed) -> Result<(), Failure> {
    let flows = job.plan.scenarios.iter().map(|s| s.traffic.flows).max().unwrap_or_default();
    // Testers' strays and late entries of earlier trials take some room too.
    let wanted = u64::from(flows) + u64::from(flows) / 4 + 1024;
    let limit = raise_conntrack_limit(&bed.dut.netns, wanted, job.own_machine).map_err(Failure::environment)?;
    if limit != 0 && limit < wanted {
        return Err(Failure::environment(format!(
            "{flows} flows need room for {wanted} conntrack entries, and this kernel's limit is {limit}: raise \
             net.netfilter.nf_conntrack_max, offer fewer --flows, or use --kernel debian:6.12"
        )));
    }
    Ok(())
}

fn wire(host: &Host) -> Result<Wire, Failure> {
    let netns = host.netns.fd().try_clone_to_owned().map_err(Failure::environment)?;
    Ok(Wire { netns, ifname: host.port.name.clone(), mac: host.port.mac, gateway_mac: host.port.peer_mac })
}
