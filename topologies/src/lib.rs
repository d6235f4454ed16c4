//! Where measurements happen: kernels, namespaces, links and addresses.
//!
//! A [`Testbed`] is a topology that is built and alive; dropping it removes every trace. `router` is the first:
//! client, DUT and server, each in a network namespace, joined by veth links ([`RouterSpec`]). In `nic-router` the
//! links are cables of a NIC ([`Ports::Nic`]). What a killed run could leave is written down in the [`journal`] before
//! it exists.
//!
//! Whoever works inside a namespace does so on a thread of its own: see [`Netns::run`].

mod address;
pub mod addresses;
mod checksum;
mod conntrack_limit;
mod control;
mod driver;
pub mod encapsulation;
mod ethtool_socket;
pub mod features;
mod furnish;
#[cfg(feature = "guest-tests")]
pub mod guest_test;
pub mod journal;
pub mod kernel;
mod link;
mod neighbour;
mod netlink;
pub mod netns;
pub mod netns_name;
pub mod nic;
mod nic_router;
mod port;
pub mod privilege;
mod process;
mod quiet;
mod route;
mod router;
pub mod spec;
pub mod sysctl;
mod testbed;
pub mod vm;

pub use addresses::{CLIENT_LINK, SERVER_LINK};
pub use conntrack_limit::raise_conntrack_limit;
pub use control::Control;
pub use driver::{REFERENCE_NIC_DRIVER, driver_of};
pub use journal::Journal;
pub use netlink::NetlinkError;
pub use netns::{Netns, NetnsError, NetnsId};
pub use nic_router::{LoanError, NicPorts};
pub use port::{Dut, DutError, Host, Port};
pub use process::ProcessId;
pub use spec::{LinkOffloads, Ports, RouterSpec, SpecError};
pub use testbed::{BuildError, Testbed};
