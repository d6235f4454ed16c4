//! `raw`: flowgauge's own engine on AF_PACKET sockets, every frame counted and verified.
//!
//! A frame is born in `template` (addresses from `endpoint`, size and TCP numbers from `stream`, `stamp`), travels in
//! a `batch` on its time in `pace`, and ends in the `ring` of the other tester, where `packet` and `inspect` judge it
//! and `tally` accounts for it. `opening` makes the flows that `sender` and `receiver` then measure on.

pub mod batch;
pub mod checksum;
pub mod clock;
pub mod endpoint;
pub mod inspect;
mod opening;
pub mod pace;
pub mod packet;
pub mod receiver;
mod report;
pub mod ring;
pub mod sender;
pub mod socket;
pub mod stamp;
pub mod stream;
pub mod tally;
pub mod template;
pub mod wire;

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flowgauge_reports::offered::DirectionReport;
use flowgauge_scenarios::{Opening, Traffic};

pub use self::endpoint::Side;
pub use self::receiver::{Depth, Residual};
pub use self::wire::{CpuPlan, Wire};

use self::endpoint::Translations;
use self::inspect::Inspector;
use self::opening::Opener;
use self::pace::Schedule;
use self::receiver::{Receiver, Seen, discard};
use self::sender::{Sent, Stream, send};
use self::socket::{Port, pin};
use super::{Generator, GeneratorError, Mark, Opened};

/// How the engine receives.
#[derive(Clone, Copy, Debug)]
pub struct RawOptions {
    /// Bytes of each tester's receive ring. A 64-byte frame takes about 160: 64 MiB hold 400,000 of them, so that a
    /// trial of 2 s at 150 kpps needs no CPU for receiving while it sends.
    pub ring_bytes: usize,
    /// How thoroughly frames are verified.
    pub depth: Depth,
    /// How long to wait for the last frames.
    pub residual: Residual,
}

impl Default for RawOptions {
    fn default() -> Self {
        RawOptions { ring_bytes: 64 << 20, depth: Depth::default(), residual: Residual::default() }
    }
}

/// How much later than now the first frame is sent: time for all threads to be ready.
const LEAD_NS: u64 = 3_000_000;
/// Receivers give way to senders where they share a CPU, and still get the quarter of it that keeps the ring from
/// filling up.
const RECEIVER_NICE: libc::c_int = 5;

/// The engine between two testers.
#[derive(Debug)]
pub struct RawEngine {
    wires: [Wire; 2],
    ports: [Port; 2],
    cpus: CpuPlan,
    options: RawOptions,
    /// Which traffic is open (protocol, families, flows), and where the server sees its flows come from.
    opened: Option<(Traffic, Translations)>,
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
        Ok(RawEngine { wires: [client, server], ports, cpus, options, opened: None })
    }

    /// What the opening of this traffic learned; none if it needs no opening.
    fn translations(&self, traffic: &Traffic) -> Result<Option<&Translations>, GeneratorError> {
        if traffic.opening == Opening::None {
            return Ok(None);
        }
        match &self.opened {
            Some((open, learned))
                if (open.protocol, open.families, open.flows)
                    == (traffic.protocol, traffic.families, traffic.flows) =>
            {
                Ok(Some(learned))
            }
            _ => Err(GeneratorError::NotOpened),
        }
    }

    fn discard(&mut self) -> Result<(), GeneratorError> {
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
        check(traffic)?;
        self.opened = None;
        if traffic.opening == Opening::None {
            return Ok(Opened::default());
        }
        self.discard()?;
        let [client, server] = &self.wires;
        // An MSS that fits the measured frames, and at least what every host must take (RFC 9293 section 3.7.1).
        let mss = traffic.max_size().saturating_sub(18).max(1500);
        let (macs, ifnames) = ([client.macs(), server.macs()], [client.ifname.as_str(), server.ifname.as_str()]);
        let opener = Opener { traffic, ports: &mut self.ports, macs, ifnames, mss };
        let (opened, learned) = opener.open()?;
        self.opened = Some((*traffic, learned));
        Ok(opened)
    }

    fn drive_marked(
        &mut self,
        traffic: &Traffic,
        duration: Duration,
        cancel: &AtomicBool,
        mark: &mut dyn FnMut(Mark),
    ) -> Result<Vec<DirectionReport>, GeneratorError> {
        check(traffic)?;
        self.translations(traffic)?;
        self.discard()?;
        let since_ns = clock::monotonic_ns();
        let learned = match (&self.opened, traffic.opening) {
            (Some((_, learned)), Opening::Full) => Some(learned),
            _ => None,
        };
        let sides: &[Side] = match (traffic.direction.client_sends(), traffic.direction.server_sends()) {
            (true, true) => &[Side::Client, Side::Server],
            (true, false) => &[Side::Client],
            _ => &[Side::Server],
        };
        let pps = report::intended_pps(traffic);
        let sent: [OnceLock<u64>; 2] = [OnceLock::new(), OnceLock::new()];
        let (wires, cpus, options) = (&self.wires, self.cpus, self.options);
        let [client, server] = &mut self.ports;
        let (tx, mut rx) = ([&client.tx, &server.tx], [Some(&mut client.rx), Some(&mut server.rx)]);
        let ifname = |side: Side| wires[side as usize].ifname.clone();

        mark(Mark::Begin);
        let start_ns = clock::monotonic_ns() + LEAD_NS;
        let (results, seen) = std::thread::scope(|scope| {
            let mut receivers = Vec::new();
            for &side in sides {
                let to = side.peer();
                let Some(ring) = rx[to as usize].take() else { continue };
                let inspector = Inspector::new(to, wires[to as usize].macs(), traffic, learned, since_ns);
                let RawOptions { depth, residual, .. } = options;
                let sent = &sent[side as usize];
                let receiver = Receiver { ring, inspector, depth, residual, flows: traffic.flows, sent };
                let cpu = cpus.receivers[to as usize];
                let thread = std::thread::Builder::new().name("fg-receive".to_owned()).spawn_scoped(scope, move || {
                    pin(cpu).map_err(|source| GeneratorError::Thread { cpu, source })?;
                    give_way();
                    receiver.run().map_err(|source| GeneratorError::Receive { ifname: ifname(to), source })
                });
                receivers.push(thread.map_err(|source| GeneratorError::Thread { cpu, source }));
            }
            let mut senders = Vec::new();
            for &side in sides {
                let cpu = cpus.senders[side as usize];
                let fd = tx[side as usize];
                let schedule = Schedule::new(pps, start_ns, duration.as_nanos() as u64);
                let thread = std::thread::Builder::new().name("fg-send".to_owned()).spawn_scoped(scope, move || {
                    let pinned = pin(cpu).map_err(|source| GeneratorError::Thread { cpu, source });
                    pinned.map_err(|error| (0, error))?;
                    let mut stream = Stream::new(side, wires[side as usize].macs(), traffic, learned);
                    clock::sleep_until(start_ns);
                    send(&mut stream, fd, schedule, start_ns, cancel)
                        .map_err(|(sent, source)| (sent, GeneratorError::Send { ifname: ifname(side), sent, source }))
                });
                senders.push(thread.map_err(|source| GeneratorError::Thread { cpu, source }));
            }
            let results: Vec<Result<Sent, (u64, GeneratorError)>> = senders
                .into_iter()
                .map(|thread| {
                    thread.map_err(|e| (0, e)).and_then(|t| t.join().unwrap_or_else(|p| std::panic::resume_unwind(p)))
                })
                .collect();
            mark(Mark::End);
            for (result, &side) in results.iter().zip(sides) {
                let frames = result.as_ref().map_or_else(|(sent, _)| *sent, |s| s.frames);
                let _ = sent[side as usize].set(frames);
            }
            let seen: Vec<Result<Seen, GeneratorError>> = receivers
                .into_iter()
                .map(|thread| {
                    thread.and_then(|t| {
                        t.thread().unpark();
                        t.join().unwrap_or_else(|p| std::panic::resume_unwind(p))
                    })
                })
                .collect();
            (results, seen)
        });
        if cancel.load(Ordering::Relaxed) {
            return Err(GeneratorError::Cancelled);
        }
        let mut reports = Vec::new();
        for ((&side, result), seen) in sides.iter().zip(results).zip(seen) {
            reports.push(report::direction(side, traffic, pps, result.map_err(|e| e.1)?, seen?));
        }
        Ok(reports)
    }
}

fn check(traffic: &Traffic) -> Result<(), GeneratorError> {
    traffic.check(u32::from(u16::MAX)).map_err(|reason| GeneratorError::Traffic { reason })
}

fn give_way() {
    // SAFETY: no pointers. PRIO_PROCESS with 0 is the calling thread; a refusal only costs speed.
    let _: io::Result<()> = match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, RECEIVER_NICE) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
}
