//! The proof of path: which share of the packets bypassed the classic path, who saw it, and whether they agree.
//!
//! A packet is *out* when the DUT's egress port transmitted it. A packet witness counts what took the classic path;
//! what is out and was not counted there took the fast path. Two independent witnesses are needed. What conntrack
//! *claims* (entries marked OFFLOAD) is held against what packets did, and never taken for it.

mod claims;
mod consistency;
mod crossing;
mod finding;
mod path;
mod pool;
mod trial;
mod witness;

pub use claims::Claims;
pub use finding::{Finding, Severity};
pub(crate) use path::percent;
pub use path::{Path, agreement_tolerance};
pub use pool::pool;
pub use trial::{Proof, Surroundings, prove};
pub use witness::{DirectionShare, Witness, WitnessKind};

#[cfg(test)]
mod tests;
