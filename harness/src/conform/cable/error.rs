//! What can go wrong at the testers' ports.

use std::io;

/// A failure at a tester's port. A link that is down is none: what is sent there is lost, as on a real one.
#[derive(Debug, thiserror::Error)]
pub enum CableError {
    /// A tester's namespace could not be entered.
    #[error("entering the namespace of port {port}: {source}; run as root or inside a user namespace of your own")]
    Namespace {
        /// The tester's port.
        port: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A packet socket could not be set up.
    #[error("could not {step} on port {port}: {source}; check that the port exists and that CAP_NET_RAW is held there")]
    Socket {
        /// What was tried.
        step: &'static str,
        /// The tester's port.
        port: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel refused a frame.
    #[error("sending a frame of {len} bytes on port {port}: {source}; check that the port's MTU fits")]
    Send {
        /// The tester's port.
        port: String,
        /// Length of the frame in bytes.
        len: usize,
        /// What the kernel said.
        source: io::Error,
    },
    /// Receiving failed.
    #[error("receiving on port {port}: {source}; check that the port still exists")]
    Receive {
        /// The tester's port.
        port: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// The socket had no room, so that frames are missing that the DUT did forward.
    #[error("port {port} had no room for {frames} received frames; send fewer in one step")]
    Overrun {
        /// The tester's port.
        port: String,
        /// How many are missing.
        frames: u64,
    },
    /// The calling thread could not be bound to a CPU.
    #[error("keeping the sending thread on CPU {cpu}: {source}; allow this process that CPU")]
    Pin {
        /// The CPU.
        cpu: usize,
        /// What the kernel said.
        source: io::Error,
    },
}
