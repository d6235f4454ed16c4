//! Rulesets on the kernel: native nft text goes in, and what the kernel made of it comes back.
//!
//! What is to last goes through the program `nft`, one transaction at a time, inside the namespace. Native text for the
//! DUT's ruleset, because nft's JSON cannot express offload; typed JSON for the small tables that silence a port. What
//! is only tried goes over netlink, which tells more of a refusal than nft prints.

mod batch;
mod mute;
mod program;
mod read_back;
mod refusal;
mod ruleset;
mod scratch;
mod tables;

pub(crate) use batch::Batch;
pub use batch::{BatchError, Refused};
pub use mute::{drop_at_ingress, mute, undrop, unmute};
pub use program::{NftError, locate, version};
pub use read_back::{Chain, Flowtable, ReadBack, parse};
pub use refusal::{Complaint, Refusal};
pub use ruleset::{apply, execute, list_everything, read_back, remove};
pub(crate) use scratch::{try_chain, try_flowtable};
pub(crate) use tables::families_of;
