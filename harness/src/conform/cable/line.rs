//! The cable: what a step sends, and what comes of it.

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use flowgauge_reports::conform::{Arrived, Sent};
use flowgauge_scenarios::Family;
use flowgauge_scenarios::conform::{Encapsulation, Side};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::error::CableError;
use super::place::Place;
use super::port::Port;
use super::sentinel::{self, Sentinels};
use crate::conform::craft::Envelope;
use crate::generators::raw::clock;
use crate::generators::raw::wire::{Macs, Wire};

/// How often a sentinel is looked for in vain. Where the DUT does not forward, none comes.
const LOOKS: u32 = 20;
/// How long a look takes. Each is a sleep of ours: a machine that stands still for a moment, as a guest does whose host has other
/// work, has that moment counted as one look and not as twenty.
const LOOK: Duration = Duration::from_millis(10);
/// How long is looked at most, where frames come without end.
const LONGEST: Duration = Duration::from_secs(5);
/// How long nothing may arrive before a dead link is taken for quiet.
const QUIET: Duration = Duration::from_millis(20);
/// Rounds of sentinels. When those of the first are out, the DUT has handled all that was sent, and what it made of it is
/// on its way to either tester; those of the second are behind that.
const ROUNDS: u32 = 2;

/// Both testers' ports. The calling thread is kept on its CPU from [`Cable::begin`] on.
#[derive(Debug)]
pub struct Cable {
    ports: [Port; 2],
    envelopes: [Envelope; 2],
    family: Family,
    began_ns: u64,
    sent: Vec<Sent>,
    arrived: Vec<Arrived>,
    quiet: bool,
    /// Of the last sentinel, and of the last one before the step.
    number: u32,
    first: u32,
    sentinels: Sentinels,
    place: Option<Place>,
}

impl Cable {
    /// Opens both ports. Sentinels are plain IPv4 until [`Cable::route`] says otherwise.
    pub fn open(client: Wire, server: Wire) -> Result<Cable, CableError> {
        let plain = |wire: &Wire| Envelope { macs: wire.macs(), encapsulation: Encapsulation::None };
        let envelopes = [plain(&client), plain(&server)];
        let mut cable = Cable {
            ports: [Port::open(client)?, Port::open(server)?],
            envelopes,
            family: Family::Ipv4,
            began_ns: clock::monotonic_ns(),
            sent: Vec::new(),
            arrived: Vec::new(),
            quiet: false,
            number: 0,
            first: 0,
            sentinels: Sentinels::default(),
            place: None,
        };
        cable.route(Family::Ipv4, Encapsulation::None);
        Ok(cable)
    }

    /// How sentinels go: as the station's packets do.
    pub fn route(&mut self, family: Family, lan: Encapsulation) {
        self.family = family;
        self.envelopes[Side::Client as usize].encapsulation = lan;
        for side in [Side::Client, Side::Server] {
            let len = sentinel::frame(&self.envelopes[side as usize], family, side, 0).len();
            self.sentinels.frame_len[side as usize] = len as u64;
        }
    }

    /// The MAC addresses at the LAN and at the WAN.
    pub fn macs(&self) -> (Macs, Macs) {
        (self.envelopes[0].macs, self.envelopes[1].macs)
    }

    /// With `true` what is sent is not kept for [`Cable::settle`]: of streams, and where the caller knows it anyway.
    pub fn set_quiet(&mut self, quiet: bool) {
        self.quiet = quiet;
    }

    /// A step begins: what came before is forgotten, and times count from here.
    pub fn begin(&mut self) -> Result<(), CableError> {
        Place::keep(&mut self.place)?;
        for port in &mut self.ports {
            port.revive();
        }
        self.drain()?;
        for port in &self.ports {
            // Taking them clears them: what an earlier step lost is not this one's.
            let _ = port.listener.take_drops();
        }
        self.sent.clear();
        self.arrived.clear();
        self.sentinels = Sentinels { frame_len: self.sentinels.frame_len, ..Sentinels::default() };
        self.first = self.number;
        self.began_ns = clock::monotonic_ns();
        Ok(())
    }

    /// Nanoseconds since the step began.
    pub fn elapsed_ns(&self) -> u64 {
        clock::monotonic_ns().saturating_sub(self.began_ns)
    }

    /// Sends a frame. On a dead link it is lost, which is no error.
    pub fn send(&mut self, side: Side, frame: &[u8]) -> Result<(), CableError> {
        let at_ns = self.elapsed_ns();
        self.ports[side as usize].send(frame)?;
        if !self.quiet {
            self.sent.push(Sent { side, at_ns, frame: frame.to_vec() });
        }
        Ok(())
    }

    /// Sends a frame with TCP that the link takes uncut, to be cut later into segments with so many bytes of payload.
    pub fn send_uncut(&mut self, side: Side, frame: &[u8], segment: u16) -> Result<(), CableError> {
        let at_ns = self.elapsed_ns();
        self.ports[side as usize].send_uncut(frame, segment)?;
        self.sent.push(Sent { side, at_ns, frame: frame.to_vec() });
        Ok(())
    }

    /// Sends frames in order: where the sender changes, only when the DUT has handled what the other sent before.
    pub fn exchange(&mut self, frames: &[(Side, Vec<u8>)]) -> Result<(), CableError> {
        for (n, (side, frame)) in frames.iter().enumerate() {
            if n > 0 && frames[n - 1].0 != *side {
                self.handled(frames[n - 1].0)?;
            }
            self.send(*side, frame)?;
        }
        Ok(())
    }

    /// Waits until the DUT has handled all that `side` sent, some 200 ms at most.
    pub fn handled(&mut self, side: Side) -> Result<(), CableError> {
        let mut looks = LOOKS;
        self.round(&[side], &mut looks).map(drop)
    }

    /// Waits until everything on the way has arrived, and returns what was sent and what arrived since the step began,
    /// both in order of time. Where sentinels do not come back it takes some 200 ms, on a dead link until it is quiet.
    pub fn settle(&mut self) -> Result<(Vec<Sent>, Vec<Arrived>), CableError> {
        let mut looks = LOOKS;
        for _ in 0..ROUNDS {
            if !self.round(&[Side::Client, Side::Server], &mut looks)? {
                break;
            }
        }
        self.drain()?;
        for port in &self.ports {
            let name = || port.wire.ifname.clone();
            match port.listener.take_drops() {
                Ok(0) => {}
                Ok(frames) => return Err(CableError::Overrun { port: name(), frames }),
                Err(source) => return Err(CableError::Receive { port: name(), source }),
            }
        }
        self.arrived.sort_by_key(|arrived| arrived.at_ns);
        Ok((std::mem::take(&mut self.sent), std::mem::take(&mut self.arrived)))
    }

    /// The sentinels since the step began.
    pub fn sentinels(&self) -> Sentinels {
        self.sentinels
    }

    /// One sentinel from each of `sides`, and waiting until all are back, for so many looks at most. Whether they are.
    fn round(&mut self, sides: &[Side], looks: &mut u32) -> Result<bool, CableError> {
        self.number = self.number.wrapping_add(1);
        let mut missing = [false; 2];
        let mut alive = true;
        for side in sides {
            let at = *side as usize;
            let frame = sentinel::frame(&self.envelopes[at], self.family, *side, self.number);
            if self.ports[at].send(&frame)? {
                self.sentinels.sent[at] += 1;
                missing[at] = true;
            } else {
                alive = false;
            }
        }
        let began = Instant::now();
        let mut heard = began;
        loop {
            let (count, back) = self.drain()?;
            missing = [missing[0] && !back[0], missing[1] && !back[1]];
            if alive && missing == [false; 2] {
                return Ok(true);
            }
            let now = Instant::now();
            if count > 0 {
                heard = now;
            }
            if *looks == 0 || now >= began + LONGEST || (!alive && now >= heard + QUIET) {
                return Ok(false);
            }
            let mut waiting = [0, 1].map(|n| PollFd::new(self.ports[n].listener.fd.as_fd(), PollFlags::POLLIN));
            let wait = PollTimeout::try_from(LOOK).unwrap_or(PollTimeout::ZERO);
            // An interruption merely looks once more; errors of the sockets are read by `drain`.
            if poll(&mut waiting, wait) == Ok(0) {
                *looks -= 1;
            }
        }
    }

    /// Takes in what has arrived. Returns how many frames, and from whom this round's sentinel is back.
    fn drain(&mut self) -> Result<(u64, [bool; 2]), CableError> {
        let ahead = clock::realtime_offset_ns();
        let (mut count, mut back) = (0, [false; 2]);
        for side in [Side::Client, Side::Server] {
            let port = &mut self.ports[side as usize];
            loop {
                let next = port.listener.next();
                let next = next.map_err(|source| CableError::Receive { port: port.wire.ifname.clone(), source })?;
                let Some(heard) = next else { break };
                count += 1;
                if let Some(sighting) = sentinel::sight(&heard.frame) {
                    let from = sighting.from as usize;
                    if sighting.number == self.number {
                        back[from] = true;
                    }
                    if sighting.from != side && !sighting.refused && sighting.number > self.first {
                        self.sentinels.passed[from] += 1;
                    }
                    continue;
                }
                let at_ns = (heard.realtime_ns as i64 - ahead - self.began_ns as i64).max(0) as u64;
                self.arrived.push(Arrived { side, at_ns, frame: heard.frame });
            }
        }
        Ok((count, back))
    }
}
