//! What the `raw` engine says of a DUT that changes frames: exactly what is wrong, and nothing where nothing is.
//!
//! Needs root, or a user namespace: `unshare -Urn`. Without either the tests say so and end.

#[allow(dead_code, reason = "tests and benches each use their part of it")]
mod bed;

use std::sync::atomic::AtomicBool;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bed::{MASQUERADE, Routed};
use flowgauge::generators::raw::socket::Port;
use flowgauge::generators::{CpuPlan, Generator, GeneratorError, Nat, Path, RawEngine, RawOptions, Stamp, Wire};
use flowgauge_reports::offered::{Damage, DirectionReport};
use flowgauge_scenarios::{Direction, Families, Frame, Load, Opening, Protocol, Traffic};

static GO: AtomicBool = AtomicBool::new(false);
/// Trials are timed, and two CPUs are few: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

macro_rules! bed {
    () => {
        match Routed::new() {
            Some(bed) => bed,
            None => return eprintln!("skipped: may not make network namespaces; run as root or under unshare -Urn"),
        }
    };
}

fn engine((client, server): (Wire, Wire), path: Path) -> RawEngine {
    let options = RawOptions { path, ..RawOptions::default() };
    RawEngine::with_options(client, server, CpuPlan::available().unwrap(), options).unwrap()
}

fn traffic(protocol: Protocol, families: Families, flows: u32, direction: Direction) -> Traffic {
    let (frame, load, opening) = (Frame::Fixed(128), Load::Pps(10_000), Opening::Full);
    Traffic { protocol, families, frame, flows, direction, load, opening }
}

fn drive(engine: &mut RawEngine, traffic: &Traffic) -> Vec<DirectionReport> {
    engine.drive(traffic, Duration::from_millis(100), &GO).unwrap()
}

fn assert_sound(report: &DirectionReport) {
    assert_eq!((report.lost, report.duplicated, report.damage), (0, 0, Damage::default()), "{report:?}");
    assert!(report.sent > 0 && report.received == report.sent);
}

/// Every fifth frame that the DUT passes on is changed, and told for what it is.
#[test]
fn each_kind_of_damage_is_told_to_the_frame() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (udp, tcp, v4, v6) = (Protocol::Udp, Protocol::Tcp, Families::Ipv4, Families::Ipv6);
    type Count = fn(&mut Damage) -> &mut u64;
    let ttl: Count = |damage| &mut damage.ttl;
    let checksum: Count = |damage| &mut damage.checksum;
    let header: Count = |damage| &mut damage.header;
    let payload: Count = |damage| &mut damage.payload;
    let address: Count = |damage| &mut damage.address;
    // nft corrects the IPv4 checksum, and the L4 one for addresses and ports: what is changed is otherwise sound.
    for (protocol, families, change, kind) in [
        (udp, v4, "ip ttl set 63", ttl),
        (tcp, v6, "ip6 hoplimit set 65", ttl),
        (udp, v4, "ip id set 0", header),
        (udp, v4, "ip frag-off set 0", header),
        (tcp, v4, "ip dscp set af11", header),
        (udp, v6, "ip6 dscp set ef", header),
        (udp, v6, "ip6 flowlabel set 7", header),
        (tcp, v4, "tcp window set 1000", header),
        (tcp, v6, "tcp sequence set 1000", header),
        (udp, v4, "udp length set 89", header),
        (udp, v4, "udp checksum set 0", checksum),
        (udp, v6, "udp checksum set 4660", checksum),
        (tcp, v4, "tcp checksum set 4660", checksum),
        (udp, v4, "ip checksum set 4660", checksum),
        (udp, v4, "udp dport set 20001", address),
        (tcp, v6, "tcp sport set 9", address),
        (udp, v4, "ip saddr set 198.18.128.77", address),
        (tcp, v4, "ip daddr set 198.19.128.77", address),
        (udp, v4, "ether daddr set 02:00:00:00:00:77", address),
        (udp, v4, "@th,320,32 set 1", payload),
        (tcp, v6, "@th,160,16 set 1", payload),
    ] {
        let bed = bed!();
        bed.cross(&format!("numgen inc mod 5 0 {change} fwd to d1; fwd to d1"));
        let mut engine = engine(bed.wires(false), Path::DIRECT);
        let mut traffic = traffic(protocol, families, 1, Direction::Upstream);
        traffic.opening = Opening::None;
        let [report] = &drive(&mut engine, &traffic)[..] else { panic!() };
        let mut damage = report.damage;
        let told = std::mem::take(kind(&mut damage));
        // A frame of a stack's own may have gone through the generator of numbers.
        assert!(told.abs_diff(report.sent / 5) <= 1, "{change}: {report:?}");
        assert_eq!(damage, Damage::default(), "{change}: {report:?}");
        assert_eq!((report.corrupted, report.lost), (told, told), "{change}: {report:?}");
    }
}

const ROUTE: &str = "table inet t { chain f { type filter hook forward priority 0; } }";

#[test]
fn hops_and_mac_addresses_are_counted_exactly() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = bed!();
    bed.route(ROUTE);
    let mut routed = engine(bed.wires(true), Path::default());
    let crossed = bed!();
    crossed.cross("fwd to d1");
    let mut passed_on = engine(crossed.wires(true), Path::L2);
    for (protocol, families) in [(Protocol::Udp, Families::Both), (Protocol::Tcp, Families::Both)] {
        let mut traffic = traffic(protocol, families, 10, Direction::Both);
        traffic.opening = Opening::None;
        routed.set_path(Path::default());
        drive(&mut routed, &traffic).iter().for_each(assert_sound);
        for hops in [0, 2] {
            routed.set_path(Path { hops, ..Path::default() });
            for report in drive(&mut routed, &traffic) {
                assert_eq!(report.damage, Damage { ttl: report.sent, ..Damage::default() }, "{report:?}");
            }
        }
        traffic.direction = Direction::Upstream;
        passed_on.set_path(Path::L2);
        drive(&mut passed_on, &traffic).iter().for_each(assert_sound);
        passed_on.set_path(Path::DIRECT);
        let [report] = &drive(&mut passed_on, &traffic)[..] else { panic!() };
        assert_eq!(report.damage, Damage { address: report.sent, ..Damage::default() }, "{report:?}");
    }
    // A router that forgets the TTL of what it forwards.
    let forgetful = bed!();
    forgetful.route("table ip t { chain p { type filter hook postrouting priority 0; ip ttl set 64 } }");
    let mut engine = engine(forgetful.wires(true), Path::default());
    let traffic = traffic(Protocol::Udp, Families::Ipv4, 10, Direction::Upstream);
    engine.open(&Traffic { direction: Direction::Both, ..traffic }).unwrap();
    let [report] = &drive(&mut engine, &traffic)[..] else { panic!() };
    assert_eq!(report.damage.describe(), Some(format!("{} frames: wrong TTL or hop limit", report.sent)));
}

const DNAT: &str = "table ip t4 { chain p { type nat hook prerouting priority dstnat;
        iifname d0 dnat ip prefix to ip daddr map { 10.19.128.0/17 : 198.19.128.0/17 } } }
    table ip6 t6 { chain p { type nat hook prerouting priority dstnat;
        iifname d0 dnat ip6 prefix to ip6 daddr map { 2001:2:0:2002::/64 : 2001:2:0:1002::/64 } } }";

fn masquerade(after: &str) -> String {
    format!(
        "table inet t {{
            chain f {{ type filter hook forward priority 0; policy accept; ct state invalid counter drop }}
            chain p {{ type nat hook postrouting priority 100; oifname d1 masquerade }}
            chain q {{ type filter hook postrouting priority 200; oifname d1 {after} }} }}"
    )
}

#[test]
fn virtual_addresses_are_answered_for() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = bed!();
    bed.route(DNAT);
    let mut engine = engine(bed.wires(true), Path::routed(Nat::Dnat));
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let traffic = traffic(protocol, Families::Both, 100, Direction::Both);
        let opened = engine.open(&traffic).unwrap();
        assert_eq!((opened.flows, opened.translated, opened.damaged), (100, 100, 0));
        drive(&mut engine, &traffic).iter().for_each(assert_sound);
    }
    // Without the translation the virtual addresses lead nowhere.
    let plain = bed!();
    plain.route(ROUTE);
    let refused = self::engine(plain.wires(true), Path::routed(Nat::Dnat)).open(&traffic(
        Protocol::Udp,
        Families::Ipv4,
        3,
        Direction::Both,
    ));
    assert!(matches!(refused, Err(GeneratorError::FlowsNotOpened { opened: 0, .. })), "{refused:?}");
}

#[test]
fn a_port_or_address_that_the_policy_does_not_allow_is_damage_and_never_foreign() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let all = |report: &DirectionReport| Damage { address: report.sent, ..Damage::default() };
        let flows = traffic(protocol, Families::Ipv4, 20, Direction::Upstream);
        // Opened soundly, then every port is wrong.
        let bed = bed!();
        bed.route(&masquerade("counter"));
        let mut engine_ = engine(bed.wires(true), Path::routed(MASQUERADE));
        assert_eq!(engine_.open(&flows).unwrap().damaged, 0);
        drive(&mut engine_, &flows).iter().for_each(assert_sound);
        bed.nft(&format!("add rule inet t q oifname d1 {} sport set 7", protocol.name()));
        let [report] = &drive(&mut engine_, &flows)[..] else { panic!() };
        assert_eq!(report.damage, all(report), "{report:?}");
        // Another address than the WAN's, another policy than the one that is held to.
        for path in [
            Path::routed(Nat::None),
            Path::routed(Nat::Masquerade {
                ipv4: "198.19.0.9".parse().unwrap(),
                ipv6: "2001:2:0:2::9".parse().unwrap(),
            }),
        ] {
            let bed = bed!();
            bed.route(&masquerade("counter"));
            let mut engine = engine(bed.wires(true), path);
            assert!(engine.open(&flows).unwrap().damaged >= 20);
            let [report] = &drive(&mut engine, &flows)[..] else { panic!() };
            assert_eq!(report.damage, all(report), "{report:?}");
        }
    }
}

/// The first packet decides whose connection it is: a server's would rightly go untranslated.
#[test]
fn a_server_does_not_send_into_flows_behind_a_translation_that_nobody_opened() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = bed!();
    bed.route(&masquerade("counter"));
    for direction in Direction::ALL {
        let mut traffic = traffic(Protocol::Tcp, Families::Both, 20, direction);
        traffic.opening = Opening::None;
        let mut engine = engine(bed.wires(true), Path::routed(MASQUERADE));
        let outcome = engine.drive(&traffic, Duration::from_millis(20), &GO);
        match direction {
            Direction::Upstream => assert_eq!(outcome.unwrap()[0].damage, Damage::default()),
            _ => assert!(outcome.unwrap_err().to_string().contains("opening = \"full\"")),
        }
    }
}

#[test]
fn new_flows_begin_with_their_first_measured_frame() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for (protocol, direction, nat) in [
        (Protocol::Udp, Direction::Both, Nat::None),
        (Protocol::Udp, Direction::Upstream, MASQUERADE),
        (Protocol::Tcp, Direction::Both, MASQUERADE),
        (Protocol::Tcp, Direction::Both, Nat::None),
    ] {
        let bed = bed!();
        let established = "ct state established counter accept";
        bed.route(&match nat {
            Nat::None => ROUTE.to_owned(),
            _ => masquerade(established),
        });
        let mut engine = engine(bed.wires(true), Path::routed(nat));
        let traffic = traffic(protocol, Families::Both, 500, direction);
        let half_open = engine.prepare_new(&traffic).unwrap();
        assert_eq!(half_open.flows, if protocol == Protocol::Tcp { 500 } else { 0 });
        assert_eq!(half_open.packets, 2 * half_open.flows);
        let go = |engine: &mut RawEngine| engine.drive_new(&traffic, Duration::from_millis(100), &GO, &mut |_| ());
        let reports = go(&mut engine).unwrap();
        assert_eq!(reports[0].flows, reports[0].sent.min(500));
        reports.iter().for_each(assert_sound);
        let again = go(&mut engine).unwrap_err();
        assert!(matches!(again, GeneratorError::NotOpened), "these flows are no longer new: {again}");
        let rules = bed.dut.run("nft", "list ruleset", "");
        assert!(!rules.contains("drop") || rules.contains("counter packets 0 bytes 0 drop"), "{rules}");
    }
    let bed = bed!();
    let mut engine = engine(bed.wires(true), Path::routed(MASQUERADE));
    let unknown = traffic(Protocol::Udp, Families::Ipv4, 5, Direction::Both);
    engine.prepare_new(&unknown).unwrap();
    let refused = engine.drive_new(&unknown, Duration::from_millis(10), &GO, &mut |_| ()).unwrap_err();
    assert!(refused.to_string().contains("upstream"), "{refused}");
}

/// What a tap on the DUT's own ports reads: every frame's flow and place, before and after the translation.
#[test]
fn a_tap_on_the_way_reads_every_stamp() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = bed!();
    bed.route(&masquerade("counter"));
    let mut engine = engine(bed.wires(true), Path::routed(MASQUERADE));
    for protocol in [Protocol::Udp, Protocol::Tcp] {
        let traffic = traffic(protocol, Families::Both, 10, Direction::Both);
        engine.open(&traffic).unwrap();
        let mut taps = ["d0", "d1"].map(|port| Port::open(&bed.dut_wire(port), 4 << 20).unwrap());
        let reports = drive(&mut engine, &traffic);
        for (tap, report) in taps.iter_mut().zip(&reports) {
            let mut stamps = Vec::new();
            while tap.rx.wait(50).is_ok() && tap.rx.read_block(|frame, _| stamps.extend(Stamp::read(frame))).is_some() {
            }
            assert_eq!(stamps.len() as u64, report.sent, "{report:?}");
            for (number, stamp) in stamps.iter().enumerate() {
                assert_eq!((stamp.run, stamp.direction), (engine.run(), report.direction));
                assert_eq!((stamp.flow, stamp.seq), (number as u32 % 10, number as u32 / 10));
            }
            assert!(stamps.is_sorted_by_key(|stamp| stamp.sent_ns));
        }
    }
}
