//! The engine: two testers' ports, and the flows that are open between them.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use flowgauge_reports::offered::DirectionReport;
use flowgauge_scenarios::{Opening, Protocol, Traffic};

use super::super::{Generator, GeneratorError, Mark, Opened};
use super::clock;
use super::endpoint::Translations;
use super::opening::{Opener, Stage};
use super::path::{Nat, Path};
use super::receiver::{Depth, Residual, discard};
use super::socket::Port;
use super::trial::Trial;
use super::wire::{CpuPlan, Wire};

/// How the engine receives, and what it holds the DUT to.
#[derive(Clone, Copy, Debug)]
pub struct RawOptions {
    /// Bytes of each tester's receive ring. A 64-byte frame takes about 160: 64 MiB hold 400,000 of them, so that a
    /// trial of 2 s at 150 kpps needs no CPU for receiving while it sends.
    pub ring_bytes: usize,
    /// How thoroughly frames are verified.
    pub depth: Depth,
    /// How long to wait for the last frames.
    pub residual: Residual,
    /// What the DUT may do to frames. [`RawEngine::set_path`] changes it between trials.
    pub path: Path,
}

impl Default for RawOptions {
    fn default() -> Self {
        let (depth, residual, path) = (Depth::default(), Residual::default(), Path::default());
        RawOptions { ring_bytes: 64 << 20, depth, residual, path }
    }
}

/// The engine between two testers.
#[derive(Debug)]
pub struct RawEngine {
    pub(super) wires: [Wire; 2],
    pub(super) ports: [Port; 2],
    pub(super) cpus: CpuPlan,
    pub(super) options: RawOptions,
    pub(super) run: u16,
    /// Which traffic is open (protocol, families, flows), how far, and where the server sees its flows come from.
    opened: Option<(Traffic, Stage, Translations)>,
}

impl RawEngine {
    /// An engine with default options. The sockets are opened at once and stay bound to their ports.
    pub fn new(client: Wire, server: Wire, cpus: CpuPlan) -> Result<Self, GeneratorError> {
        Self::with_options(client, server, cpus, RawOptions::default())
    }

    /// An engine with options of the caller's choice.
    pub fn with_options(
        client: Wire,
        server: Wire,
        cpus: CpuPlan,
        options: RawOptions,
    ) -> Result<Self, GeneratorError> {
        let ports = [Port::open(&client, options.ring_bytes)?, Port::open(&server, options.ring_bytes)?];
        Ok(RawEngine { wires: [client, server], ports, cpus, options, run: rand::random(), opened: None })
    }

    /// What the DUT may do to frames from now on. Flows that were opened under another translation must be opened
    /// again.
    pub fn set_path(&mut self, path: Path) {
        if path.nat != self.options.path.nat {
            self.opened = None;
        }
        self.options.path = path;
    }

    /// The number in the stamps of this engine's frames, for taps ([`super::Stamp::read`]).
    pub fn run(&self) -> u16 {
        self.run
    }

    /// Prepares new flows for [`RawEngine::drive_new`]: TCP by SYN and SYN-ACK of every flow, so that the first
    /// measured frame completes the handshake; UDP by nothing, its first frame opens the flow. 0 flows are then
    /// reported.
    ///
    /// # Errors
    /// As [`Generator::open`].
    pub fn prepare_new(&mut self, traffic: &Traffic) -> Result<Opened, GeneratorError> {
        self.bring_to(Stage::Prepared, traffic)
    }

    /// [`Generator::drive_marked`] on flows that are new to the DUT: at the traffic's load (frames per second of all
    /// flows together, round robin from flow 0), the frame with sequence 0 is the one that makes its flow established
    /// (TCP) or known (UDP). `traffic.opening` is ignored.
    ///
    /// # Errors
    /// `NotOpened` before [`RawEngine::prepare_new`] of the same traffic; `Traffic` where the server would have to
    /// send into UDP flows whose translation it cannot know.
    pub fn drive_new(
        &mut self,
        traffic: &Traffic,
        duration: Duration,
        cancel: &AtomicBool,
        mark: &mut dyn FnMut(Mark),
    ) -> Result<Vec<DirectionReport>, GeneratorError> {
        check(traffic)?;
        if traffic.protocol == Protocol::Udp {
            self.check_unopened(traffic)?;
        }
        let learned = self.take_opened(traffic, Stage::Prepared)?;
        let unopened = Traffic { opening: Opening::None, ..*traffic };
        // UDP flows have nothing to learn from.
        let known = learned.as_ref().filter(|_| traffic.protocol == Protocol::Tcp).map(|(_, _, l)| l);
        Trial { traffic: &unopened, learned: known, duration, cancel }.run(self, mark)
    }

    /// Behind a translation the first packet decides whose connection it is: were it the server's, its answers would
    /// rightly not be translated, and the client would be told of damage that is none.
    fn check_unopened(&self, traffic: &Traffic) -> Result<(), GeneratorError> {
        if traffic.direction.server_sends() && self.options.path.nat != Nat::None {
            let reason = "the server cannot send into flows behind a translation that nobody opened: set direction = \
                          \"upstream\" or opening = \"full\"";
            return Err(GeneratorError::Traffic { reason: reason.to_owned() });
        }
        Ok(())
    }

    /// Takes what the opening of this traffic learned out of the engine.
    fn take_opened(
        &mut self,
        traffic: &Traffic,
        stage: Stage,
    ) -> Result<Option<(Traffic, Stage, Translations)>, GeneratorError> {
        let same = |open: &Traffic| {
            (open.protocol, open.families, open.flows) == (traffic.protocol, traffic.families, traffic.flows)
        };
        match self.opened.take_if(|(open, reached, _)| same(open) && *reached == stage) {
            Some(opened) => Ok(Some(opened)),
            None => Err(GeneratorError::NotOpened),
        }
    }

    fn bring_to(&mut self, stage: Stage, traffic: &Traffic) -> Result<Opened, GeneratorError> {
        check(traffic)?;
        self.opened = None;
        self.discard()?;
        let [client, server] = &self.wires;
        // An MSS that fits the measured frames, and at least what every host must take (RFC 9293 section 3.7.1).
        let mss = traffic.max_size().saturating_sub(18).max(1500);
        let (macs, ifnames) = ([client.macs(), server.macs()], [client.ifname.as_str(), server.ifname.as_str()]);
        let (path, run, since_ns) = (self.options.path, self.run, clock::monotonic_ns());
        let opener = Opener { traffic, path, run, ports: &mut self.ports, macs, ifnames, mss, since_ns };
        let (opened, learned) = opener.open(stage)?;
        self.opened = Some((*traffic, stage, learned));
        Ok(opened)
    }

    /// Empties both rings.
    pub(super) fn discard(&mut self) -> Result<(), GeneratorError> {
        for (port, wire) in self.ports.iter_mut().zip(&self.wires) {
            discard(&mut port.rx).map_err(|source| GeneratorError::Receive { ifname: wire.ifname.clone(), source })?;
        }
        Ok(())
    }
}

impl Generator for RawEngine {
    fn name(&self) -> &'static str {
        "raw"
    }

    fn open(&mut self, traffic: &Traffic) -> Result<Opened, GeneratorError> {
        if traffic.opening == Opening::None {
            self.opened = None;
            return check(traffic).map(|()| Opened::default());
        }
        self.bring_to(Stage::Opened, traffic)
    }

    fn drive_marked(
        &mut self,
        traffic: &Traffic,
        duration: Duration,
        cancel: &AtomicBool,
        mark: &mut dyn FnMut(Mark),
    ) -> Result<Vec<DirectionReport>, GeneratorError> {
        check(traffic)?;
        if traffic.opening == Opening::None {
            self.check_unopened(traffic)?;
            return Trial { traffic, learned: None, duration, cancel }.run(self, mark);
        }
        let opened = self.take_opened(traffic, Stage::Opened)?;
        let learned = opened.as_ref().map(|(_, _, learned)| learned);
        let reports = Trial { traffic, learned, duration, cancel }.run(self, mark);
        // Open flows stay open: another trial may follow.
        self.opened = opened;
        reports
    }
}

fn check(traffic: &Traffic) -> Result<(), GeneratorError> {
    traffic.check(u32::from(u16::MAX)).map_err(|reason| GeneratorError::Traffic { reason })
}
