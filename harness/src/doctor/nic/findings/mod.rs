//! What stock kernels do wrong with hardware offload, shown with packets on the reference NIC.
//!
//! Each finding makes the situation, reads the counters of kernel and NIC, and sets beside it what a kernel without the
//! fault would show. Controls run in the same bed: a finding whose control fails is undecided, never shown.

mod bed;
mod counted_twice;
mod entries_leak;
mod packets;

use std::io;

use flowgauge_topologies::{BuildError, NetnsError, NicPorts, REFERENCE_NIC_DRIVER};
use thiserror::Error;

use super::facts::driver_of;
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

/// An error unless every one of `ports`, in the namespace of the calling thread, is one of the reference NIC.
pub fn only_on_the_reference(ports: &[&str]) -> Result<(), FindingError> {
    for port in ports {
        let driver = driver_of(port).map_or_else(|error| format!("unknown ({error})"), |driver| driver.name);
        if driver != REFERENCE_NIC_DRIVER {
            return Err(FindingError::NotTheReference { port: (*port).to_owned(), driver });
        }
    }
    Ok(())
}

/// Tries every finding on the reference NIC, in namespaces of its own, which borrow its ports from the caller's. Takes
/// some seconds.
pub fn findings() -> Result<Vec<Finding>, FindingError> {
    let ports = NicPorts::default();
    only_on_the_reference(&[&ports.lan, &ports.wan])?;
    let mut bed = Bed::build()?;
    // What leaks stays in the NIC and would forward the packets of what comes after.
    let counted_twice = counted_twice::finding(&mut bed)?;
    Ok(vec![entries_leak::finding(&mut bed)?, counted_twice])
}
