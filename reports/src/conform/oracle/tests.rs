//! The oracle on made-up runs: each verdict turns when what it rests on is broken.

use std::net::SocketAddr;

use flowgauge_scenarios::conform::{Act, Catalogue, Counter, Expect, Outcome, PacketSpec, Step};
use flowgauge_scenarios::{Datapath, Topology};

use super::*;
use crate::conform::{Arrived, Entry, Sent, State, StepRun, StreamRun, Tuple};
use crate::observation::{Count, Reading};

const CASE: &str = "[[case]]\nid = \"made-up\"\ngroup = \"forwarding\"\nwhat = \"A packet arrives.\"\nwhy = \"It must.\"\n\
    source = \"RFC 1812 section 5.2\"\napplies = { families = [\"ipv4\"], protocols = [\"udp\"] }\n\
    steps = [ { open = {} }, { send = {} } ]\n";

/// An IPv4 UDP datagram of 4 bytes with this TTL.
fn frame(ttl: u8) -> Vec<u8> {
    let mut frame = vec![2, 0x66, 0x67, 0, 2, 2, 2, 0x66, 0x67, 0, 2, 1, 8, 0];
    frame.extend([0x45, 0, 0, 32, 0, 0, 0x40, 0, ttl, 17, 0, 0, 198, 18, 128, 1, 198, 19, 128, 1]);
    frame.extend([0x27, 0x10, 0x4e, 0x20, 0, 12, 0, 0, 1, 2, 3, 4]);
    frame
}

fn arrived(frame: Vec<u8>) -> Arrived {
    Arrived { side: Side::Server, at_ns: 5, frame }
}

fn entry(status: u32) -> Entry {
    let at = |text: &str| text.parse::<SocketAddr>().unwrap();
    let (client, server) = (at("198.18.128.1:10000"), at("198.19.128.1:20000"));
    Entry {
        flow: 0,
        original: Tuple { source: client, destination: server },
        reply: Tuple { source: server, destination: client },
        status,
        timeout_s: None,
        tcp_state: None,
        mark: 0,
        original_count: Count { packets: 1, bytes: 32 },
        reply_count: Count::default(),
    }
}

/// A step that sends one packet and sees it arrive, with `classic` packets on the classic path.
fn step(classic: u64, status: u32) -> StepRun {
    StepRun {
        sent: vec![Sent { side: Side::Client, at_ns: 0, frame: frame(64) }],
        arrived: vec![arrived(frame(63))],
        classic: Reading::Seen(classic),
        cpu: Reading::Absent,
        state: State { entries: Reading::Seen(vec![entry(status)]), ..State::default() },
        ..StepRun::default()
    }
}

fn run(datapath: Datapath) -> CaseRun {
    let (classic, status) = if datapath.offloads() { (0, 0xe | 1 << 14) } else { (1, 0xe) };
    CaseRun {
        instance: 0,
        topology: Topology::Router,
        datapath,
        mutation: None,
        again: false,
        steps: vec![step(1, status), step(classic, status)],
        refused: None,
        broken: None,
        duration_ns: 1,
    }
}

/// What the made-up case comes to on the flowtable, after `change` of case, reference and what was tested.
fn judged(change: impl Fn(&mut Case, &mut CaseRun, &mut CaseRun)) -> CaseResult {
    let catalogue = Catalogue::parse("made-up.toml", CASE).unwrap();
    let mut plan = catalogue.plan(&[], &[Datapath::Flowtable], &[]).unwrap();
    let (mut reference, mut tested) = (run(Datapath::Conntrack), run(Datapath::Flowtable));
    change(&mut plan.cases[0], &mut reference, &mut tested);
    let (case, instance) = (&plan.cases[0], &plan.instances[0]);
    judge(&Judged { case, instance, reference: Some(&reference), tested: &tested })
}

#[track_caller]
fn expect_fail(result: &CaseResult, field: &str) {
    let fields: Vec<&str> = result.findings.iter().map(|finding| finding.field.as_str()).collect();
    assert_eq!((result.outcome, fields.contains(&field)), (Outcome::Fail, true), "{fields:?} {}", result.why);
}

#[test]
fn the_same_packets_on_the_fast_path_pass() {
    let result = judged(|_, _, _| {});
    assert_eq!((result.outcome, result.why.as_str()), (Outcome::Pass, ""));
}

#[test]
fn a_field_that_differs_is_named_with_its_bytes() {
    let result = judged(|_, _, tested| tested.steps[1].arrived[0].frame[22] = 64);
    expect_fail(&result, "ipv4.ttl");
    let finding = &result.findings[0];
    assert_eq!((finding.expected.as_str(), finding.got.as_str(), &finding.bytes[..]), ("63", "64", &[22][..]));
    assert_eq!(result.why, "step 1: ipv4.ttl is 64, not 63");
}

#[test]
fn lost_and_extra_packets_fail() {
    expect_fail(&judged(|_, _, tested| tested.steps[1].arrived.clear()), "lost");
    expect_fail(&judged(|_, _, tested| tested.steps[1].arrived.push(arrived(frame(63)))), "extra");
    let elsewhere = judged(|_, _, tested| tested.steps[1].arrived[0].side = Side::Client);
    expect_fail(&elsewhere, "lost");
    expect_fail(&elsewhere, "extra");
    expect_fail(&judged(|_, _, tested| tested.steps[1].arrived[0].frame.truncate(40)), "frame.length");
}

#[test]
fn another_lane_is_unproven_and_a_missing_witness_too() {
    let slow = judged(|_, _, tested| tested.steps[1].classic = Reading::Seen(1));
    assert_eq!(slow.outcome, Outcome::Unproven, "{}", slow.why);
    let blind = judged(|_, _, tested| tested.steps[1].classic = Reading::Missing { why: "no rule".to_owned() });
    assert_eq!(blind.outcome, Outcome::Unproven, "{}", blind.why);
    let unmarked = judged(|_, _, tested| tested.steps[0].state.entries = Reading::Seen(vec![entry(0xe)]));
    assert_eq!(unmarked.outcome, Outcome::Unproven, "{}", unmarked.why);
}

#[test]
fn a_reference_that_does_not_do_what_the_case_says_is_an_error() {
    let silent = judged(|_, reference, tested| {
        reference.steps[1].arrived.clear();
        tested.steps[1].arrived.clear();
    });
    assert_eq!(silent.outcome, Outcome::Error, "{}", silent.why);
    assert!(silent.why.contains("0 packets arrived, not 1"), "{}", silent.why);
    let refused = judged(|_, _, tested| tested.refused = Some("EOPNOTSUPP".to_owned()));
    assert_eq!((refused.outcome, refused.why.as_str()), (Outcome::Unsupported, "EOPNOTSUPP"));
    let broken = judged(|_, _, tested| tested.broken = Some("no socket".to_owned()));
    assert_eq!(broken.outcome, Outcome::Error);
}

#[test]
fn state_that_differs_fails_and_offload_bits_do_not() {
    expect_fail(&judged(|_, _, tested| tested.steps[1].state.entries = Reading::Seen(Vec::new())), "conntrack.entry");
    let mark = |tested: &mut CaseRun| {
        let mut marked = entry(0xe | 1 << 14);
        marked.mark = 7;
        tested.steps[1].state.entries = Reading::Seen(vec![marked]);
    };
    expect_fail(&judged(|_, _, tested| mark(tested)), "conntrack.mark");
    expect_fail(
        &judged(|_, _, tested| tested.steps[1].state.entries = Reading::Seen(vec![entry(0x6 | 1 << 14)])),
        "conntrack.status",
    );
    // Whether UDP is assured depends on time, and counts where the case says so.
    let unassured = |expect: Vec<Expect>| {
        judged(move |case, _, tested| {
            case.expect = expect.clone();
            tested.steps[1].state.entries = Reading::Seen(vec![entry(0xa | 1 << 14)]);
        })
    };
    assert_eq!(unassured(Vec::new()).outcome, Outcome::Pass, "{}", unassured(Vec::new()).why);
    expect_fail(&unassured(vec![Expect::Assured { step: 1, is: true }]), "conntrack.assured");
}

#[test]
fn how_long_nothing_came_is_held_to_the_reference() {
    // A packet each millisecond for 300 of them, none for so long from the act on.
    let stream = |gap: u32| {
        let arrived = (0..300).filter(|ms| !(100..100 + gap).contains(ms)).map(|ms| (ms, ms * 1000)).collect();
        Some(StreamRun { sent: 300, act_ns: (100_000_000, 120_000_000), arrived, changed: Vec::new() })
    };
    let blocked = |act: Act, reference_gap: u32, gap: u32| {
        judged(|case, reference, tested| {
            case.steps[1] = Step::Stream { packet: PacketSpec::default(), rate: 1000, ms: 300, act: act.clone() };
            case.expect = vec![Expect::BlockedMs { step: 1, most: 30 }];
            (reference.steps[1], tested.steps[1]) = (step(1, 0xe), step(0, 0xe | 1 << 14));
            (reference.steps[1].stream, tested.steps[1].stream) = (stream(reference_gap), stream(gap));
        })
    };
    assert_eq!(blocked(Act::Reload, 1, 25).outcome, Outcome::Pass, "{}", blocked(Act::Reload, 1, 25).why);
    expect_fail(&blocked(Act::Reload, 1, 50), "blocked");
    assert_eq!(blocked(Act::Reload, 40, 50).outcome, Outcome::Pass);
    assert_eq!(blocked(Act::LinkFlap, 1, 45).outcome, Outcome::Pass, "while the link is down nothing can come");
    expect_fail(&blocked(Act::LinkFlap, 1, 80), "blocked");
    // The same without loss: everything came, when the machine went on.
    let late = judged(|case, reference, tested| {
        case.steps[1] = Step::Stream { packet: PacketSpec::default(), rate: 1000, ms: 300, act: Act::Reload };
        case.expect = vec![Expect::BlockedMs { step: 1, most: 30 }];
        let arrived =
            (0..300).map(|number| (number, 1000 * if number < 100 { number } else { number.max(250) })).collect();
        let came_late = Some(StreamRun { sent: 300, act_ns: (100_000_000, 120_000_000), arrived, changed: Vec::new() });
        (reference.steps[1].stream, tested.steps[1].stream) = (stream(1), came_late);
    });
    assert_eq!(late.outcome, Outcome::Pass, "{}", late.why);
    // Losses that lie apart, and packets that come twice.
    let arriving = |numbers: Vec<u32>| {
        judged(move |case, reference, tested| {
            case.steps[1] = Step::Stream { packet: PacketSpec::default(), rate: 1000, ms: 300, act: Act::Reload };
            case.expect = vec![Expect::BlockedMs { step: 1, most: 30 }];
            let arrived = numbers.iter().map(|&number| (number, number * 1000)).collect();
            let act_ns = (100_000_000, 120_000_000);
            tested.steps[1].stream = Some(StreamRun { sent: 300, act_ns, arrived, changed: Vec::new() });
            reference.steps[1].stream = stream(1);
        })
    };
    assert_eq!(arriving((0..300).collect()).outcome, Outcome::Pass);
    expect_fail(&arriving((0..300).filter(|number| number % 2 == 0).collect()), "blocked.in-all");
    expect_fail(&arriving((0..300).chain(7..9).collect()), "repeated");
}

#[test]
fn what_never_came_is_not_taken_for_what_stopped() {
    let stale = |arrived: Vec<(u32, u32)>| {
        judged(move |case, reference, tested| {
            case.steps[1] = Step::Stream { packet: PacketSpec::default(), rate: 1000, ms: 300, act: Act::Reload };
            case.expect = vec![Expect::StaleMs { step: 1, most: 30 }];
            let of = |arrived| {
                Some(StreamRun { sent: 300, act_ns: (100_000_000, 101_000_000), arrived, changed: Vec::new() })
            };
            reference.steps[1].stream = of((0..100).map(|number| (number, number * 1000)).collect());
            tested.steps[1].stream = of(arrived.clone());
        })
    };
    assert_eq!(stale((0..110).map(|number| (number, number * 1000)).collect()).outcome, Outcome::Pass);
    expect_fail(&stale((0..200).map(|number| (number, number * 1000)).collect()), "stale");
    expect_fail(&stale(Vec::new()), "stale");
}

#[test]
fn what_a_layer_counts_is_held_to_what_was_sent() {
    let counted = |packets: u64, bytes: u64| {
        judged(move |case, _, tested| {
            case.expect = vec![Expect::Counted { by: Counter::Conntrack, from: 0, to: 1 }];
            let mut after = entry(0xe | 1 << 14);
            after.original_count = Count { packets: 1 + packets, bytes: 32 + bytes };
            tested.steps[1].state.entries = Reading::Seen(vec![after]);
        })
    };
    assert_eq!(counted(1, 32).outcome, Outcome::Pass, "{}", counted(1, 32).why);
    expect_fail(&counted(2, 64), "counted.conntrack");
    expect_fail(&counted(1, 46), "counted.conntrack");
    expect_fail(&counted(0, 0), "counted.conntrack");
    // What one direction has too little the other must not have too much.
    let swapped = judged(|case, _, tested| {
        case.expect = vec![Expect::Counted { by: Counter::Conntrack, from: 0, to: 1 }];
        let mut after = entry(0xe | 1 << 14);
        after.reply_count = Count { packets: 1, bytes: 32 };
        tested.steps[1].state.entries = Reading::Seen(vec![after]);
    });
    expect_fail(&swapped, "counted.conntrack");
    let unmarked = judged(|case, _, _| case.expect = vec![Expect::Offloaded { step: 1, is: false }]);
    expect_fail(&unmarked, "conntrack.offloaded");
}

/// [`frame`] in a tunnel: the outer header has identification `outer`, the inner one `inner`.
fn tunnelled(outer: u8, inner: u8) -> Vec<u8> {
    let mut frame = frame(63);
    frame[19] = inner;
    let header = [0x45, 0, 0, 52, 0, outer, 0x40, 0, 64, 4, outer, 0, 198, 18, 0, 2, 198, 18, 0, 1];
    frame.splice(14..14, header);
    frame
}

#[test]
fn the_outer_header_of_a_tunnel_is_numbered_as_the_dut_likes_and_the_inner_is_not() {
    let arriving = |outer, inner| {
        judged(move |_, reference, tested| {
            reference.steps[1].arrived = vec![arrived(tunnelled(1, 1))];
            tested.steps[1].arrived = vec![arrived(tunnelled(outer, inner))];
        })
    };
    assert_eq!(arriving(2, 1).outcome, Outcome::Pass, "{}", arriving(2, 1).why);
    expect_fail(&arriving(2, 2), "inner.ipv4.id");
    // Its checksum follows, but must be one.
    let summed = |mut frame: Vec<u8>| {
        frame[24..26].fill(0);
        let sum: u32 = frame[14..34].chunks(2).map(|word| u32::from(u16::from_be_bytes([word[0], word[1]]))).sum();
        let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
        frame[24..26].copy_from_slice(&sum.to_be_bytes());
        frame
    };
    let sums = |is: Vec<u8>| {
        judged(move |_, reference, tested| {
            reference.steps[1].arrived = vec![arrived(summed(tunnelled(1, 1)))];
            tested.steps[1].arrived = vec![arrived(is.clone())];
        })
    };
    assert_eq!(sums(summed(tunnelled(2, 1))).outcome, Outcome::Pass);
    expect_fail(&sums(tunnelled(2, 1)), "ipv4.checksum");
}

#[test]
fn what_the_dut_says_at_times_of_its_own_counts_for_nothing_and_other_messages_do() {
    let message = |kind: u8| {
        let mut frame = vec![0x33, 0x33, 0, 0, 0, 0x16, 2, 0x66, 0x67, 0, 2, 1, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 8, 58, 1];
        frame.extend([0xfe; 32]);
        frame.extend([kind, 0, 0, 0, 0, 0, 0, 0]);
        frame
    };
    let with = |kind: u8| judged(move |_, _, tested| tested.steps[1].arrived.push(arrived(message(kind))));
    assert_eq!(with(131).outcome, Outcome::Pass, "{}", with(131).why);
    assert_eq!(with(135).outcome, Outcome::Pass, "it asks for its neighbours when it likes");
    expect_fail(&with(134), "extra");
    // The reference is not held to them either.
    let told = judged(|_, reference, _| reference.steps[1].arrived.push(arrived(message(143))));
    assert_eq!(told.outcome, Outcome::Pass, "{}", told.why);
}
