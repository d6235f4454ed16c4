//! Counters of the same packets that do not fit each other.

use flowgauge_scenarios::Datapath;

use super::super::*;
use super::*;
use crate::trial::Offered;

/// A change that breaks one story, and a word of the finding that must follow.
type Break = (&'static str, fn(&mut Trial));

const BREAKS: [Break; 12] = [
    ("own stack spoke", |t| {
        ports(&mut t.after).client.tx_packets += 5_000;
        ports(&mut t.after).lan.rx_packets += 5_000;
    }),
    ("counted only", |t| ports(&mut t.after).client.tx_packets -= 5_000),
    ("the server's own stack spoke", |t| ports(&mut t.after).server.tx_packets += 5_000),
    ("at the other end received", |t| ports(&mut t.after).lan.rx_packets -= 5_000),
    ("generator accounts for", |t| ports(&mut t.after).server.rx_packets += 5_000),
    ("the DUT sent more than it received", |t| {
        ports(&mut t.after).wan.tx_packets += 5_000;
        ports(&mut t.after).server.rx_packets += 5_000;
    }),
    ("conntrack accounted for", |t| conntrack(&mut t.after).original.packets -= 5_000),
    ("stood still", |t| conntrack(&mut t.after).original = conntrack(&mut t.before).original),
    ("went backwards", |t| forwarding(&mut t.after).ipv4 = 0),
    ("went backwards", |t| rules(&mut t.after).upstream.packets = 0),
    ("could be opened", |t| t.opening.as_mut().unwrap().opened -= 1),
    ("tracks only", |t| t.opening.as_mut().unwrap().tracked = Some(3)),
];

#[test]
fn counters_that_do_not_fit_turn_the_verdict() {
    for (word, change) in BREAKS {
        let (verdict, proof) = changed(Datapath::Flowtable, change);
        assert!(matches!(verdict, Verdict::Bad { .. }), "{word}: {verdict:?}");
        assert!(proof.findings.iter().any(|f| f.text.contains(word)), "{word}: {:?}", proof.findings);
    }
}

#[test]
fn frames_that_did_not_arrive_or_arrived_damaged_turn_the_verdict() {
    let report = |t: &mut Trial, change: fn(&mut crate::offered::DirectionReport)| match &mut t.offered {
        Offered::Frames(reports) => change(&mut reports[0]),
        Offered::Bulk(_) | Offered::Counted(_) => panic!("the sample sends frames"),
    };
    let (verdict, _) = changed(Datapath::Flowtable, |t| report(t, |r| r.corrupted = 1));
    assert_eq!(why(&verdict), "1 frames arrived corrupted");
    let (verdict, proof) = changed(Datapath::Flowtable, |t| report(t, |r| r.received = 0));
    assert!(matches!(verdict, Verdict::Bad { .. }));
    assert!(proof.findings.iter().any(|f| f.text.contains("none arrived")), "{:?}", proof.findings);
}

#[test]
fn frames_that_the_dut_did_not_take_are_loss_and_no_contradiction() {
    let (verdict, proof) = changed(Datapath::Conntrack, |t| {
        let Offered::Frames(reports) = &mut t.offered else { panic!("the sample sends frames") };
        reports[0].sent += 5_000;
        reports[0].lost += 5_000;
        ports(&mut t.after).client.tx_dropped += 5_000;
    });
    assert_eq!(verdict, Verdict::Good);
    assert!(proof.findings.iter().any(|f| f.text.contains("did not take them in time")), "{:?}", proof.findings);
}

#[test]
fn a_stray_packet_or_two_change_nothing() {
    let (verdict, proof) = changed(Datapath::Conntrack, |t| {
        ports(&mut t.after).lan.tx_packets += 2;
        ports(&mut t.after).client.rx_packets += 2;
    });
    assert_eq!((verdict, proof.path), (Verdict::Good, Path::Classic));
}
