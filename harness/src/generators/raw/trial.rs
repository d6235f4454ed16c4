//! One trial: the threads that send and receive, and what they report.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flowgauge_reports::offered::DirectionReport;
use flowgauge_scenarios::Traffic;

use super::super::{GeneratorError, Mark};
use super::course::Course;
use super::endpoint::{Side, Translations};
use super::engine::{RawEngine, RawOptions};
use super::inspect::Inspector;
use super::pace::Schedule;
use super::receiver::{Receiver, Seen};
use super::sender::{Sent, Stream, send};
use super::socket::pin;
use super::{clock, report};

/// How much later than now the first frame is sent: time for all threads to be ready.
const LEAD_NS: u64 = 3_000_000;
/// Receivers give way to senders where they share a CPU, and still get the quarter of it that keeps the ring from
/// filling up.
const RECEIVER_NICE: libc::c_int = 5;

/// What one trial offers.
pub(super) struct Trial<'a> {
    pub(super) traffic: &'a Traffic,
    /// Where the opening saw the flows come from; none when there was none.
    pub(super) learned: Option<&'a Translations>,
    pub(super) duration: Duration,
    pub(super) cancel: &'a AtomicBool,
}

impl Trial<'_> {
    /// Sends and receives on the ports of `engine`. The reports are those of the directions, upstream first.
    pub(super) fn run(
        &self,
        engine: &mut RawEngine,
        mark: &mut dyn FnMut(Mark),
    ) -> Result<Vec<DirectionReport>, GeneratorError> {
        let Trial { traffic, learned, duration, cancel } = *self;
        engine.discard()?;
        let since_ns = clock::monotonic_ns();
        let sides: &[Side] = match (traffic.direction.client_sends(), traffic.direction.server_sends()) {
            (true, true) => &[Side::Client, Side::Server],
            (true, false) => &[Side::Client],
            _ => &[Side::Server],
        };
        let pps = report::intended_pps(traffic);
        let sent: [OnceLock<u64>; 2] = [OnceLock::new(), OnceLock::new()];
        let (wires, cpus, options, run) = (&engine.wires, engine.cpus, engine.options, engine.run);
        let [client, server] = &mut engine.ports;
        let (tx, mut rx) = ([&client.tx, &server.tx], [Some(&mut client.rx), Some(&mut server.rx)]);
        let ifname = |side: Side| wires[side as usize].ifname.clone();
        let course = |side| Course { side, traffic, path: options.path, learned, run };

        mark(Mark::Begin);
        let start_ns = clock::monotonic_ns() + LEAD_NS;
        let (results, seen) = std::thread::scope(|scope| {
            let mut receivers = Vec::new();
            for &side in sides {
                let to = side.peer();
                let Some(ring) = rx[to as usize].take() else { continue };
                let macs = options.path.macs(wires[to as usize].macs(), wires[side as usize].macs());
                let inspector = Inspector::new(course(side), macs, since_ns);
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
                    let mut stream = Stream::new(course(side), wires[side as usize].macs());
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

fn give_way() {
    // SAFETY: no pointers. PRIO_PROCESS with 0 is the calling thread; a refusal only costs speed.
    let _: io::Result<()> = match unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, RECEIVER_NICE) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    };
}
