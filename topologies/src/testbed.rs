//! A `router` or `nic-router` testbed that is alive. Dropping it removes every trace.

use std::future::Future;
use std::io;
use std::thread;

use thiserror::Error;

use crate::encapsulation::{Lacking, PppoeError};
use crate::features::FeatureError;
use crate::journal::{Journal, JournalError, Resource};
use crate::netlink::NetlinkError;
use crate::netns::{Netns, NetnsError};
use crate::nic_router::{Loan, LoanError, threaded};
use crate::port::{Dut, Host};
use crate::privilege::{self, PrivilegeError};
use crate::router::{self, Rooms};
use crate::spec::{Ports, RouterSpec, SpecError};
use crate::sysctl::SysctlError;

/// Client, DUT and server, wired and able to reach each other.
///
/// The links are deleted when it is dropped, and ports on loan go home, before the namespaces are let go: a worker that
/// still holds a descriptor of one keeps an empty namespace alive, never a link.
#[derive(Debug)]
pub struct Testbed {
    /// Opens the flows.
    pub client: Host,
    /// The device under test.
    pub dut: Dut,
    /// Answers them.
    pub server: Host,
    /// Parameters that this kernel lacks, so that they could not be set: an older kernel, or a module not loaded.
    pub missing_sysctls: Vec<&'static str>,
    /// Whether the DUT's ports are those of the reference NIC: what is measured is simulated, its speed says nothing
    /// about hardware.
    pub simulated: bool,
    /// Whether the testers' ports receive in kernel threads (threaded NAPI), so that softirq time is the DUT's alone.
    pub testers_in_threads: bool,
    loan: Option<Loan>,
    journal: Option<Journal>,
    left: bool,
}

/// Why a testbed could not be built. Nothing of it is left.
#[derive(Debug, Error)]
pub enum BuildError {
    /// The specification contradicts itself.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// Not allowed here.
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
    /// No namespace.
    #[error(transparent)]
    Netns(#[from] NetnsError),
    /// A link, address, neighbour or route was refused.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A kernel parameter was refused.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// A port's offloads are not as asked.
    #[error(transparent)]
    Features(#[from] FeatureError),
    /// A port of the NIC is not there, or not as it must be.
    #[error(transparent)]
    Loan(#[from] LoanError),
    /// The kernel lacks an encapsulation.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// There is no PPPoE session.
    #[error(transparent)]
    Pppoe(#[from] PppoeError),
    /// A link stayed down.
    #[error("{port} does not carry packets although both ends are up; see `ip -d link` in its namespace (--keep)")]
    NotUp {
        /// The port.
        port: String,
    },
    /// The journal that makes named namespaces safe could not be written.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// No thread or event loop to work with.
    #[error("starting an event loop for rtnetlink: {0}")]
    EventLoop(#[source] io::Error),
}

/// Namespaces whose links go with them, also when the build fails half way.
struct Shell {
    client: Netns,
    dut: Netns,
    server: Netns,
}

impl Testbed {
    /// Builds a testbed. Blocks for some milliseconds; may be called from anywhere, an event loop included.
    pub fn build(spec: &RouterSpec) -> Result<Testbed, BuildError> {
        spec.check()?;
        // The journal is declared first, so that after an error it outlives the names it speaks of.
        let mut journal = None;
        if spec.keep.is_some() {
            privilege::require_root_for_names()?;
            journal = Some(Journal::open()?);
        }
        let mut shell = Shell { client: Netns::new()?, dut: Netns::new()?, server: Netns::new()? };
        if let Some(journal) = &mut journal {
            shell.take_names(spec, journal)?;
        }
        let mut loan = match spec.ports {
            Ports::Veth | Ports::Dummy => None,
            Ports::Nic(_) => Some(Loan::from_here()?),
        };
        let wired = {
            let rooms = Rooms { client: &shell.client, dut: &shell.dut, server: &shell.server };
            on_event_loop(|| router::wire(spec, &rooms, &mut loan)).and_then(|outcome| outcome)
        };
        let wired = match wired {
            Ok(wired) => wired,
            Err(error) => {
                // The error that led here is the one to tell.
                let _ = take_down(&shell.dut, &mut loan);
                return Err(error);
            }
        };
        Ok(Testbed {
            client: Host { netns: shell.client, port: wired.client },
            dut: Dut {
                netns: shell.dut,
                lan: wired.lan,
                wan: wired.wan,
                lan_device: wired.lan_stack.device,
                bridge: wired.lan_stack.bridge,
                _session: wired.lan_stack.session,
            },
            server: Host { netns: shell.server, port: wired.server },
            missing_sysctls: wired.missing_sysctls,
            simulated: wired.simulated,
            testers_in_threads: wired.testers_in_threads,
            loan,
            journal,
            left: false,
        })
    }

    /// Lets the testers' ports of a NIC receive in kernel threads (threaded NAPI), or in soft interrupts as ports do by
    /// themselves. A driver without NAPI stays as it is.
    pub fn receive_in_threads(&mut self, on: bool) -> Result<(), BuildError> {
        if self.loan.is_none() {
            return Ok(());
        }
        for host in [&self.client, &self.server] {
            threaded::set(&host.netns, &host.port.name, on)?;
        }
        self.testers_in_threads = on;
        Ok(())
    }

    /// Takes it down and says how that went: whether links are gone and every port on loan is home and as it was found.
    /// Dropping does the same and cannot say.
    pub fn close(mut self) -> Result<(), BuildError> {
        self.left = true;
        take_down(&self.dut.netns, &mut self.loan)
    }

    /// Ends this run's care for a testbed with names: it stays, for `ip netns exec` to look into, until
    /// `flowgauge clean`. Returns the names; an anonymous testbed has none and goes as if dropped. Ports on loan stay
    /// with it, and the kernel brings them home when the namespaces go.
    pub fn leave(mut self) -> Vec<String> {
        let Some(mut journal) = self.journal.take() else { return Vec::new() };
        self.left = true;
        let mut names = Vec::new();
        for netns in [&mut self.client.netns, &mut self.dut.netns, &mut self.server.netns] {
            netns.leave_name();
            names.extend(netns.name().map(str::to_owned));
        }
        journal.leave();
        names
    }
}

impl BuildError {
    /// Whether it is the kernel that lacks what was asked for: another kernel may have it.
    pub fn is_lack(&self) -> bool {
        let lacks = [libc::EAFNOSUPPORT, libc::EPROTONOSUPPORT, libc::ENOENT, libc::ENXIO, libc::ENODEV];
        match self {
            BuildError::Lacking(_) => true,
            BuildError::Pppoe(error) => error.source.raw_os_error().is_some_and(|errno| lacks.contains(&errno)),
            _ => false,
        }
    }
}

impl Drop for Testbed {
    fn drop(&mut self) {
        if !self.left {
            // What fails is left to the kernel: a link goes with its namespace, a port on loan goes home.
            let _ = take_down(&self.dut.netns, &mut self.loan);
        }
    }
}

impl Shell {
    /// Names the namespaces; each is in the journal before it has its name.
    fn take_names(&mut self, spec: &RouterSpec, journal: &mut Journal) -> Result<(), BuildError> {
        let rooms = [("client", &mut self.client), ("dut", &mut self.dut), ("server", &mut self.server)];
        for (role, netns) in rooms {
            let Some(name) = spec.name_of(role) else { continue };
            let id = netns.id().map_err(NetnsError::Enter)?;
            journal.record(Resource::NamedNamespace { name: name.clone(), id })?;
            netns.set_name(&name)?;
        }
        Ok(())
    }
}

/// Deletes the links, or gives back the ports on loan.
fn take_down(dut: &Netns, loan: &mut Option<Loan>) -> Result<(), BuildError> {
    match loan {
        None => on_event_loop(|| router::unwire(dut))?,
        Some(loan) => on_event_loop(|| loan.give_back())?,
    }
}

/// Runs `work` on a thread with an event loop of its own, because the caller may already be on one.
fn on_event_loop<T: Send, F: Future<Output = T>>(work: impl FnOnce() -> F + Send) -> Result<T, BuildError> {
    thread::scope(|scope| {
        let body = || {
            let event_loop = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
            Ok(event_loop.block_on(work()))
        };
        let thread = thread::Builder::new().name("testbed".to_owned()).spawn_scoped(scope, body);
        match thread.map_err(BuildError::EventLoop)?.join() {
            Ok(outcome) => outcome.map_err(BuildError::EventLoop),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}
