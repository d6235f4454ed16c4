//! Ports of this machine, tried one after the other and together.

use flowgauge_topologies::{Netns, NetnsError, REFERENCE_NIC_DRIVER};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use thiserror::Error;

use super::attempt::{Mechanism, attempt};
use super::extack::Listener;
use super::facts::PortFacts;
use super::occupied;
use super::report::NicReport;
use crate::nft::{self, NftError};
use crate::witnesses::netlink::NetlinkError;

/// Why a NIC could not be tried. Nothing was changed.
#[derive(Debug, Error)]
pub enum NicError {
    /// No such port.
    #[error("there is no port {port} in this network namespace; `ip -brief link` shows those there are")]
    NoPort {
        /// The port.
        port: String,
    },
    /// The same port twice.
    #[error("{port} cannot be its own peer: give another port of the same NIC")]
    SamePort {
        /// The port.
        port: String,
    },
    /// Somebody uses the offload of the port.
    #[error(
        "{port} is left alone, because its offload is in use: {}; to try it all the same, take that away first",
        .users.join(", ")
    )]
    Occupied {
        /// The port.
        port: String,
        /// Who uses it.
        users: Vec<String>,
    },
    /// The rulesets could not be read.
    #[error("{port} is left alone, because it cannot be told whether its offload is in use ({source}); root can tell")]
    Unknown {
        /// The port.
        port: String,
        /// What came back.
        source: NftError,
    },
    /// The kernel could not be asked.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// The namespace could not be entered.
    #[error(transparent)]
    Namespace(#[from] NetnsError),
    /// The scratch table is still there, against all that is known of transactions.
    #[error("the scratch table {table} was left behind; take it away: {}", .commands.join("; "))]
    Left {
        /// Its name.
        table: String,
        /// How to delete it.
        commands: Vec<String>,
    },
}

/// Tries the offload of `port`, and together with `peer` if one is given, in the namespace of the calling thread.
///
/// Binds nothing for longer than one transaction. Refuses ports whose offload somebody uses.
pub fn examine(port: &str, peer: Option<&str>) -> Result<NicReport, NicError> {
    if peer == Some(port) {
        return Err(NicError::SamePort { port: port.to_owned() });
    }
    let netns = Netns::current()?;
    let names: Vec<&str> = std::iter::once(port).chain(peer).collect();
    for name in &names {
        unoccupied(&netns, name)?;
    }
    // A signal must not come between the trace instance and its removal; it waits, and does what it does after.
    let _held = HeldSignals::new();
    let ports: Vec<PortFacts> = names.iter().map(|name| PortFacts::read(name)).collect();
    let listener = Listener::start();
    let mut attempts = Vec::new();
    for port in &ports {
        attempts.push(attempt(&netns, Mechanism::Flowtable, &[port], &listener)?);
    }
    // A flowtable must span both ports of a path; a chain has one.
    if let [one, other] = &ports[..] {
        attempts.push(attempt(&netns, Mechanism::Flowtable, &[one, other], &listener)?);
    }
    for port in &ports {
        attempts.push(attempt(&netns, Mechanism::NetdevChain, &[port], &listener)?);
    }
    nothing_left(&netns)?;
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
    let simulated = ports.iter().any(|port| port.driver.as_deref() == Some(REFERENCE_NIC_DRIVER));
    Ok(NicReport { kernel, simulated, ports, attempts, findings: Vec::new() })
}

fn unoccupied(netns: &Netns, port: &str) -> Result<(), NicError> {
    let index = nix::net::if_::if_nametoindex(port).map_err(|_| NicError::NoPort { port: port.to_owned() })?;
    match occupied::users(netns, port, index) {
        Ok(users) if users.is_empty() => Ok(()),
        Ok(users) => Err(NicError::Occupied { port: port.to_owned(), users }),
        Err(source) => Err(NicError::Unknown { port: port.to_owned(), source }),
    }
}

fn nothing_left(netns: &Netns) -> Result<(), NicError> {
    let table = super::attempt::scratch_table();
    let families = nft::families_of(netns, &table)?;
    if families.is_empty() {
        return Ok(());
    }
    let commands = families.iter().map(|family| format!("nft delete table {family} {table}")).collect();
    Err(NicError::Left { table, commands })
}

/// The signals that end a program, held back from the calling thread until dropped.
struct HeldSignals(Option<SigSet>);

impl HeldSignals {
    fn new() -> Self {
        let ending: SigSet = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP].into_iter().collect();
        HeldSignals(ending.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok())
    }
}

impl Drop for HeldSignals {
    fn drop(&mut self) {
        if let Some(before) = &self.0 {
            let _ = before.thread_set_mask();
        }
    }
}
