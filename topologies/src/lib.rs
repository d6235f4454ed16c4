//! Where measurements happen: kernels, namespaces, links and addresses.
//!
//! What a killed run could leave is written down in the [`journal`] before it exists.
//!
//! A [`Testbed`] is a topology that is built and alive; dropping it removes every trace. `router` is the first:
//! client, DUT and server, each in a network namespace, joined by veth links ([`RouterSpec`]). What a killed run
//! could leave is written down in the [`journal`] before it exists.
//!
//! Whoever works inside a namespace does so on a thread of its own: see [`Netns::run`].

pub mod journal;
pub mod netns;
pub mod netns_name;
pub mod privilege;
mod process;

pub use journal::Journal;
pub use netns::{Netns, NetnsError, NetnsId};
pub use process::ProcessId;
