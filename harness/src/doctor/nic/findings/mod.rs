//! What stock kernels do wrong with hardware offload, shown with packets on the reference NIC.
//!
//! Each finding makes the situation, reads the counters of kernel and NIC, and sets beside it what a kernel without the
//! fault would show. Controls run in the same bed: a finding whose control fails is undecided, never shown.

mod bed;
mod counted_twice;
mod entries_leak;
mod packets;

use std::io;

use flowgauge_topologies::{BuildError, NetnsError, REFERENCE_NIC_DRIVER};
use thiserror::Error;

use super::facts::PortFacts;
use super::finding::Finding;
use crate::ethtool::EthtoolError;
use crate::generators::GeneratorError;
use crate::nft::NftError;
use crate::witnesses::netlink::NetlinkError;
use bed::Bed;

/// Why a finding could not be tried.
#[derive(Debug, Error)]
pub enum FindingError {
    /// The port is not one of the reference NIC.
    #[error(
        "--findings switches faults of the reference NIC on and off and floods its ports; {port} has driver {driver}. \
         Use: flowgauge doctor --nic reference --findings"
    )]
    NotTheReference {
        /// The port.
        port: String,
        /// Its driver.
        driver: String,
    },
    /// No testbed.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// A namespace could not be entered.
    #[error(transparent)]
    Namespace(#[from] NetnsError),
    /// A ruleset was refused.
    #[error(transparent)]
    Nft(#[from] NftError),
    /// Conntrack could not be emptied.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// The NIC's counters could not be read.
    #[error(transparent)]
    Ethtool(#[from] EthtoolError),
    /// No packet socket.
    #[error(transparent)]
    Socket(#[from] GeneratorError),
    /// A file or socket failed.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// What came back.
        source: io::Error,
    },
    /// Something that must come did not.
    #[error("waited {seconds} s in vain until {what}; last seen: {seen}")]
    InVain {
        /// What was waited for.
        what: String,
        /// How long, in seconds.
        seconds: u64,
        /// The number that was watched.
        seen: u64,
    },
}

/// Tries every finding on the reference NIC, whose ports are `ports`, in namespaces of its own. Takes some seconds.
pub fn findings(ports: &[PortFacts]) -> Result<Vec<Finding>, FindingError> {
    let driver = |port: &PortFacts| port.driver.clone().unwrap_or_else(|| "unknown".to_owned());
    if let Some(other) = ports.iter().find(|port| driver(port) != REFERENCE_NIC_DRIVER) {
        return Err(FindingError::NotTheReference { port: other.port.clone(), driver: driver(other) });
    }
    let mut bed = Bed::build()?;
    // What leaks stays in the NIC and would forward the packets of what comes after.
    let counted_twice = counted_twice::finding(&mut bed)?;
    Ok(vec![entries_leak::finding(&mut bed)?, counted_twice])
}
