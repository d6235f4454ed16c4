//! The `raw` engine on real veth pairs: what it sends it must account for, frame by frame.
//!
//! Needs root, or a user namespace: `unshare -Urn`. Without either the tests say so and end.

#[allow(dead_code, reason = "tests and benches each use their part of it")]
mod bed;

use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bed::Routed;
use flowgauge::generators::{
    BulkRequest, CpuPlan, Depth, Generator, GeneratorError, Iperf3, Path, RawEngine, RawOptions, Wire,
};
use flowgauge_reports::offered::DirectionReport;
use flowgauge_scenarios::{Direction, Families, Frame, Load, Opening, Protocol, Traffic};
use std::os::fd::AsFd;

static GO: AtomicBool = AtomicBool::new(false);

fn engine((client, server): (Wire, Wire), path: Path) -> RawEngine {
    let options = RawOptions { ring_bytes: 64 << 20, path, ..RawOptions::default() };
    RawEngine::with_options(client, server, CpuPlan::available().unwrap(), options).unwrap()
}

/// Trials are timed, and two CPUs are few: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

macro_rules! bed {
    ($make:expr) => {
        match $make {
            Some(bed) => bed,
            None => return eprintln!("skipped: may not make network namespaces; run as root or under unshare -Urn"),
        }
    };
}

fn traffic(protocol: Protocol, families: Families, flows: u32, direction: Direction) -> Traffic {
    Traffic { protocol, families, frame: Frame::Fixed(128), flows, direction, load: Load::Max, opening: Opening::Full }
}

fn drive(engine: &mut RawEngine, traffic: &Traffic, ms: u64) -> Vec<DirectionReport> {
    engine.drive(traffic, Duration::from_millis(ms), &GO).unwrap()
}

fn assert_complete(report: &DirectionReport) {
    let faults = [report.lost, report.duplicated, report.reordered, report.corrupted, report.uncaptured];
    assert_eq!(faults, [0; 5], "{report:?}");
    assert!(report.sent > 0 && report.received == report.sent);
    assert_eq!((report.flows_with_loss, report.flows_silent), (0, 0));
    let latency = report.latency.as_ref().unwrap();
    assert_eq!(latency.count, report.received);
    assert!(latency.min_ns > 100 && latency.p50_ns < 1_000_000_000, "{latency:?}");
}

#[test]
fn everything_arrives_over_a_direct_pair() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_client, _server, a, b) = bed!(bed::direct());
    let mut engine = engine((a, b), Path::DIRECT);
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        for families in Families::ALL {
            for flows in [1, 1000] {
                let traffic = traffic(protocol, families, flows, Direction::Both);
                let opened = engine.open(&traffic).unwrap();
                assert_eq!((opened.flows, opened.translated), (flows.into(), 0));
                let reports = drive(&mut engine, &traffic, 60);
                assert_eq!(
                    reports.iter().map(|r| r.direction).collect::<Vec<_>>(),
                    [Direction::Upstream, Direction::Downstream]
                );
                reports.iter().for_each(assert_complete);
                assert_eq!(reports[0].flows, u64::from(flows));
                assert_eq!(reports[0].sent_bytes_l2, 128 * reports[0].sent);
            }
        }
    }
}

#[test]
fn many_flows_open_and_are_driven() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_client, _server, a, b) = bed!(bed::direct());
    let mut engine = engine((a, b), Path::DIRECT);
    for (protocol, families) in [(Protocol::Udp, Families::Ipv4), (Protocol::Tcp, Families::Both)] {
        let traffic = traffic(protocol, families, 100_000, Direction::Upstream);
        assert_eq!(engine.open(&traffic).unwrap().flows, 100_000);
        let [report] = &drive(&mut engine, &traffic, 400)[..] else { panic!() };
        assert_complete(report);
    }
}

/// Peak of this process's resident memory in bytes since `clear_refs` was last written.
fn peak_rss() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn a_million_flows_fit_into_300_megabytes() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_client, _server, a, b) = bed!(bed::direct());
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let mut engine = engine((a, b), Path::DIRECT);
    let mut traffic = traffic(Protocol::Udp, Families::Both, 1_000_000, Direction::Both);
    let opened = engine.open(&traffic).unwrap();
    println!("opened a million flows in {:.1} s, {} packets again", opened.duration_ns as f64 / 1e9, opened.retries);
    assert_eq!(opened.flows, 1_000_000);
    traffic.load = Load::Pps(50_000);
    for report in drive(&mut engine, &traffic, 500) {
        assert_eq!((report.lost, report.corrupted, report.flows), (0, 0, report.sent));
    }
    let peak = peak_rss();
    println!("peak resident memory {} MB", peak / 1_000_000);
    assert!(peak < 300_000_000, "{peak}");
}

#[test]
fn a_fixed_rate_is_kept() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_client, _server, a, b) = bed!(bed::direct());
    let mut engine = engine((a, b), Path::DIRECT);
    let mut traffic = traffic(Protocol::Udp, Families::Ipv4, 16, Direction::Upstream);
    traffic.opening = Opening::None;
    for pps in [50, 20_000] {
        traffic.load = Load::Pps(pps);
        let [report] = &drive(&mut engine, &traffic, 500)[..] else { panic!() };
        assert_complete(report);
        assert_eq!((report.sent, report.intended_pps), (pps / 2, Some(pps as f64)));
        assert!((report.offered_pps / pps as f64 - 1.0).abs() < 0.02, "{report:?}");
        assert!(report.pacing.unwrap().p50_ns < 1_000_000, "{report:?}");
    }
}

#[test]
fn imix_keeps_its_mean() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_client, _server, a, b) = bed!(bed::direct());
    let mut engine = engine((a, b), Path::DIRECT);
    let mut traffic = traffic(Protocol::Tcp, Families::Ipv6, 10, Direction::Downstream);
    traffic.frame = Frame::Imix;
    engine.open(&traffic).unwrap();
    let [report] = &drive(&mut engine, &traffic, 100)[..] else { panic!() };
    assert_complete(report);
    let mean = report.sent_bytes_l2 as f64 / report.sent as f64;
    assert!((mean / traffic.mean_size(flowgauge_scenarios::Family::Ipv6) - 1.0).abs() < 0.05, "{mean}");
}

#[test]
fn loss_and_copies_of_the_dut_are_counted_exactly() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let lossy = bed!(Routed::new());
    lossy.cross("numgen inc mod 10 0 counter drop; fwd to d1");
    let mut engine_ = engine(lossy.wires(false), Path::DIRECT);
    let mut traffic = traffic(Protocol::Udp, Families::Ipv4, 7, Direction::Upstream);
    (traffic.opening, traffic.load) = (Opening::None, Load::Pps(20_000));
    let [report] = &drive(&mut engine_, &traffic, 500)[..] else { panic!() };
    // The DUT's stack may have sent a few frames of its own through the counter.
    assert!(report.sent > 9_000 && report.lost.abs_diff(report.sent / 10) <= 1, "{report:?}");
    assert_eq!((report.flows_with_loss, report.flows_silent, report.duplicated, report.corrupted), (7, 0, 0, 0));

    let copying = bed!(Routed::new());
    copying.cross("numgen inc mod 4 0 dup to d1; fwd to d1");
    let [report] = &drive(&mut engine(copying.wires(false), Path::DIRECT), &traffic, 500)[..] else { panic!() };
    assert!(report.lost == 0 && report.duplicated.abs_diff(report.sent / 4) <= 1, "{report:?}");
}

#[test]
fn a_stateful_router_with_masquerade_sees_sound_connections() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = bed!(Routed::new());
    bed.route(
        "table inet t {
            chain f { type filter hook forward priority 0; policy drop;
                ct state invalid counter drop
                ct state established accept
                iifname d0 ct state new tcp flags & (syn|ack) == syn accept
                iifname d0 ct state new meta l4proto udp accept }
            chain p { type nat hook postrouting priority 100; oifname d1 masquerade } }",
    );
    let mut engine = engine(bed.wires(true), Path::routed(bed::MASQUERADE));
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let mut traffic = traffic(protocol, Families::Both, 5_000, Direction::Both);
        traffic.load = Load::Pps(20_000);
        for _again in 0..2 {
            let opened = engine.open(&traffic).unwrap();
            assert_eq!((opened.flows, opened.translated), (5_000, 5_000));
            drive(&mut engine, &traffic, 400).iter().for_each(assert_complete);
        }
    }
    let rules = bed.dut.run("nft", "list ruleset", "");
    assert!(rules.contains("counter packets 0 bytes 0 drop"), "conntrack called packets invalid:\n{rules}");
    // Without a handshake the same router lets no segment through.
    let mut unopened = traffic(Protocol::Tcp, Families::Ipv4, 60, Direction::Upstream);
    (unopened.opening, unopened.load) = (Opening::None, Load::Pps(1_000));
    unopened.frame = Frame::Fixed(256);
    let fresh = Routed::new().unwrap();
    fresh.route(
        "table inet t { chain f { type filter hook forward priority 0; tcp flags & syn != syn ct state new drop; } }",
    );
    let [report] = &drive(&mut self::engine(fresh.wires(true), Path::default()), &unopened, 200)[..] else { panic!() };
    assert_eq!((report.received, report.flows_silent, report.latency.as_ref()), (0, 60, None));
}

#[test]
fn tcp_streams_stay_in_the_window_beyond_their_wrap() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = bed!(Routed::new());
    bed.dut.ip("link set d0 mtu 60000\nlink set d1 mtu 60000\n");
    bed.client.ip("link set c0 mtu 60000\n");
    bed.server.ip("link set s0 mtu 60000\n");
    bed.route("table inet t { chain f { type filter hook forward priority 0; ct state invalid counter drop; } }");
    let mut engine = engine(bed.wires(true), Path::default());
    let mut traffic = traffic(Protocol::Tcp, Families::Ipv4, 1, Direction::Both);
    traffic.frame = Frame::Fixed(60_000);
    engine.open(&traffic).unwrap();
    // Slowly, because such frames fill a ring fast; what it could not take is no fault of the DUT.
    traffic.load = Load::Pps(5_000);
    for report in drive(&mut engine, &traffic, 2400) {
        assert!(report.sent * 59_942 > 1 << 29, "not enough was sent to wrap: {report:?}");
        assert!(report.lost <= report.uncaptured && report.corrupted == 0, "{report:?}");
    }
    let rules = bed.dut.run("nft", "list ruleset", "");
    assert!(rules.contains("counter packets 0 bytes 0 drop"), "conntrack called packets invalid:\n{rules}");
}

#[test]
fn a_dut_that_forwards_nothing_is_told() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = bed!(Routed::new());
    let mut engine = engine(bed.wires(true), Path::default());
    let tcp = traffic(Protocol::Tcp, Families::Ipv4, 10, Direction::Upstream);
    match engine.open(&tcp).unwrap_err() {
        GeneratorError::FlowsNotOpened { wanted: 10, opened: 0, first_missing: 0, last_step: "nothing" } => {}
        other => panic!("{other}"),
    }
    assert!(matches!(engine.drive(&tcp, Duration::from_millis(50), &GO), Err(GeneratorError::NotOpened)));
}

#[test]
fn a_trial_can_be_cancelled() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_client, _server, a, b) = bed!(bed::direct());
    let mut engine = engine((a, b), Path::DIRECT);
    let mut traffic = traffic(Protocol::Udp, Families::Ipv4, 1, Direction::Upstream);
    (traffic.opening, traffic.load) = (Opening::None, Load::Pps(1));
    let (cancel, started) = (AtomicBool::new(false), std::time::Instant::now());
    let cancelled = std::thread::scope(|scope| {
        let drive = scope.spawn(|| engine.drive(&traffic, Duration::from_secs(60), &cancel));
        cancel.store(true, std::sync::atomic::Ordering::Relaxed);
        drive.join().unwrap()
    });
    assert!(matches!(cancelled, Err(GeneratorError::Cancelled)));
    assert!(started.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_sink_counts_without_verifying() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_client, _server, a, b) = bed!(bed::direct());
    let options = RawOptions { depth: Depth::Count, path: Path::DIRECT, ..RawOptions::default() };
    let mut engine = RawEngine::with_options(a, b, CpuPlan::available().unwrap(), options).unwrap();
    let mut traffic = traffic(Protocol::Udp, Families::Both, 9, Direction::Upstream);
    traffic.opening = Opening::None;
    let [report] = &drive(&mut engine, &traffic, 50)[..] else { panic!() };
    assert_complete(report);
}

#[test]
fn a_missing_port_is_named() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (_client, _server, mut a, b) = bed!(bed::direct());
    a.ifname = "absent7".to_owned();
    let error = RawEngine::new(a, b, CpuPlan::one(0)).unwrap_err().to_string();
    assert!(error.contains("find the port") && error.contains("absent7"), "{error}");
}

#[test]
fn iperf3_moves_bulk_data_both_ways() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (client, server, ..) = bed!(bed::direct());
    client.ip("address add 198.18.0.1/24 dev c0\naddress add 2001:2:0:1::1/64 dev c0 nodad\n");
    server.ip("address add 198.18.0.2/24 dev s0\naddress add 2001:2:0:1::2/64 dev s0 nodad\nlink set lo up\n");
    let iperf3 = Iperf3 { client: client.fd().as_fd(), server: server.fd().as_fd() };
    let (server, direction) = ("198.18.0.2".parse::<IpAddr>().unwrap(), Direction::Both);
    let request = BulkRequest { server, port: 5201, streams: 2, direction, duration: Duration::from_secs(1) };
    for request in [
        request,
        BulkRequest {
            server: "2001:2:0:1::2".parse().unwrap(),
            streams: 1,
            direction: Direction::Downstream,
            ..request
        },
    ] {
        let report = iperf3.run(&request, &GO).unwrap();
        assert_eq!(report.streams, u64::from(request.streams));
        assert!(report.sides.iter().all(|s| s.received_bytes > 1_000_000), "{report:?}");
        assert_eq!(report.sides.len(), if request.direction == Direction::Both { 2 } else { 1 });
    }
    let nobody = BulkRequest { server: "198.18.0.77".parse().unwrap(), ..request };
    assert!(matches!(iperf3.run(&nobody, &GO), Err(GeneratorError::Program { .. })));
}
