//! A rig without a system: deterministic, for tests of the runner and of everything that reads its events.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use flowgauge_reports::environment::{Accelerator, Clock, Environment};
use flowgauge_reports::event::Warning;
use flowgauge_reports::observation::{CpuObservation, Observation, Reading};
use flowgauge_reports::trial::{CellProfile, Offered, Opening, TimeToOffload};
use flowgauge_scenarios::{Datapath, Opening as Begin, Scenario};

use super::rig::{Driven, Rig};
use crate::worker::protocol::Failure;

/// Records what it is asked, and fails where it is told to.
#[derive(Debug, Default)]
pub struct FakeRig {
    /// Every call, in order, as `verb argument`.
    pub calls: Vec<String>,
    /// The call (by its text) that fails.
    pub fail_at: Option<String>,
}

impl FakeRig {
    fn call(&mut self, text: String) -> Result<(), Failure> {
        let fails = self.fail_at.as_deref() == Some(&text);
        self.calls.push(text);
        if fails { Err(Failure::environment("told to fail")) } else { Ok(()) }
    }
}

impl Rig for FakeRig {
    fn prepare(&mut self, scenario: &Scenario) -> Result<(), Failure> {
        self.call(format!("prepare {}", scenario.name))
    }

    fn environment(&mut self) -> Environment {
        Environment {
            flowgauge: env!("CARGO_PKG_VERSION").to_owned(),
            kernel_release: "0.0.0-fake".to_owned(),
            kernel_version: String::new(),
            kernel_origin: "fake".to_owned(),
            accelerator: Accelerator::Native,
            clock: Clock::Wall,
            cpu: String::new(),
            host_cpu: String::new(),
            cpus: 1,
            memory_bytes: 0,
            topology: "router".to_owned(),
            nics: Vec::new(),
            tools: Vec::new(),
            settings: Vec::new(),
        }
    }

    fn warnings(&mut self) -> Vec<Warning> {
        Vec::new()
    }

    fn apply(&mut self, _: &Scenario, datapath: Datapath) -> Result<String, Failure> {
        self.call(format!("apply {}", datapath.name())).map(|()| String::new())
    }

    fn block(&mut self, _: &Scenario) -> Result<(), Failure> {
        self.call("block".to_owned())
    }

    fn unblock(&mut self) -> Result<(), Failure> {
        self.call("unblock".to_owned())
    }

    fn open(&mut self, scenario: &Scenario, _: Datapath) -> Result<Option<Opening>, Failure> {
        self.call("open".to_owned())?;
        Ok((scenario.traffic.opening == Begin::Full).then(Opening::default))
    }

    fn drive(&mut self, _: &Scenario, duration: Duration, _: &AtomicBool) -> Result<Driven, Failure> {
        self.call(format!("drive {}ms", duration.as_millis()))?;
        Ok(Driven {
            offered: Offered::Frames(Vec::new()),
            cpu_before: CpuObservation::default(),
            cpu_after: CpuObservation::default(),
        })
    }

    fn time_to_offload(&mut self, _: &Scenario, _: &AtomicBool) -> Result<Option<TimeToOffload>, Failure> {
        self.call("time to offload".to_owned())?;
        let flows = Vec::new();
        Ok(Some(TimeToOffload { cell: 0, offered_pps: 0.0, duration_ns: 0, uncaptured: 0, lost: 0, flows }))
    }

    fn generator_cost(&mut self, _: &Scenario) -> Result<f64, Failure> {
        self.call("generator cost".to_owned()).map(|()| 2_000.0)
    }

    fn explain(&mut self, _: &Scenario) -> Result<Option<CellProfile>, Failure> {
        Ok(None)
    }

    fn observe(&mut self) -> Observation {
        self.calls.push("observe".to_owned());
        let why = "a fake sees nothing".to_owned();
        Observation { ports: Reading::Missing { why }, ..Observation::default() }
    }
}
