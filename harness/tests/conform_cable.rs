//! The cable of conformance runs on a live router: everything that comes out, nothing else, and no time lost.
//!
//! Needs root, or a user namespace: `unshare -Urn`. Without either the tests say so and end.

#[allow(dead_code, reason = "tests and benches each use their part of it")]
mod bed;

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use bed::Routed;
use flowgauge::conform::cable::Cable;
use flowgauge::conform::craft::{Crafter, Mark, inner};
use flowgauge_reports::conform::Arrived;
use flowgauge_scenarios::conform::{Applies, Bed, Case, Encapsulation, Group, Instance, PacketSpec, Side, Translation};
use flowgauge_scenarios::{Direction, Family, Protocol};

/// Settling is timed, and two CPUs are few: one test at a time.
static TURN: Mutex<()> = Mutex::new(());

macro_rules! bed {
    () => {
        match Routed::new() {
            Some(bed) => bed,
            None => return eprintln!("skipped: may not make network namespaces; run as root or under unshare -Urn"),
        }
    };
}

const COUNTED: &str = "table inet t { chain f { type filter hook forward priority 0; counter } }";

fn crafter(cable: &Cable, kind: (Family, Protocol, Translation), encapsulation: Encapsulation) -> Crafter {
    let instance = Instance {
        id: "case/instance".to_owned(),
        case: 0,
        family: kind.0,
        protocol: kind.1,
        translation: kind.2,
        direction: Direction::Upstream,
        datapaths: Vec::new(),
        first_flow: 3,
    };
    let case = Case {
        id: "case".to_owned(),
        group: Group::Forwarding,
        what: String::new(),
        why: String::new(),
        source: String::new(),
        applies: Applies::default(),
        bed: Bed::default(),
        steps: Vec::new(),
        expect: Vec::new(),
    };
    let (lan, wan) = cable.macs();
    Crafter::new(&instance, &case, lan, wan, encapsulation)
}

fn open(bed: &Routed) -> Cable {
    let (client, server) = bed.wires(true);
    Cable::open(client, server).unwrap()
}

const UDP: (Family, Protocol, Translation) = (Family::Ipv4, Protocol::Udp, Translation::None);

/// Our own of what arrived; stacks that nobody muted speak too.
fn ours(arrived: &[Arrived]) -> Vec<&Arrived> {
    let transport = |a: &Arrived| inner(&a.frame).is_some_and(|packet| matches!(packet.protocol, 6 | 17));
    arrived.iter().filter(|a| transport(a) && Mark::find(&a.frame).is_some()).collect()
}

fn sentinels_of(arrived: &[Arrived]) -> usize {
    arrived.iter().filter(|a| inner(&a.frame).is_some_and(|p| p.protocol == 253)).count()
}

/// Packets that the counters of the forward chain have seen.
fn counted(bed: &Routed) -> u64 {
    let rules = bed.dut.run("nft", "list ruleset", "");
    let words: Vec<&str> = rules.split_whitespace().collect();
    words.windows(2).filter(|pair| pair[0] == "packets").map(|pair| pair[1].parse::<u64>().unwrap()).sum()
}

#[test]
fn a_step_ends_with_its_last_frame() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for family in [Family::Ipv4, Family::Ipv6] {
        let bed = bed!();
        bed.route(COUNTED);
        let mut cable = open(&bed);
        cable.route(family, Encapsulation::None);
        let mut crafter = crafter(&cable, (family, Protocol::Udp, Translation::None), Encapsulation::None);
        let mut took = Vec::new();
        let mut before = counted(&bed);
        for step in 0..50u32 {
            cable.begin().unwrap();
            let reverse = step % 2 == 1;
            let spec = PacketSpec { count: 1 + step % 20, payload: 700, reverse, ..PacketSpec::default() };
            let frames = crafter.frames(&spec, Direction::Upstream).unwrap();
            for (side, frame) in &frames {
                cable.send(*side, frame).unwrap();
            }
            let started = Instant::now();
            let (sent, arrived) = cable.settle().unwrap();
            took.push(started.elapsed());
            assert_eq!(sent.iter().map(|s| (s.side, s.frame.clone())).collect::<Vec<_>>(), frames);
            let out = ours(&arrived);
            assert_eq!(out.len(), frames.len(), "step {step}");
            for (out, sent) in out.iter().zip(&sent) {
                assert_eq!(Mark::find(&out.frame), Mark::find(&sent.frame));
                assert_ne!(out.side, sent.side);
                assert!(out.at_ns > sent.at_ns && out.at_ns < 1_000_000_000, "{} {}", sent.at_ns, out.at_ns);
                assert_eq!(out.frame[out.frame.len() - 700..], sent.frame[sent.frame.len() - 700..]);
            }
            assert_eq!(sentinels_of(&arrived), 0);
            // What the DUT's counters say is what was sent, once the sentinels are taken off.
            let now = counted(&bed);
            assert_eq!(now - before - cable.sentinels().classic(), frames.len() as u64);
            assert_eq!(cable.sentinels().cpu(), 4);
            before = now;
        }
        took.sort();
        println!("settle: median {:?}, worst {:?}", took[25], took[49]);
        assert!(took[25] < Duration::from_millis(2), "{took:?}");
    }
}

#[test]
fn where_no_sentinel_comes_back_it_takes_a_bounded_time() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = bed!();
    bed.route("table inet t { chain f { type filter hook forward priority 0; meta l4proto 253 drop } }");
    let mut cable = open(&bed);
    let mut crafter = crafter(&cable, UDP, Encapsulation::None);
    let mut step = |cable: &mut Cable| {
        cable.begin().unwrap();
        cable.exchange(&crafter.frames(&PacketSpec::default(), Direction::Upstream).unwrap()).unwrap();
        let started = Instant::now();
        let (sent, arrived) = cable.settle().unwrap();
        assert_eq!(sent.len(), 1);
        (ours(&arrived).len(), started.elapsed(), cable.sentinels())
    };
    let (out, took, sentinels) = step(&mut cable);
    assert_eq!((out, sentinels.sent, sentinels.passed), (1, [1, 1], [0, 0]));
    assert!(took >= Duration::from_millis(200) && took < Duration::from_secs(2), "{took:?}");
    // A dead link: nothing to wait for but silence, and no error.
    bed.dut.ip("link set d1 down\n");
    let (out, took, _) = step(&mut cable);
    assert_eq!(out, 0);
    assert!(took < Duration::from_millis(2000), "{took:?}");
    bed.dut.ip("link set d1 up\nneigh replace 198.19.0.2 lladdr 02:00:00:00:02:02 dev d1\n\
         route add 198.19.128.0/17 via 198.19.0.2\n");
    bed.nft("delete table inet t");
    let (out, took, sentinels) = step(&mut cable);
    assert_eq!((out, sentinels.passed), (1, [2, 2]));
    assert!(took < Duration::from_millis(1000), "{took:?}");
    // No way to the server: what the DUT says to the sentinel is told from what it says to packets.
    bed.dut.ip("route replace unreachable 198.19.128.0/17\n");
    cable.begin().unwrap();
    let (_, arrived) = cable.settle().unwrap();
    assert_eq!(ours(&arrived).len(), 0);
    assert!(arrived.iter().all(|a| inner(&a.frame).is_none_or(|p| p.protocol != 1)), "{arrived:?}");
}

#[test]
fn a_port_that_was_deleted_is_found_again() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let bed = bed!();
    bed.route(COUNTED);
    let mut cable = open(&bed);
    let mut crafter = crafter(&cable, UDP, Encapsulation::None);
    let mut step = |cable: &mut Cable| {
        cable.begin().unwrap();
        for (side, frame) in crafter.frames(&PacketSpec::default(), Direction::Upstream).unwrap() {
            cable.send(side, &frame).unwrap();
        }
        ours(&cable.settle().unwrap().1).len()
    };
    assert_eq!(step(&mut cable), 1);
    bed.dut.ip("link delete d0\n");
    assert_eq!(step(&mut cable), 0);
    bed.link_client();
    bed.dut.ip("address add 198.18.0.1/24 dev d0\nneigh replace 198.18.0.2 lladdr 02:00:00:00:01:02 dev d0\n\
         route add 198.18.128.0/17 via 198.18.0.2\n");
    assert_eq!(step(&mut cable), 1);
}

/// The kernel takes VLAN tags out of received frames; they are put back where they were.
#[test]
fn tags_are_told() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for (encapsulation, links, tags) in [
        (Encapsulation::Vlan, "link add link d0 name l type vlan id 10\nlink set l up\n", &[0x81, 0, 0, 10, 8, 0][..]),
        (
            Encapsulation::Qinq,
            "link add link d0 name o type vlan proto 802.1ad id 20\nlink set o up\n\
             link add link o name l type vlan id 10\nlink set l up\n",
            &[0x88, 0xa8, 0, 20, 0x81, 0, 0, 10, 8, 0],
        ),
        (
            Encapsulation::Tunnel,
            "tunnel add l mode ipip remote 198.18.0.2 local 198.18.0.1\nlink set l up\n",
            &[8, 0, 0x45],
        ),
    ] {
        let bed = bed!();
        bed.route(COUNTED);
        if let Err(why) = bed.dut.try_ip(links) {
            eprintln!("skipped: this kernel has no {encapsulation:?}: {why}");
            continue;
        }
        let via = if encapsulation == Encapsulation::Tunnel {
            "route replace 198.18.128.0/17 dev l\n".to_owned()
        } else {
            "address add 198.18.1.1/24 dev l\nneigh replace 198.18.1.2 lladdr 02:00:00:00:01:02 dev l\n\
             route replace 198.18.128.0/17 via 198.18.1.2\n"
                .to_owned()
        };
        bed.dut.ip(&via);
        let mut cable = open(&bed);
        cable.route(Family::Ipv4, encapsulation);
        let mut crafter = crafter(&cable, UDP, encapsulation);
        cable.begin().unwrap();
        cable.exchange(&crafter.open(0)).unwrap();
        let (sent, arrived) = cable.settle().unwrap();
        let out = ours(&arrived);
        assert_eq!((out.len(), cable.sentinels().passed), (3, [3, 3]), "{encapsulation:?} {out:?}");
        let reply = out.iter().find(|a| a.side == Side::Client).unwrap();
        assert_eq!(&reply.frame[12..12 + tags.len()], tags);
        assert_eq!(inner(&reply.frame).unwrap().packet[12..], inner(&sent[1].frame).unwrap().packet[12..]);
    }
}

/// A handshake behind masquerading: each side's frames wait for the other's, so that none is invalid.
#[test]
fn flows_open_behind_translations() {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for family in [Family::Ipv4, Family::Ipv6] {
        for protocol in [Protocol::Udp, Protocol::Tcp] {
            let bed = bed!();
            bed.route(
                "table inet t {
                    chain f { type filter hook forward priority 0; ct state invalid drop; meta l4proto 253 accept; \
                        iifname d1 ct state new drop }
                    chain p { type nat hook postrouting priority 100; oifname d1 masquerade } }",
            );
            let mut cable = open(&bed);
            cable.route(family, Encapsulation::None);
            let mut crafter = crafter(&cable, (family, protocol, Translation::Masquerade), Encapsulation::None);
            for flow in 0..20 {
                cable.begin().unwrap();
                let frames = crafter.open(flow);
                cable.exchange(&frames).unwrap();
                let (_, arrived) = cable.settle().unwrap();
                let passed = arrived
                    .iter()
                    .filter(|a| inner(&a.frame).is_some_and(|p| matches!(p.protocol, 6 | 17)))
                    .collect::<Vec<_>>();
                assert_eq!(passed.len(), frames.len(), "{family:?} {protocol:?} {flow}");
                assert!(cable.sentinels().sent == cable.sentinels().passed);
                let seen = inner(&passed[0].frame).unwrap().source;
                assert_eq!(seen, crafter.flow(flow).client_seen.ip());
            }
        }
    }
}
