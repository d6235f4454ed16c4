//! Conformance: cases that say what the kernel must do to packets, as data.
//!
//! A [`Case`] is a few [`Step`]s on a [`Bed`]. It expands into [`Instance`]s, one for each family, protocol, translation and
//! direction that it applies to. Every instance runs on the reference datapath and on the one under test, and what
//! came out is compared; what a case says of its own is only what keeps that from being vacuous: how many packets arrive on
//! the reference, and which lane they take.

mod act;
mod bed;
mod case;
mod catalogue;
mod check;
mod expand;
mod expect;
mod instance;
mod known;
mod load;
mod mutation;
mod packet;
mod pattern;
mod plan;
mod ruleset;
mod stations;
mod step;
#[cfg(test)]
mod tests;

pub use act::Act;
pub use bed::{Bed, Encapsulation, Rules, Translation};
pub use case::{Applies, Case, CaseError, Group};
pub use catalogue::Catalogue;
pub use expect::{Counter, Expect};
pub use instance::{Flow, Instance, SERVER_PORT, VIRTUAL_PORT};
pub use known::{Known, Outcome};
pub use mutation::{Mutation, Signs};
pub use packet::{Ecn, Ipv4Option, Ipv6Extension, PacketSpec, Side, Sum};
pub use plan::{ConformPlan, Fuzz, Station};
pub use ruleset::{COUNTED, RulesetRequest, SENTINEL_PROTOCOL, fill, render, sysctls};
pub use step::{LaneWanted, Step};

/// The datapath that says what is right.
pub const REFERENCE: crate::Datapath = crate::Datapath::Conntrack;
