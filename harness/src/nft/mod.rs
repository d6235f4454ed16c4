//! Rulesets on the kernel: native nft text goes in, and what the kernel made of it comes back.
//!
//! Everything goes through the program `nft`, one transaction at a time, inside the namespace. Native text for the
//! DUT's ruleset, because nft's JSON cannot express offload; typed JSON for the small tables that silence a port.

mod mute;
mod program;
mod read_back;
mod refusal;
mod ruleset;
mod tables;

pub use mute::{drop_at_ingress, mute, undrop, unmute};
pub use program::{NftError, locate, version};
pub use read_back::{Chain, Flowtable, ReadBack, parse};
pub use refusal::{Complaint, Refusal};
pub use ruleset::{apply, list_everything, read_back, remove};
