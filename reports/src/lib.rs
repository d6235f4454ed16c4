//! The result model, its statistics, its verdicts and its renderers.
//!
//! A run emits one stream of [`event`]s. [`RunResult`] is made from it: the raw samples, and the [`judge`](fn@judge)ment that
//! follows from them. Everything here is pure but [`RunResult::load`] and [`RunResult::save`], and needs no privilege.

pub mod compare;
pub mod conform;
mod contradiction;
pub mod damage;
pub mod environment;
pub mod event;
mod explain;
pub mod format;
pub mod history;
pub mod html;
pub mod judge;
pub mod merge;
pub mod metric;
mod numbers;
pub mod observation;
pub mod offered;
pub mod profile;
pub mod proof;
mod published;
pub mod result;
pub mod sample;
pub mod stats;
pub mod store;
mod stream;
pub mod table;
pub mod trial;
mod wording;

pub use judge::{Judgement, judge};
pub use result::RunResult;
pub use store::ResultError;
