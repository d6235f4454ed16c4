//! History: results over time, and the runs since which a number has been another one.
//!
//! A folder of results is a history. Each scenario on each datapath gives a series of medians, one a run; change points are
//! found in it by [`divisive`], and [`text`] and [`picture`] show them.

pub mod change;
pub mod divisive;
pub mod folder;
mod observed;
mod paint;
pub mod picture;
pub mod select;
pub mod series;
pub mod text;
mod wording;

pub use change::Change;
pub use folder::{FolderError, Unreadable, read, runs_in};
pub use select::{Select, UnknownName};
pub use series::{Break, HISTORY_VERSION, History, Point, RunNote, Series};
