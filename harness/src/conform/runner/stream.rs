//! A stream of numbered packets, and something done to the DUT in the middle of it.

use std::time::{Duration, Instant};

use flowgauge_reports::conform::{ActRun, StreamRun};
use flowgauge_scenarios::conform::{Act, Mutation, PacketSpec, Side};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use super::flight::Flight;
use super::instance::{Scene, unheard};
use super::stand::{Broken, Testers};

/// The most packets of a stream: they are made ahead, and kept until it is over.
const MOST: u64 = 50_000;
/// Less than this is not slept, for sleep may take that much longer.
const FINE: Duration = Duration::from_micros(200);

impl Scene<'_> {
    /// Sends `rate` packets a second for `ms` milliseconds, and acts after a third of the time.
    pub(super) fn stream(
        &mut self,
        packet: &PacketSpec,
        rate: u32,
        ms: u32,
        act: &Act,
    ) -> Result<(StreamRun, ActRun), Broken> {
        let total = u64::from(rate) * u64::from(ms) / 1000;
        if total == 0 || total > MOST {
            let what = format!("a stream of {rate} packets/s for {ms} ms has {total} packets");
            return Err(Broken(format!("{what}: it may have 1 to {MOST}")));
        }
        // Made ahead, so that making them delays none.
        let numbered = PacketSpec { count: total as u32, ..packet.clone() };
        let frames = self.crafter.frames(&numbered, self.instance.direction);
        let frames = frames.map_err(|error| Broken::of("making the packets of the stream", error))?;
        let first = frames.first().map_or(&[][..], |(_, frame)| frame);
        let flight = Flight::of(first, total as u32)?;
        let per_packet = (frames.len() / total as usize).max(1);

        self.testers.begin(true)?;
        let began = Instant::now();
        let gap = Duration::from_secs(1) / rate;
        let (testers, dut, deaf) = (&mut *self.testers, &mut *self.dut, self.mutation == Some(Mutation::Deaf));
        let (flow, family, protocol) = (self.crafter.flow(packet.flow), self.instance.family, self.instance.protocol);
        let (done, act_ns, sent) = std::thread::scope(|scope| {
            let pace = scope.spawn(|| pace(testers, &frames, per_packet, gap, began));
            // The sender has inherited our CPU, and shall have it for itself.
            let _elsewhere = Anywhere::go();
            std::thread::sleep((Duration::from_millis(u64::from(ms)) / 3).saturating_sub(began.elapsed()));
            let from = began.elapsed().as_nanos() as u64;
            let done = if deaf { unheard() } else { dut.act(act, &flow, family, protocol) };
            let act_ns = (from, began.elapsed().as_nanos() as u64);
            let sent =
                pace.join().unwrap_or_else(|_| Err(Broken("the thread that sends the stream panicked".to_owned())));
            (done, act_ns, sent)
        });
        let sent = sent?;
        let arrived = self.testers.settle()?.arrived;
        let (arrived, changed) = flight.told(&arrived, act_ns.0);
        Ok((StreamRun { sent, act_ns, arrived, changed }, done))
    }
}

/// The calling thread may run on any CPU, until this is dropped.
struct Anywhere(Option<CpuSet>);

impl Anywhere {
    fn go() -> Anywhere {
        let own = Pid::from_raw(0);
        let mut any = CpuSet::new();
        // The kernel leaves out those that do not exist, or are not ours.
        let all = (0..CpuSet::count()).try_for_each(|cpu| any.set(cpu));
        let before = sched_getaffinity(own).ok();
        // Best effort: on one CPU both take turns.
        let _ = all.and_then(|()| sched_setaffinity(own, &any));
        Anywhere(before)
    }
}

impl Drop for Anywhere {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = sched_setaffinity(Pid::from_raw(0), before);
        }
    }
}

/// Sends each packet when it is due. How many were sent: while its own port is down a tester sends nothing.
fn pace(
    testers: &mut dyn Testers,
    frames: &[(Side, Vec<u8>)],
    per_packet: usize,
    gap: Duration,
    began: Instant,
) -> Result<u64, Broken> {
    let mut sent = 0;
    for (number, packet) in (0..).zip(frames.chunks(per_packet)) {
        let wait = (gap * number).saturating_sub(began.elapsed());
        if wait > FINE {
            std::thread::sleep(wait);
        }
        match packet.iter().try_for_each(|(side, frame)| testers.send(*side, frame)) {
            Ok(()) => sent += 1,
            Err(broken) if number == 0 => return Err(broken),
            // The act may have taken the port away; it may also bring it back.
            Err(_) => {}
        }
    }
    Ok(sent)
}
