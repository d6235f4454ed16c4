//! A live station: the DUT as a case wants it, between its testers.
//!
//! A [`Bench`] is built once for a station, over the same testbed that measurements use, with what the LAN link carries. Then
//! [`Bench::apply`] gives it one datapath after the other, [`Bench::act`] does something to it ([`super::acts`]) and
//! [`Bench::restore`] takes that back, only as much as was done; [`Bench::state`] reads what the kernel knows
//! ([`super::state`]).

mod bench;
mod damage;
mod datapath;
mod lanes;
mod refused;
mod settings;
pub(super) mod tables;

pub use bench::Bench;
pub use refused::Refused;

pub(super) use damage::Damage;
pub(super) use datapath::OFFLOAD;
