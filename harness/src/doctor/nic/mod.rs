//! A NIC, asked for real: do its ports take offload, and what does this kernel do with it?
//!
//! [`examine`] asks the drivers of ports by nf_tables transactions that bind and unbind in one go. [`findings`] shows
//! what stock kernels are known to do wrong, with packets, on the reference NIC only. [`mod@reference`] boots a VM that has
//! one and lets this same program do both there.

mod attempt;
mod examine;
mod extack;
mod facts;
mod finding;
mod findings;
mod known;
mod occupied;
pub mod reference;
mod report;

pub use attempt::{Attempt, Mechanism, Outcome, Subject};
pub use examine::{NicError, examine};
pub(crate) use facts::driver_of;
pub use facts::{HwTcOffload, PortFacts};
pub use finding::{Finding, Reading, Verdict};
pub use findings::{FindingError, findings, only_on_the_reference};
pub(crate) use known::known;
pub use report::NicReport;
