//! What `ethtool` shows of a port: its driver, the driver's statistics, the standard statistics.
//!
//! The crate `ethtool` knows features, channels, rings and the like, and has none of these; features are read and set
//! by [`flowgauge_topologies::features`]. `ioctl` is SIOCETHTOOL, which alone gives the driver's own statistics;
//! `standard` is the kernel's family of generic netlink, which alone gives the standard ones. Both stay in the namespace they
//! were opened in, whatever thread uses them, and only read.

mod driver;
mod error;
mod genetlink;
mod ioctl;
mod standard;
mod strings;

pub use driver::Driver;
pub use error::EthtoolError;
pub use ioctl::EthtoolSocket;
pub use standard::StandardSocket;
