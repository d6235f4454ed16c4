//! The tap that times the way into the hardware, where no hardware forwards.

use std::sync::atomic::AtomicBool;

use flowgauge::generators::{CpuPlan, RawEngine, Wire};
use flowgauge::witnesses::{Sent, Tap, TapRecord, onsets};
use flowgauge_reports::offered::DirectionReport;
use flowgauge_scenarios::{Frame, Load, Opening, Protocol, Traffic};

use super::*;

/// Drives new UDP flows upstream and returns the report with what a tap on the DUT's LAN port saw.
fn tapped(testbed: &Testbed, flows: u32, pps: u64) -> (DirectionReport, TapRecord) {
    let wire = |host: &Host| Wire {
        netns: host.netns.fd().try_clone_to_owned().unwrap(),
        ifname: host.port.name.clone(),
        mac: host.port.mac,
        gateway_mac: host.port.peer_mac,
    };
    for host in [&testbed.client, &testbed.server] {
        nft::mute(&host.netns, &host.port.name).unwrap();
    }
    let cpus = CpuPlan::available().unwrap();
    let mut engine = RawEngine::new(wire(&testbed.client), wire(&testbed.server), cpus).unwrap();
    let traffic = Traffic {
        protocol: Protocol::Udp,
        families: Families::Both,
        frame: Frame::Fixed(128),
        flows,
        direction: Direction::Upstream,
        load: Load::Pps(pps),
        opening: Opening::Full,
    };
    engine.prepare_new(&traffic).unwrap();
    let tap = Tap::open(&testbed.dut.netns, &testbed.dut.lan.name, engine.run()).unwrap().start().unwrap();
    let stop = AtomicBool::new(false);
    let reports = engine.drive_new(&traffic, Duration::from_millis(300), &stop, &mut |_| {}).unwrap();
    let record = tap.stop().unwrap();
    (reports.into_iter().next().expect("one direction"), record)
}

#[test]
fn a_tap_sees_every_frame_where_no_hardware_forwards_and_claims_no_onset() {
    let testbed = testbed();
    nft::apply(&testbed.dut.netns, &text(Policy::Route, Datapath::Conntrack, Families::Both)).unwrap();
    let (report, record) = tapped(&testbed, 50, 10_000);
    // A busy machine may end the schedule early; then fewer were sent, and of all that were the tap must know.
    assert!(report.sent >= 50 && (report.lost, record.missed) == (0, 0), "{report:?}");
    assert_eq!(record.packets(), report.sent);
    let found = onsets(&Sent { flows: 50, packets: report.sent, interval_ns: 100_000 }, &record);
    assert_eq!(found.len(), 50);
    for (flow, onset) in (0..).zip(&found) {
        let packets = report.sent / 50 + u64::from(flow < report.sent % 50);
        assert_eq!((onset.software_packets, onset.first_hit_ns), (packets, None), "flow {flow}");
    }
    assert!(found.windows(2).all(|pair| pair[0].begun_ns <= pair[1].begun_ns), "they begin in order");
}

#[test]
fn a_tap_on_a_port_that_is_not_there_says_so() {
    let testbed = testbed();
    let error = Tap::open(&testbed.dut.netns, "lan7", 0).unwrap_err().to_string();
    assert!(error.contains("lan7") && error.contains("No such device"), "{error}");
}
