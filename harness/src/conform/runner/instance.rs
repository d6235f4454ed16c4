//! An instance on a datapath: its steps, and what was seen of each.

use std::time::Duration;

use flowgauge_reports::conform::{ActRun, State, StepRun};
use flowgauge_reports::observation::{Ports, Reading};
use flowgauge_scenarios::Datapath;
use flowgauge_scenarios::conform::{Act, Case, Flow, Instance, Mutation, PacketSpec, REFERENCE, Step};

use super::lanes::Lanes;
use super::patience::Patience;
use super::stand::{Broken, Dut, Testers, Traffic};
use crate::conform::cable::Sentinels;
use crate::conform::craft::Crafter;

/// An instance, and all that its steps need.
pub(super) struct Scene<'a> {
    pub(super) case: &'a Case,
    pub(super) instance: &'a Instance,
    pub(super) datapath: Datapath,
    /// What is broken on purpose.
    pub(super) mutation: Option<Mutation>,
    pub(super) testers: &'a mut dyn Testers,
    pub(super) dut: &'a mut dyn Dut,
    pub(super) patience: &'a mut Patience,
    pub(super) crafter: Crafter,
    /// The counters of the lanes when the last step ended.
    pub(super) last: Option<Lanes>,
}

/// How the steps went.
#[derive(Debug, Default)]
pub(super) struct Went {
    /// As many as were done.
    pub(super) steps: Vec<StepRun>,
    /// Why there are no more.
    pub(super) broken: Option<Broken>,
}

impl Scene<'_> {
    /// Does the steps until one breaks.
    pub(super) fn run(mut self) -> Went {
        let mut went = Went::default();
        for (number, step) in self.case.steps.iter().enumerate() {
            match self.step(step) {
                Ok(run) => went.steps.push(run),
                Err(Broken(why)) => {
                    went.broken = Some(Broken(format!("step {number}: {why}")));
                    break;
                }
            }
        }
        went
    }

    fn step(&mut self, step: &Step) -> Result<StepRun, Broken> {
        let before = match self.last.take() {
            Some(last) => last,
            None => self.lanes(),
        };
        let mut run = StepRun::default();
        let traffic = match step {
            Step::Open { flows, offloaded } => self.open(*flows, *offloaded)?,
            Step::Send { packet, .. } => self.send(packet)?,
            Step::Act(act) => {
                self.testers.begin(false)?;
                let done = match self.mutation {
                    Some(Mutation::Deaf) => unheard(),
                    _ => self.dut.act(act, &self.crafter.flow(0), self.instance.family, self.instance.protocol),
                };
                run.act = Some(self.allowed(act, done)?);
                self.testers.settle()?
            }
            Step::Wait(ms) => {
                self.testers.begin(false)?;
                std::thread::sleep(Duration::from_millis(u64::from(*ms)));
                self.testers.settle()?
            }
            Step::Stream { packet, rate, ms, act } => {
                let (stream, done) = self.stream(packet, *rate, *ms, act)?;
                (run.stream, run.act) = (Some(stream), Some(self.allowed(act, done)?));
                Traffic::default()
            }
            Step::Look => Traffic::default(),
        };
        let after = self.lanes();
        let taken = before.to(&after);
        self.last = Some(after);
        (run.sent, run.arrived) = (traffic.sent, traffic.arrived);
        (run.classic, run.cpu) = (taken.classic, taken.cpu);
        run.state = self.state();
        Ok(run)
    }

    /// What came of an act. The reference must do it, or there is nothing to compare with.
    fn allowed(&self, act: &Act, done: ActRun) -> Result<ActRun, Broken> {
        match done.done || self.datapath != REFERENCE {
            true => Ok(done),
            false => Err(Broken(format!("{act:?} was refused on the reference: {}", done.said))),
        }
    }

    /// The state of the instance's flows, and the port counters less what the testers sent for themselves.
    fn state(&mut self) -> State {
        let flows: Vec<Flow> = (0..self.case.flows()).map(|flow| self.crafter.flow(flow)).collect();
        let mut state = self.dut.state(&flows, self.instance.protocol);
        if let Reading::Seen(ports) = &mut state.ports {
            without(ports, self.testers.sentinels());
        }
        state
    }

    fn send(&mut self, packet: &PacketSpec) -> Result<Traffic, Broken> {
        let frames = self.crafter.frames(packet, self.instance.direction);
        let frames = frames.map_err(|error| Broken::of("making the packets", error))?;
        self.testers.begin(false)?;
        for (side, frame) in &frames {
            match packet.segment {
                0 => self.testers.send(*side, frame)?,
                segment => self.testers.send_uncut(*side, frame, segment)?,
            }
        }
        self.testers.settle()
    }

    pub(super) fn lanes(&mut self) -> Lanes {
        Lanes::read(&*self.testers, self.dut)
    }
}

/// An act on a datapath that does not hear of it.
pub(super) fn unheard() -> ActRun {
    ActRun { done: true, said: "not done: the mutant does not hear of it".to_owned(), duration_ns: 0 }
}

/// Port counters less sentinels: those that the client sent enter at the LAN, and what is forwarded of them leaves at the WAN.
fn without(ports: &mut Ports, sentinels: Sentinels) {
    let less = |packets: &mut u64, bytes: &mut u64, count: u64, side: usize| {
        // A port that was made anew counts from 0.
        *packets = packets.saturating_sub(count);
        *bytes = bytes.saturating_sub(count * sentinels.frame_len[side]);
    };
    let ([up, down], [up_out, down_out]) = (sentinels.sent, sentinels.passed);
    for (side, port, received, sent) in [
        (0, &mut ports.client, down_out, up),
        (0, &mut ports.lan, up, down_out),
        (1, &mut ports.wan, down, up_out),
        (1, &mut ports.server, up_out, down),
    ] {
        less(&mut port.rx_packets, &mut port.rx_bytes, received, side);
        less(&mut port.tx_packets, &mut port.tx_bytes, sent, side);
    }
}

/// Whether acts of a case leave something behind that the next must not meet. Connections are their own instance's.
pub(super) fn disturbs(case: &Case) -> bool {
    let lasts = |act: &Act| !matches!(act, Act::ConntrackDelete | Act::ConntrackFlush);
    case.steps.iter().any(|step| match step {
        Step::Act(act) | Step::Stream { act, .. } => lasts(act),
        _ => false,
    })
}

/// Whether acts of a case may leave the testers without the ports that they had.
pub(super) fn takes_ports(case: &Case) -> bool {
    case.steps.iter().any(|step| matches!(step, Step::Act(Act::PortDelete) | Step::Stream { act: Act::PortDelete, .. }))
}
