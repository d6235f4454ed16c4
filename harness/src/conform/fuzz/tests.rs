//! Campaigns against a station whose fault is known.

use std::sync::atomic::AtomicBool;

use flowgauge_reports::conform::{Divergence, FuzzSummary};
use flowgauge_reports::event::Event;
use flowgauge_scenarios::conform::{Catalogue, Fuzz, PacketSpec, Station, Step};
use flowgauge_scenarios::{Datapath, Family, Protocol};

use super::fake::{Deviation, Fake};
use super::{Catalogued, Generator, case_file, run, stations};
use crate::conform::craft::inner;
use crate::worker::protocol::{Failure, Wire};

struct Silent(AtomicBool);

impl Wire for Silent {
    fn emit(&self, _: &Event) -> Result<(), Failure> {
        Ok(())
    }

    fn kept(&self, _: usize) -> Result<(), Failure> {
        Ok(())
    }

    fn stop(&self) -> &AtomicBool {
        &self.0
    }
}

fn plain(family: Family) -> Station {
    stations(Datapath::Flowtable).into_iter().find(|station| station.family == family).unwrap()
}

fn fuzz(packets: u64) -> Fuzz {
    Fuzz { packets, seed: 7, seconds: 60, datapath: Datapath::Flowtable, mutation: None }
}

fn campaign(family: Family, packets: u64, deviation: Deviation) -> FuzzSummary {
    let stop = Silent(AtomicBool::new(false));
    run(&fuzz(packets), &plain(family), &mut Fake::new(deviation), &stop, &Catalogued::default()).unwrap()
}

fn packets(summary: &FuzzSummary, n: usize) -> Vec<PacketSpec> {
    let sent = |step: &Step| match step {
        Step::Send { packet, .. } => Some(packet.clone()),
        _ => None,
    };
    summary.divergences[n].case.steps.iter().filter_map(sent).collect()
}

#[test]
fn where_nothing_differs_nothing_is_found() {
    for family in [Family::Ipv4, Family::Ipv6] {
        let summary = campaign(family, 20_000, |frame, _| Some(frame));
        assert!(summary.packets >= 20_000 && summary.sequences > 1000);
        assert_eq!((summary.differed, summary.unopened, summary.divergences.len()), (0, 0, 0));
        assert!(summary.strays.0 == summary.strays.1 && summary.strays.0 * 100 < summary.packets, "{summary:?}");
    }
}

/// Packets with DSCP EF lose their ECN: one packet is enough to show it.
#[test]
fn a_fault_is_shrunk_to_the_packet_that_shows_it() {
    let summary = campaign(Family::Ipv4, 20_000, |mut frame, _| {
        if frame[15] >> 2 == 46 {
            frame[15] ^= 1;
        }
        Some(frame)
    });
    assert!(summary.differed > 10, "{}", summary.differed);
    assert_eq!(summary.divergences.iter().map(|d| d.count).sum::<u64>() + summary.unsorted, summary.differed);
    // The same byte can be written by a patch, and that is another divergence.
    let field = PacketSpec { dscp: 46, ..PacketSpec::default() };
    for n in 0..summary.divergences.len() {
        let packets = packets(&summary, n);
        assert_eq!(packets.len(), 1, "{packets:?}");
        let shrunk = PacketSpec { reverse: false, ip_id: 0, ..packets[0].clone() };
        let patched = shrunk.patch.first().is_some_and(|(offset, _)| *offset == 1);
        assert!(shrunk == field || patched && shrunk.dscp == 0, "{packets:?}");
        let divergence = &summary.divergences[n];
        assert_eq!(divergence.findings[0].field, "ipv4.dscp_ecn");
        assert_eq!((divergence.findings[0].step, divergence.findings[0].bytes.as_slice()), (1, &[15][..]));
        let Step::Send { arrive, answers, .. } = &divergence.case.steps[1] else { panic!() };
        assert_eq!((*arrive, *answers), (Some(1), 0));
    }
    let count = |patched: bool| {
        (0..summary.divergences.len()).filter(|n| packets(&summary, *n)[0].patch.is_empty() != patched).count()
    };
    assert!((1..=2).contains(&count(false)) && count(true) <= 2, "one of UDP and one of TCP of either kind");
}

#[test]
fn what_is_lost_is_found_in_either_family() {
    let summary = campaign(Family::Ipv6, 20_000, |frame, _| {
        let packet = inner(&frame)?.packet;
        (packet[7] != 1).then_some(frame)
    });
    assert_eq!(summary.divergences[0].findings[0].field, "lost");
    assert_eq!(packets(&summary, 0)[0].hop_limit, 2);
}

/// What is written down is read as what it was.
#[test]
fn a_divergence_is_a_case_that_can_be_repeated() {
    let summary = campaign(Family::Ipv4, 10_000, |frame, n| {
        // What is longer than a plain packet is lost, and so is every option.
        let options = inner(&frame)?.packet[0] & 15 > 5;
        (frame.len() < 200 && !options || n == 0).then_some(frame)
    });
    assert!(summary.divergences.len() > 2, "{}", summary.divergences.len());
    for divergence in &summary.divergences {
        let text = case_file(&divergence.case).unwrap();
        let read = Catalogue::parse("fuzz.toml", &text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(read.cases, std::slice::from_ref(&divergence.case), "{text}");
        assert!(text.lines().count() < 60, "{text}");
        let json = serde_json::to_string(divergence).unwrap();
        assert_eq!(serde_json::from_str::<Divergence>(&json).unwrap(), *divergence);
    }
}

/// A fault that does not come again is counted, and no case is made of it.
#[test]
fn chance_is_told_from_divergence() {
    let summary = campaign(Family::Ipv4, 10_000, |frame, n| (n % 1009 != 0).then_some(frame));
    assert!(summary.unstable > 0, "{summary:?}");
    assert!(summary.divergences.len() < summary.unstable as usize, "{summary:?}");
}

#[test]
fn a_campaign_ends_when_it_is_told_to() {
    let stopped = Silent(AtomicBool::new(true));
    let mut lab = Fake::new(|frame, _| Some(frame));
    let nothing = Catalogued::default();
    let summary = run(&fuzz(1000), &plain(Family::Ipv4), &mut lab, &stopped, &nothing).unwrap();
    assert_eq!((summary.packets, lab.changes), (0, 0));
    let spent = Fuzz { seconds: 0, ..fuzz(1000) };
    let summary = run(&spent, &plain(Family::Ipv4), &mut lab, &Silent(AtomicBool::new(false)), &nothing).unwrap();
    assert_eq!((summary.packets, lab.changes), (0, 0));
}

#[test]
fn a_seed_is_a_seed() {
    let station = plain(Family::Ipv6);
    let (a, b) = (Generator::new(1, &station), Generator::new(2, &station));
    let of = |generator: &Generator| (0..200).map(|n| generator.sequence(n)).collect::<Vec<_>>();
    assert_eq!(of(&a), of(&a));
    assert_ne!(of(&a), of(&b));
    let all = of(&a);
    assert!(all.iter().any(|s| s.protocol == Protocol::Udp) && all.iter().any(|s| s.protocol == Protocol::Tcp));
    assert!(all.iter().all(|s| (2..=super::generator::LONGEST).contains(&s.len())));
}

/// Whatever is generated can be made, and leaves the tester's port.
#[test]
fn every_packet_can_be_sent() {
    for station in stations(Datapath::Flowtable) {
        let generator = Generator::new(11, &station);
        let sequences: Vec<_> = (0..900).map(|n| generator.sequence(n)).collect();
        let lab = Fake::new(|frame, _| Some(frame));
        for (n, sequence) in sequences.iter().enumerate() {
            let (case, instance) = super::replay::blank(&station, sequence.protocol, 0);
            let (lan, wan) = super::Lab::macs(&lab);
            let encapsulation = station.bed.encapsulation;
            let mut crafter = crate::conform::craft::Crafter::new(&instance, &case, lan, wan, encapsulation);
            for packet in &sequence.packets {
                let made = crafter.frames(packet, flowgauge_scenarios::Direction::Upstream);
                let made = made.unwrap_or_else(|error| panic!("sequence {n}: {error}: {packet:?}"));
                let mtu = if packet.reverse { station.bed.wan_mtu } else { station.bed.lan_mtu } as usize;
                assert!(!made.is_empty() && made.iter().all(|(_, frame)| frame.len() <= 14 + mtu), "{n}: {packet:?}");
            }
        }
    }
}
