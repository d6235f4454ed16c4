//! The tap: which frames of the generator the CPU saw at a port of the DUT, flow by flow.
//!
//! A packet socket inside the DUT's namespace gets every frame that the port's driver hands to the stack, before
//! anything else looks at it; frames that the hardware forwarded never come there. Each frame bears a stamp with its flow, its
//! number in the flow and when it was sent, so that what the CPU did *not* see is known exactly: that is the
//! hardware's, or lost.

mod onset;
mod record;

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use flowgauge_topologies::Netns;
use thiserror::Error;

pub use onset::{SentFlow, onsets, round_robin};
pub use record::{Seen, TapRecord, Watched};

use crate::generators::GeneratorError;
use crate::generators::raw::Wire;
use crate::generators::raw::ring::RxRing;
use crate::generators::raw::socket::Port;

/// Room for 400,000 short frames or 40,000 of full length; what does not fit is counted.
const RING_BYTES: usize = 64 << 20;
/// The longest that a frame waits in the ring for its block to be handed over, and some more. When nothing came for so
/// long after the traffic stood still, all of it has been read.
const SILENCE_MS: u16 = 20;

/// Why a tap saw nothing.
#[derive(Debug, Error)]
pub enum TapError {
    /// No packet socket on the port.
    #[error("opening the tap: {0}")]
    Open(#[from] GeneratorError),
    /// The namespace's descriptor could not be duplicated.
    #[error("opening the tap on {port}: duplicating the namespace's descriptor: {source}")]
    Namespace {
        /// The port.
        port: String,
        /// What came back.
        source: io::Error,
    },
    /// The socket failed while it was read.
    #[error("reading the tap on {port}: {source}; did the port go down?")]
    Read {
        /// The port.
        port: String,
        /// What came back.
        source: io::Error,
    },
    /// No thread to read it.
    #[error("starting the tap's thread: {0}")]
    Thread(#[source] io::Error),
    /// It was started twice, or stopped without having been started.
    #[error("the tap on {port} {state}")]
    State {
        /// The port.
        port: String,
        /// What it is.
        state: &'static str,
    },
}

/// What a running tap hands back.
type Outcome = (RxRing, io::Result<TapRecord>);

/// A tap on one port. Open it before the traffic begins, start it for each measurement.
#[derive(Debug)]
pub struct Tap {
    port: String,
    ring: Option<RxRing>,
    running: Option<(Arc<AtomicBool>, JoinHandle<Outcome>)>,
}

impl Tap {
    /// Opens a tap on `port` of `netns`. Its ring keeps the namespace alive: drop it before the testbed.
    ///
    /// Generic receive offload must be off on the port, or several frames become one before the tap.
    pub fn open(netns: &Netns, port: &str) -> Result<Self, TapError> {
        let namespace = |source| TapError::Namespace { port: port.to_owned(), source };
        let netns: OwnedFd = netns.fd().as_fd().try_clone_to_owned().map_err(namespace)?;
        // The addresses are a sender's, and nothing is sent.
        let wire = Wire { netns, ifname: port.to_owned(), mac: [0; 6], gateway_mac: [0; 6] };
        let ring = Port::open(&wire, RING_BYTES)?.rx;
        Ok(Tap { port: port.to_owned(), ring: Some(ring), running: None })
    }

    /// Begins to record. What came before is forgotten.
    pub fn start(&mut self, watched: Watched) -> Result<(), TapError> {
        let Some(mut ring) = self.ring.take() else { return Err(self.state("is running already")) };
        let begun = discard(&mut ring);
        if let Err(source) = begun {
            self.ring = Some(ring);
            return Err(self.read(source));
        }
        let stop = Arc::new(AtomicBool::new(false));
        let heard = Arc::clone(&stop);
        let body = move || {
            let mut record = TapRecord::new(watched.flows);
            let read = listen(&mut ring, &watched, &mut record, &heard);
            (ring, read.map(|()| record))
        };
        let thread = std::thread::Builder::new().name("fg-tap".to_owned()).spawn(body).map_err(TapError::Thread)?;
        self.running = Some((stop, thread));
        Ok(())
    }

    /// Ends the recording, all that waits in the ring included. Call it when the traffic stands still.
    pub fn stop(&mut self) -> Result<TapRecord, TapError> {
        let Some((stop, thread)) = self.running.take() else { return Err(self.state("is not running")) };
        stop.store(true, Ordering::Release);
        let (ring, record) = thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        self.ring = Some(ring);
        record.map_err(|source| self.read(source))
    }

    fn state(&self, state: &'static str) -> TapError {
        TapError::State { port: self.port.clone(), state }
    }

    fn read(&self, source: io::Error) -> TapError {
        TapError::Read { port: self.port.clone(), source }
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            stop.store(true, Ordering::Release);
            // Its record is of no use to anybody; a panic of it has been printed.
            let _ = thread.join();
        }
    }
}

fn discard(ring: &mut RxRing) -> io::Result<()> {
    while ring.read_block(|_, _| {}).is_some() {}
    ring.take_drops().map(drop)
}

/// Records until told to stop and nothing is left.
fn listen(ring: &mut RxRing, watched: &Watched, record: &mut TapRecord, stop: &AtomicBool) -> io::Result<()> {
    loop {
        // Asked before the wait: what was sent before the word to stop is in the ring by the end of the wait.
        let last = stop.load(Ordering::Acquire);
        ring.wait(SILENCE_MS)?;
        let mut any = false;
        while ring.read_block(|frame, _| record.take(watched, frame)).is_some() {
            any = true;
        }
        record.missed += ring.take_drops()?;
        if last && !any {
            return Ok(());
        }
    }
}
