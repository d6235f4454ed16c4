//! A stand without a system: what the testers send comes out at the other one, unless the DUT is told otherwise.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use flowgauge_reports::conform::{ActRun, Arrived, Sent, State};
use flowgauge_reports::environment::Environment;
use flowgauge_reports::observation::Reading;
use flowgauge_scenarios::conform::{Act, Flow, Mutation, Side, Station};
use flowgauge_scenarios::{Datapath, Family, Protocol};

use super::stand::{Broken, Dut, Stand, Stands, Testers, Traffic};
use crate::conform::cable::Sentinels;
use crate::conform::station::Refused;
use crate::generators::raw::wire::Macs;

/// What the fake does, and what was done to it.
#[derive(Debug, Default)]
pub(super) struct World {
    /// Everything that was asked of it, in order.
    pub(super) log: Vec<String>,
    /// The datapath whose ruleset is refused.
    pub(super) refuses: Option<Datapath>,
    /// The station that cannot be built, by its number.
    pub(super) unbuilt: Option<usize>,
    /// Frames until the fast path takes the flows; never where none.
    pub(super) takes_off_after: Option<u64>,
    /// Whether acts are refused.
    pub(super) stubborn: bool,
    /// Whether acts panic.
    pub(super) panics: bool,
    stations: usize,
    datapath: Option<Datapath>,
    seen: u64,
    classic: u64,
    traffic: Traffic,
}

impl World {
    fn fast(&self) -> bool {
        self.datapath.is_some_and(Datapath::offloads) && self.takes_off_after.is_some_and(|after| self.seen >= after)
    }
}

/// The shared fake.
#[derive(Clone, Debug, Default)]
pub(super) struct Fake(pub(super) Arc<Mutex<World>>);

impl Fake {
    pub(super) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, what: impl ToString) {
        self.world().log.push(what.to_string());
    }
}

/// Both parts are the fake.
struct FakeStand(Fake, Fake);

impl Stands for Fake {
    fn stand(&mut self, _: &Station, _: Option<Box<dyn Stand>>) -> Result<Box<dyn Stand>, Refused> {
        let number = self.world().stations;
        self.world().stations += 1;
        if self.world().unbuilt == Some(number) {
            return Err(Refused::Unsupported("no such device".to_owned()));
        }
        Ok(Box::new(FakeStand(self.clone(), self.clone())))
    }
}

impl Stand for FakeStand {
    fn parts(&mut self) -> (&mut dyn Testers, &mut dyn Dut) {
        (&mut self.0, &mut self.1)
    }

    fn reopen(&mut self) -> Result<(), Broken> {
        self.0.note("reopen");
        Ok(())
    }

    fn turn_to(&mut self, _: &Station) -> Result<bool, Refused> {
        Ok(false)
    }
}

impl Testers for Fake {
    fn begin(&mut self, _: bool) -> Result<(), Broken> {
        self.world().traffic = Traffic::default();
        Ok(())
    }

    fn send_uncut(&mut self, side: Side, frame: &[u8], _segment: u16) -> Result<(), Broken> {
        self.send(side, frame)
    }

    fn send(&mut self, side: Side, frame: &[u8]) -> Result<(), Broken> {
        let mut world = self.world();
        let other = if side == Side::Client { Side::Server } else { Side::Client };
        let at_ns = world.seen;
        world.classic += u64::from(!world.fast());
        world.seen += 1;
        world.traffic.sent.push(Sent { side, at_ns, frame: frame.to_vec() });
        world.traffic.arrived.push(Arrived { side: other, at_ns, frame: frame.to_vec() });
        Ok(())
    }

    fn exchange(&mut self, frames: &[(Side, Vec<u8>)]) -> Result<(), Broken> {
        frames.iter().try_for_each(|(side, frame)| self.send(*side, frame))
    }

    fn settle(&mut self) -> Result<Traffic, Broken> {
        Ok(std::mem::take(&mut self.world().traffic))
    }

    fn sentinels(&self) -> Sentinels {
        Sentinels::default()
    }

    fn macs(&self) -> (Macs, Macs) {
        let macs = Macs { own: [2, 0, 0, 0, 0, 1], gateway: [2, 0, 0, 0, 0, 2] };
        (macs, macs)
    }
}

impl Dut for Fake {
    fn apply(&mut self, datapath: Datapath, mutation: Option<Mutation>) -> Result<(), Refused> {
        self.note(format!("apply {}{}", datapath.name(), mutation.map_or("", |_| " broken")));
        let mut world = self.world();
        (world.datapath, world.seen, world.classic) = (Some(datapath), 0, 0);
        if world.refuses == Some(datapath) {
            Err(Refused::Unsupported("operation not supported".to_owned()))
        } else {
            Ok(())
        }
    }

    fn ruleset(&self) -> String {
        format!("table of {}", self.world().datapath.map_or("nothing", Datapath::name))
    }

    fn act(&mut self, act: &Act, _: &Flow, _: Family, _: Protocol) -> ActRun {
        self.note(format!("{act:?}"));
        assert!(!self.world().panics, "told to panic");
        ActRun { done: !self.world().stubborn, said: "busy".to_owned(), duration_ns: 1 }
    }

    fn restore(&mut self) -> Result<(), Refused> {
        self.note("restore");
        Ok(())
    }

    fn state(&mut self, _: &[Flow], _: Protocol) -> State {
        State::default()
    }

    fn classic(&mut self) -> Reading<u64> {
        Reading::Seen(self.world().classic)
    }

    fn cpu(&mut self) -> Reading<u64> {
        let world = self.world();
        if world.datapath == Some(Datapath::FlowtableHw) { Reading::Seen(world.classic) } else { Reading::Absent }
    }

    fn offloaded(&mut self, _: &Flow, _: Protocol) -> Reading<(bool, bool)> {
        let fast = self.world().fast();
        Reading::Seen((fast, fast && self.world().datapath == Some(Datapath::FlowtableHw)))
    }

    fn environment(&self) -> Environment {
        flowgauge_reports::sample::result().environment.expect("the sample has one")
    }
}
