//! The harness: command line, runner, generators and witnesses.
//!
//! `commands` is what a user types. `session` is the host's side of a run: it picks a kernel, starts a worker beside
//! it, keeps its events on disk and shows them. `worker` is the other side: it lets the `runner` take a plan, trial
//! by trial, over a rig made of a testbed, `nft` rulesets, `generators` and `witnesses`. Or, with cases in place of trials,
//! `conform` sends crafted frames through one datapath and another.

pub mod commands;
pub mod conform;
pub mod doctor;
pub mod ethtool;
pub mod generators;
pub mod nft;
pub mod profile;
pub mod reference_nic;
pub mod runner;
pub mod session;
pub mod witnesses;
pub mod worker;
