//! `flowgauge doctor`: what this machine can do.

use std::path::PathBuf;

use clap::Args;
use flowgauge_topologies::kernel::KernelSpec;
use serde::Serialize;

use super::exit::{Exit, print};
use crate::doctor::{self, nic};

const EXAMPLES: &str = "\
Reads only; scratch namespaces of its own aside, nothing is changed. With --nic it touches the
offload of the ports that are named, and of no other: it binds a scratch flowtable and a scratch
netdev chain with `flags offload`, each in one nftables transaction that unbinds it again. No packet
is diverted, and nothing is left whatever ends flowgauge. A port whose offload is in use (by nft or
tc) is left alone.

Examples:
  flowgauge doctor                             this machine, read only
  flowgauge doctor --nic eth0 --peer eth1      can these ports offload? Tried, not guessed
  flowgauge doctor --nic reference --findings  what stock kernels do wrong, with packets, in a VM

Exit codes: 0 yes; 1 a port refuses to offload, or a finding shows; 2 wrong input;
3 it cannot be tried here; 130 interrupted, cleaned up.";

/// The name that stands for a VM with the reference NIC.
const REFERENCE: &str = "reference";

/// Show what this machine can do for offload measurements, and how to close each gap.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Doctor {
    /// Try for real whether this port can offload; `reference`: the ports of the reference NIC, in a VM
    #[arg(long, value_name = "PORT")]
    nic: Option<String>,
    /// Another port of the same NIC: tried too, and both together in one flowtable
    #[arg(long, value_name = "PORT", requires = "nic")]
    peer: Option<String>,
    /// Show what this kernel is known to do wrong with offload, with packets; on the reference NIC only
    #[arg(long, requires = "nic")]
    findings: bool,
    /// Kernel of the VM: debian:6.12, debian:6.1, debian:newest, or the path of a kernel image
    #[arg(long, value_name = "KERNEL", requires = "nic")]
    kernel: Option<KernelSpec>,
    /// Modules of the kernel image: the folder that holds `kernel/`
    #[arg(long, value_name = "DIR", requires = "kernel")]
    modules: Option<PathBuf>,
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) fn run(self) -> Result<(), Exit> {
        if self.nic.is_some() {
            return self.run_nic();
        }
        let report = doctor::examine();
        self.show(&report, || report.render())?;
        if report.can_bench() {
            Ok(())
        } else {
            Err(Exit::Environment("bench cannot run here; the gaps above say why".to_owned()))
        }
    }

    fn run_nic(&self) -> Result<(), Exit> {
        let port = self.nic.as_deref().unwrap_or_default();
        let report = match (port, &self.peer) {
            (REFERENCE, Some(_)) => {
                return Err(Exit::input("--peer names a port of this machine; the reference NIC's are tried both"));
            }
            (REFERENCE, None) => {
                let kernel = self.kernel.clone().unwrap_or(KernelSpec::Auto);
                let told = |step: &str| eprintln!("  {step}");
                nic::reference::examine(&kernel, self.modules.as_deref(), self.findings, &told)?
            }
            _ if self.kernel.is_some() => {
                return Err(Exit::input(format!(
                    "--kernel chooses the kernel of a VM; {port} is a port of this machine"
                )));
            }
            (port, peer) => {
                let ports: Vec<&str> = std::iter::once(port).chain(peer.as_deref()).collect();
                if self.findings {
                    nic::only_on_the_reference(&ports)?;
                }
                let mut report = nic::examine(port, peer.as_deref())?;
                if self.findings {
                    report.findings = nic::findings()?;
                }
                report
            }
        };
        self.show(&report, || report.render())?;
        let undecided: Vec<String> = report.undecided().map(|(name, why)| format!("{name}: {why}")).collect();
        match () {
            () if !undecided.is_empty() => Err(Exit::Environment(format!("undecided: {}", undecided.join("; ")))),
            () if report.untold() => {
                Err(Exit::Environment("not everything could be tried here; the gaps above say why".to_owned()))
            }
            () if !report.offloads() || report.shows_a_finding() => Err(Exit::Verdict),
            () => Ok(()),
        }
    }

    fn show(&self, report: &impl Serialize, render: impl FnOnce() -> String) -> Result<(), Exit> {
        if !self.json {
            return print(&render());
        }
        let mut text = serde_json::to_string_pretty(report).map_err(Exit::input)?;
        text.push('\n');
        print(&text)
    }
}

impl From<nic::NicError> for Exit {
    fn from(error: nic::NicError) -> Self {
        match error {
            nic::NicError::NoPort { .. } | nic::NicError::SamePort { .. } => Exit::input(error),
            other => Exit::Environment(other.to_string()),
        }
    }
}

impl From<nic::FindingError> for Exit {
    fn from(error: nic::FindingError) -> Self {
        match error {
            nic::FindingError::NotTheReference { .. } => Exit::input(error),
            other => Exit::Environment(other.to_string()),
        }
    }
}

impl From<nic::reference::ReferenceError> for Exit {
    fn from(error: nic::reference::ReferenceError) -> Self {
        match error {
            nic::reference::ReferenceError::OnTheHost => Exit::input(error),
            nic::reference::ReferenceError::Interrupted => Exit::Interrupted { kept: None },
            other => Exit::Environment(other.to_string()),
        }
    }
}
