//! The proof of path: which share of the packets took which of the three lanes, who saw it, and whether they agree.
//!
//! A packet is *out* when the DUT's egress port transmitted it; on a NIC that counts hardware and CPU together. Packet
//! witnesses of the classic path count what took it, those of the hardware what the CPU never saw; what is out and
//! was counted by neither took the software fast path. Each of the two needs two independent witnesses, of the hardware
//! only on a NIC and where anything bypassed the classic path. What conntrack *claims* (entries marked OFFLOAD and
//! HW_OFFLOAD) is held against what packets did, and never taken for it.

mod accounting;
mod claims;
mod classic;
mod consistency;
mod crossing;
mod drivers;
mod finding;
mod hardware;
mod heard;
mod offload;
mod path;
mod pool;
mod trial;
mod witness;

pub use claims::Claims;
pub(crate) use drivers::{REFERENCE_NIC, grown, sum};
pub use finding::{Finding, Severity};
pub(crate) use path::percent;
pub use path::{Path, Shares, agreement_tolerance};
pub use pool::pool;
pub use trial::{Proof, Surroundings, prove};
pub use witness::{DirectionShare, Witness, WitnessKind};

#[cfg(test)]
mod tests;
