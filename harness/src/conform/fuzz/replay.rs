//! A sequence as a case: written down, and played step by step.

use flowgauge_reports::conform::{CaseRun, StepRun};
use flowgauge_scenarios::conform::{
    Applies, Case, Group, Instance, LaneWanted, PacketSpec, REFERENCE, Side, Station, Step,
};
use flowgauge_scenarios::{Datapath, Direction, Family, Protocol};

use super::Sequence;
use super::lab::Lab;
use crate::conform::craft::Crafter;
use crate::worker::protocol::Failure;

/// A case without steps, and its instance, on a station.
pub(super) fn blank(station: &Station, protocol: Protocol, first_flow: u32) -> (Case, Instance) {
    let case = Case {
        id: "fuzz".to_owned(),
        group: Group::Forwarding,
        what: String::new(),
        why: String::new(),
        source: String::new(),
        applies: Applies {
            families: vec![station.family],
            protocols: vec![protocol],
            translations: vec![station.translation],
            directions: vec![Direction::Upstream],
            datapaths: station.datapaths.clone(),
        },
        bed: station.bed.clone(),
        steps: Vec::new(),
        expect: Vec::new(),
    };
    let instance = Instance {
        id: format!("fuzz/{}-{}-{}-up", word(station.family), protocol.name(), station.translation.name()),
        case: 0,
        family: station.family,
        protocol,
        translation: station.translation,
        direction: Direction::Upstream,
        datapaths: station.datapaths.clone(),
        first_flow,
    };
    (case, instance)
}

const fn word(family: Family) -> &'static str {
    match family {
        Family::Ipv4 => "ipv4",
        Family::Ipv6 => "ipv6",
    }
}

/// The text of a file that holds one case, for `flowgauge conform --case-file`. Packets have the fields only in which they are
/// not plain.
pub fn case_file(case: &Case) -> Result<String, toml::ser::Error> {
    let plain = toml::Table::try_from(PacketSpec::default())?;
    let mut case = toml::Table::try_from(case)?;
    let steps = case.get_mut("steps").and_then(|steps| steps.as_array_mut());
    for step in steps.into_iter().flatten() {
        let packet = step.get_mut("send").and_then(|send| send.get_mut("packet"));
        if let Some(packet) = packet.and_then(|packet| packet.as_table_mut()) {
            packet.retain(|name, value| plain.get(name) != Some(value));
        }
    }
    let cases = toml::Value::Array(vec![toml::Value::Table(case)]);
    toml::to_string(&toml::Table::from_iter([("case".to_owned(), cases)]))
}

/// What is played: the case, its instance, and where.
pub(super) struct Replay<'a> {
    pub(super) station: &'a Station,
    pub(super) case: Case,
    pub(super) instance: Instance,
}

impl<'a> Replay<'a> {
    /// The case of a sequence that differs in `field`. How many packets arrive is filled in when the reference was played.
    pub(super) fn of(
        station: &'a Station,
        sequence: &Sequence,
        (seed, number): (u64, u64),
        field: &str,
        datapath: Datapath,
    ) -> Replay<'a> {
        let (mut case, mut instance) = blank(station, sequence.protocol, 0);
        let (family, translation) = (word(station.family), station.translation.name());
        case.id = format!("fuzz-{seed}-{family}-{translation}-{number}");
        case.what = "the datapath under test does to these packets what the classic path does".to_owned();
        case.why = format!("found by fuzzing `{}`: it differed in {field}", datapath.name());
        case.source = format!("flowgauge conform --fuzz --seed {seed}, sequence {number}, shrunk");
        case.steps = vec![Step::Open { flows: 1, offloaded: true }];
        case.steps.extend(sequence.packets.iter().map(|packet| Step::Send {
            packet: PacketSpec { flow: 0, ..packet.clone() },
            arrive: None,
            answers: 0,
            lane: LaneWanted::Any,
        }));
        instance.id = instance.id.replacen("fuzz", &case.id, 1);
        Replay { station, case, instance }
    }

    /// Plays it on a datapath, on flow `first_flow`.
    pub(super) fn play(&mut self, lab: &mut dyn Lab, datapath: Datapath) -> Result<CaseRun, Failure> {
        let started = std::time::Instant::now();
        lab.become_datapath(datapath)?;
        let (lan, wan) = lab.macs();
        let mut crafter = Crafter::new(&self.instance, &self.case, lan, wan, self.station.bed.encapsulation);
        let (flow, protocol) = (crafter.flow(0), self.instance.protocol);
        let mut steps = Vec::new();
        for step in &mut self.case.steps {
            let frames = match step {
                Step::Send { packet, .. } => crafter.frames(packet, Direction::Upstream).unwrap_or_default(),
                _ => crafter.open(0),
            };
            let played = lab.step(&frames, &flow, protocol)?;
            match step {
                Step::Send { packet, arrive, answers, .. } if datapath == REFERENCE => {
                    let sender = if packet.reverse { Side::Server } else { Side::Client };
                    let came = |back: bool| played.arrived.iter().filter(|a| (a.side == sender) == back).count() as u32;
                    (*arrive, *answers) = (Some(came(false)), came(true));
                }
                Step::Open { .. } => lab.offloaded(&[(flow, protocol)])?,
                _ => {}
            }
            let [classic, cpu] = played.lanes;
            let (sent, arrived, state) = (played.sent, played.arrived, played.state);
            steps.push(StepRun { sent, arrived, classic, cpu, state, ..StepRun::default() });
        }
        Ok(CaseRun {
            instance: 0,
            topology: self.station.topology,
            datapath,
            mutation: None,
            again: false,
            steps,
            refused: None,
            broken: None,
            duration_ns: started.elapsed().as_nanos() as u64,
        })
    }
}
