//! Why a port could not be lent to a testbed.

use std::io;

use thiserror::Error;

/// Why a port could not be lent, or not be used.
#[derive(Debug, Error)]
pub enum LoanError {
    /// The caller's namespace has no such port.
    #[error(
        "no port {port} in this network namespace (there are {there}): is the driver loaded (the reference NIC's is \
         flowgauge_nic, which flowgauge loads in its VMs only), and does no other testbed have the port?"
    )]
    Absent {
        /// The port.
        port: String,
        /// The ports that are there.
        there: String,
    },
    /// The port is up: somebody uses it.
    #[error("{port} is up, so somebody uses it: end that and say `ip link set {port} down`, or choose another port")]
    InUse {
        /// The port.
        port: String,
    },
    /// The DUT's port takes no flow rules.
    #[error(
        "{port} (driver {driver}) has hw-tc-offload {state}: it cannot offload; choose a port that can, or the topology router"
    )]
    NoOffload {
        /// The port.
        port: String,
        /// Its driver.
        driver: String,
        /// What is the matter with the feature.
        state: &'static str,
    },
    /// The DUT's rules could not be deleted before its ports leave.
    #[error(
        "deleting the nftables rules of the DUT before its ports go home: {0}; see `nft list ruleset` there (--keep)"
    )]
    Rules(#[source] io::Error),
    /// A tester's port could not be switched to threaded NAPI.
    #[error("{doing} /sys/class/net/{port}/threaded in the namespace of a tester: {source}")]
    Threaded {
        /// What was tried.
        doing: &'static str,
        /// The port.
        port: String,
        /// What came back.
        source: io::Error,
    },
}
