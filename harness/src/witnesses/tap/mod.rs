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

pub use onset::{Sent, onsets};
pub use record::{Seen, TapRecord};

use crate::generators::raw::clock;
use crate::generators::raw::ring::RxRing;
use crate::generators::raw::socket::Port;
use crate::generators::{GeneratorError, Wire};

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
}

/// A tap on one port, ready to record.
#[derive(Debug)]
pub struct Tap {
    port: String,
    run: u16,
    ring: RxRing,
}

impl Tap {
    /// Opens a tap on `port` of `netns` for the frames of the engine with the number `run`
    /// ([`crate::generators::RawEngine::run`]). Its ring keeps the namespace alive: drop it before the testbed.
    ///
    /// Generic receive offload must be off on the port, or several frames become one before the tap.
    pub fn open(netns: &Netns, port: &str, run: u16) -> Result<Self, TapError> {
        let namespace = |source| TapError::Namespace { port: port.to_owned(), source };
        let netns: OwnedFd = netns.fd().as_fd().try_clone_to_owned().map_err(namespace)?;
        // The addresses are a sender's, and nothing is sent.
        let wire = Wire { netns, ifname: port.to_owned(), mac: [0; 6], gateway_mac: [0; 6] };
        Ok(Tap { port: port.to_owned(), run, ring: Port::open(&wire, RING_BYTES)?.rx })
    }

    /// Begins to record frames that are sent from now on.
    pub fn start(mut self) -> Result<RunningTap, TapError> {
        let (port, run) = (self.port.clone(), self.run);
        let read = |source| TapError::Read { port: port.clone(), source };
        let mut record = TapRecord::since(run, clock::monotonic_ns());
        discard(&mut self.ring).map_err(read)?;
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let body = move || listen(&mut self.ring, &mut record, &told).map(|()| record);
        let thread = std::thread::Builder::new().name("fg-tap".to_owned()).spawn(body).map_err(TapError::Thread)?;
        Ok(RunningTap { port, stop, thread: Some(thread) })
    }
}

/// A tap that records. It ends when it is dropped.
#[derive(Debug)]
pub struct RunningTap {
    port: String,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<io::Result<TapRecord>>>,
}

impl RunningTap {
    /// Ends the recording, all that waits in the ring included. Call it when the traffic stands still.
    pub fn stop(mut self) -> Result<TapRecord, TapError> {
        let outcome = self.finish().unwrap_or_else(|| Err(io::Error::other("its thread is gone")));
        outcome.map_err(|source| TapError::Read { port: self.port.clone(), source })
    }

    fn finish(&mut self) -> Option<io::Result<TapRecord>> {
        self.stop.store(true, Ordering::Release);
        let thread = self.thread.take()?;
        Some(thread.join().unwrap_or_else(|_| Err(io::Error::other("its thread panicked"))))
    }
}

impl Drop for RunningTap {
    fn drop(&mut self) {
        self.finish();
    }
}

fn discard(ring: &mut RxRing) -> io::Result<()> {
    while ring.read_block(|_, _| {}).is_some() {}
    ring.take_drops().map(drop)
}

/// Records until told to stop and nothing is left.
fn listen(ring: &mut RxRing, record: &mut TapRecord, stop: &AtomicBool) -> io::Result<()> {
    loop {
        // Asked before the wait: what was sent before the word to stop is in the ring by the end of the wait.
        let last = stop.load(Ordering::Acquire);
        ring.wait(SILENCE_MS)?;
        let mut any = false;
        while ring.read_block(|frame, _| record.take(frame)).is_some() {
            any = true;
        }
        record.missed += ring.take_drops()?;
        if last && !any {
            return Ok(());
        }
    }
}
