//! Conformance results: what was seen of each case, and what that comes to.
//!
//! The worker only observes: frames in, frames out, counters, state. Everything else is worked out here from what it saw,
//! so that any verdict can be had again from the file.

mod bug;
pub mod bugs;
mod cell;
mod compare;
pub mod decode;
mod fuzz;
pub mod html;
pub mod junit;
mod kept;
pub mod ktap;
pub mod legitimate;
mod load;
pub mod markdown;
mod mutants;
mod observed;
pub mod oracle;
pub mod pcap;
mod repeat;
mod result;
pub mod sample;
mod sentence;
#[cfg(test)]
mod tests;
pub mod text;

pub use compare::{Change, ConformComparison, Stand, compare};
pub use fuzz::{Divergence, FuzzSummary, KnownDivergence};
pub use kept::{is_kept, load};
pub use load::judge_run;
pub use observed::{ActRun, Arrived, CaseRun, Entry, Hardware, RulesetInForce, Sent, State, StepRun, StreamRun, Tuple};
pub use repeat::repeat;
pub use result::{CaseResult, ConformResult, ConformStart, Finding, MutantResult};
pub use text::fuzz::line as fuzz_line;
