//! What can go wrong while traffic is offered.

use std::io;

/// A failure of a generator. The texts complete "failed to offer traffic: ...".
#[derive(Debug, thiserror::Error)]
pub enum GeneratorError {
    /// A tester's namespace could not be entered.
    #[error("entering the namespace of port {ifname}: {source}; run as root or inside a user namespace of your own")]
    Namespace {
        /// The tester's port.
        ifname: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A packet socket could not be set up.
    #[error(
        "could not {step} on port {ifname}: {source}; check that the port exists and that CAP_NET_RAW is held there"
    )]
    Socket {
        /// What was tried.
        step: &'static str,
        /// The tester's port.
        ifname: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// A thread could not be started or placed on its CPU.
    #[error("could not run a thread of the generator on CPU {cpu}: {source}; name CPUs that this process may use")]
    Thread {
        /// The CPU asked for.
        cpu: usize,
        /// What the kernel said.
        source: io::Error,
    },
    /// The kernel refused a frame.
    #[error(
        "sending on port {ifname} failed after {sent} frames: {source}; check that the link is up and its MTU fits"
    )]
    Send {
        /// The tester's port.
        ifname: String,
        /// Frames sent until then.
        sent: u64,
        /// What the kernel said.
        source: io::Error,
    },
    /// Waiting for frames failed.
    #[error("receiving on port {ifname}: {source}; check that the link still exists")]
    Receive {
        /// The tester's port.
        ifname: String,
        /// What the kernel said.
        source: io::Error,
    },
    /// Some flows never came through.
    #[error(
        "only {opened} of {wanted} flows opened: flow {first_missing} got no further than `{last_step}`; check the \
         ruleset (does it let new connections through?), routes and neighbours of the DUT, and its conntrack table size"
    )]
    FlowsNotOpened {
        /// Flows asked for.
        wanted: u32,
        /// Flows opened until the engine gave up.
        opened: u32,
        /// The first flow that did not open.
        first_missing: u32,
        /// The last step of that flow that was seen to arrive.
        last_step: &'static str,
    },
    /// Traffic that needs open flows was driven before they were opened.
    #[error("the flows of this traffic are not open; call open first with the same protocol, families and flows")]
    NotOpened,
    /// The traffic cannot be built.
    #[error("the traffic cannot be offered: {reason}")]
    Traffic {
        /// What is wrong, and what would be right.
        reason: String,
    },
    /// A program is missing.
    #[error("{program} is not installed; `apt install {package}` brings it")]
    Missing {
        /// The program.
        program: &'static str,
        /// The Debian package.
        package: &'static str,
    },
    /// A program failed.
    #[error("`{command}` failed: {reason}")]
    Program {
        /// The command line.
        command: String,
        /// What came back.
        reason: String,
    },
    /// A program's output is not what it should be.
    #[error("the output of {program} cannot be read: {reason}; it began with `{start}`")]
    Output {
        /// The program.
        program: &'static str,
        /// What the parser says.
        reason: String,
        /// The first characters of the output.
        start: String,
    },
    /// Somebody stopped it.
    #[error("cancelled")]
    Cancelled,
}
