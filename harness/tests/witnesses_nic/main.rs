//! The witnesses of hardware on the reference NIC, in a VM, for real: needs qemu-system-x86_64, make and gcc, and apt or
//! a filled cache. This test's own binary is the guest's init and its worker.

mod datapaths;
mod lifecycle;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use flowgauge::generators::{CpuPlan, Path, RawEngine, Wire};
use flowgauge::nft;
use flowgauge::reference_nic::{ReferenceNic, RuleKind};
use flowgauge::witnesses::{PortNames, Sent, Tap, TapRecord, Witnesses, offload_flags_of_text, onsets};
use flowgauge_reports::observation::{Count, Observation, OffloadFlags, Reading};
use flowgauge_reports::offered::DirectionReport;
use flowgauge_reports::trial::FlowOnset;
use flowgauge_scenarios::ruleset::{self, Request};
use flowgauge_scenarios::{
    Control, Datapath, Direction, Families, Fault, Frame, Load, Opening, Policy, Protocol, Topology, Traffic,
};
use flowgauge_topologies::guest_test::{self, Outcome, check};
use flowgauge_topologies::{Host, Ports, RouterSpec, Testbed};
use libtest_mimic::{Failed, Trial};

const ENOUGH: Duration = Duration::from_secs(180);
const FLOWS: u32 = 40;
/// Of all flows together: 100 a second each, so that times are resolved to 10 ms.
const PPS: u64 = 4_000;
const FRAME_NS: u64 = 1_000_000_000 / PPS;
const OFFERED: Duration = Duration::from_millis(1500);
/// Bytes of a frame with FCS; without it, and without the Ethernet header.
const FRAME: u16 = 128;
const L2_BYTES: u64 = 124;
const L3_BYTES: u64 = 110;

fn main() -> ExitCode {
    guest_test::main(worker, vec![Trial::test("every_witness_of_hardware_agrees_in_a_guest", in_a_guest)])
}

type Case = fn(&mut Bench) -> Outcome;

const CASES: [(&str, Case); 8] = [
    ("a hardware flowtable", datapaths::hardware_flowtable),
    ("a slow card", datapaths::slow_card),
    ("a card that refuses a direction", datapaths::refused_direction),
    ("a hardware netdev chain", datapaths::hardware_chain),
    ("a software flowtable", datapaths::software_flowtable),
    ("flows without traffic", lifecycle::idle_flows),
    ("flows that are deleted", lifecycle::deleted_flows),
    ("rules of a ruleset that is gone", lifecycle::leaked_rules),
];

fn in_a_guest() -> Outcome {
    let (image, options) = guest_test::on_the_reference_nic("witnesses-nic")?;
    guest_test::follow(&image, options, &CASES, ENOUGH, guest_test::show)
}

fn worker() -> ExitCode {
    match Bench::new() {
        Ok(mut bench) => guest_test::worker(&CASES, |case| case(&mut bench)),
        Err(error) => {
            println!("no bench: {error:?}\nend");
            ExitCode::FAILURE
        }
    }
}

fn seen<'a, T: std::fmt::Debug>(name: &str, reading: &'a Reading<T>) -> Result<&'a T, Failed> {
    reading.seen().ok_or_else(|| format!("{name}: {reading:?}").into())
}

/// A testbed on the reference NIC with all that looks at it.
struct Bench {
    engine: RawEngine,
    witnesses: Witnesses,
    card: ReferenceNic,
    bed: Testbed,
}

/// What one drive of new flows upstream showed.
struct Driven {
    before: Observation,
    after: Observation,
    report: DirectionReport,
    tap: TapRecord,
    onsets: Vec<FlowOnset>,
}

impl Bench {
    fn new() -> Result<Self, Failed> {
        let bed = Testbed::build(&RouterSpec { ports: Ports::from(Topology::NicRouter), ..RouterSpec::default() })?;
        for host in [&bed.client, &bed.server] {
            nft::mute(&host.netns, &host.port.name)?;
        }
        let names = PortNames {
            client: bed.client.port.name.clone(),
            lan: bed.dut.lan.name.clone(),
            wan: bed.dut.wan.name.clone(),
            server: bed.server.port.name.clone(),
        };
        let witnesses = Witnesses::of_nic(&bed.client.netns, &bed.dut.netns, &bed.server.netns, &names);
        let engine = RawEngine::new(wire(&bed.client)?, wire(&bed.server)?, CpuPlan::available()?)?;
        Ok(Bench { engine, witnesses, card: ReferenceNic::find()?, bed })
    }

    fn drive(&mut self, datapath: Datapath, faults: &[(Fault, u32)]) -> Result<Driven, Failed> {
        self.put(datapath, faults)?;
        let driven = self.offer()?;
        println!("{}: {} packets", datapath.name(), driven.report.sent);
        Ok(driven)
    }

    /// Puts a ruleset into force, and faults.
    fn put(&mut self, datapath: Datapath, faults: &[(Fault, u32)]) -> Outcome {
        let dut = &self.bed.dut;
        let text = ruleset::render(&Request {
            topology: Topology::NicRouter,
            policy: Policy::Route,
            datapath,
            families: Families::Ipv4,
            lan: &dut.lan.name,
            wan: &dut.wan.name,
            control: Control::None,
            extra_rules: 0,
            direction: Direction::Upstream,
        })
        .map_err(|gap| gap.reason)?;
        nft::remove(&dut.netns)?;
        let faults = BTreeMap::from_iter(faults.iter().copied());
        self.card.set_faults(&faults)?;
        check(self.card.faults()? == faults, &faults)?;
        nft::apply(&dut.netns, &text)?;
        dut.enable_conntrack_accounting()?;
        self.witnesses.forget_connections()?;
        self.engine.set_path(if datapath.routes() { Path::default() } else { Path::L2 });
        Ok(())
    }

    /// Offers flows that are new to the engine; always the same.
    fn offer(&mut self) -> Result<Driven, Failed> {
        let dut = &self.bed.dut;
        let traffic = Traffic {
            protocol: Protocol::Udp,
            families: Families::Ipv4,
            frame: Frame::Fixed(FRAME),
            flows: FLOWS,
            direction: Direction::Upstream,
            load: Load::Pps(PPS),
            opening: Opening::Full,
        };
        self.engine.prepare_new(&traffic)?;
        let before = self.witnesses.observe();
        let tap = Tap::open(&dut.netns, &dut.lan.name, self.engine.run())?.start()?;
        let reports = self.engine.drive_new(&traffic, OFFERED, &AtomicBool::new(false), &mut |_| ());
        let tap = tap.stop()?;
        let report = reports?.into_iter().next().ok_or("no direction")?;
        let started = Instant::now();
        let after = self.witnesses.observe();
        println!("one observation took {:?}", started.elapsed());
        check((report.lost, report.corrupted, tap.missed, tap.foreign) == (0, 0, 0, 0), (&report, &tap.foreign))?;
        let onsets = onsets(&Sent { flows: FLOWS, packets: report.sent, interval_ns: FRAME_NS }, &tap);
        check(onsets.len() == FLOWS as usize, onsets.len())?;
        Ok(Driven { before, after, report, tap, onsets })
    }
}

fn wire(host: &Host) -> Result<Wire, Failed> {
    let netns = host.netns.fd().try_clone_to_owned()?;
    Ok(Wire { netns, ifname: host.port.name.clone(), mac: host.port.mac, gateway_mac: host.port.peer_mac })
}

impl Driven {
    /// All witnesses of what the CPU saw at the LAN port say the same as the tap, and the port counts the whole cable.
    /// Returns how many packets of the CPU's and of the hardware's there were.
    fn shares(&self) -> Result<(u64, u64), Failed> {
        let (cpu, all) = (self.tap.packets(), self.report.sent);
        let lan = |observation: &Observation| -> Result<[u64; 8], Failed> {
            let driver = seen("driver", &observation.driver)?;
            let counter = |name: &str| driver.lan.counters.get(name).copied().ok_or(format!("no {name}: {driver:?}"));
            let standard = seen("standard", &observation.standard)?;
            let received = standard.lan.get("eth-mac.FramesReceivedOK").copied().ok_or(format!("{standard:?}"))?;
            check(driver.lan.driver == "flowgauge_nic", &driver.lan.driver)?;
            let watched = seen("cpu_ports", &observation.cpu_ports)?.lan;
            Ok([
                watched.packets,
                watched.bytes,
                seen("cpu_hit", &observation.cpu_hit)?.lan.rx_packets,
                counter("cpu_rx_packets")?,
                counter("hw_rx_packets")?,
                counter("hw_rx_bytes")?,
                seen("ports", &observation.ports)?.lan.rx_packets,
                received,
            ])
        };
        let (before, after) = (lan(&self.before)?, lan(&self.after)?);
        let since: Vec<u64> = after.iter().zip(before).map(|(after, before)| after - before).collect();
        let hardware = all - cpu;
        let expected = [cpu, cpu * L3_BYTES, cpu, cpu, hardware, hardware * L2_BYTES, all, all];
        check(since == expected, ("seen", &since, "expected", expected))?;
        Ok((cpu, hardware))
    }

    fn hits(&self) -> Vec<u64> {
        let mut hits: Vec<u64> = self.onsets.iter().filter_map(|onset| onset.first_hit_ns).collect();
        hits.sort();
        hits
    }
}
