//! A cell's run on its way out.

use std::time::Instant;

use flowgauge_reports::conform::{CaseRun, StepRun};
use flowgauge_reports::event::Event;

use super::cells::Cell;
use crate::conform::station::Refused;
use crate::worker::protocol::{Failure, Wire};

impl Cell {
    /// A run of so many steps that began then.
    pub(super) fn run(self, steps: Vec<StepRun>, broken: Option<String>, began: Instant) -> CaseRun {
        CaseRun {
            instance: self.instance,
            topology: self.topology,
            datapath: self.datapath,
            mutation: self.mutation,
            again: self.again,
            steps,
            refused: None,
            broken,
            duration_ns: began.elapsed().as_nanos() as u64,
        }
    }

    /// A run that ended before it began.
    pub fn broken(self, why: String) -> CaseRun {
        self.run(Vec::new(), Some(why), Instant::now())
    }

    /// A run that could not be set up: the kernel cannot, or something went wrong.
    pub(super) fn refused(self, refused: &Refused) -> CaseRun {
        match refused {
            Refused::Unsupported(said) => {
                CaseRun { refused: Some(said.clone()), ..self.run(Vec::new(), None, Instant::now()) }
            }
            Refused::Broken(why) => self.broken(why.clone()),
        }
    }
}

/// Sends a run to the host.
pub(super) fn emit(wire: &dyn Wire, run: CaseRun) -> Result<(), Failure> {
    wire.emit(&Event::CaseRun(Box::new(run)))
}
