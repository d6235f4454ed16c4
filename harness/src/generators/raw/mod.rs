//! `raw`: flowgauge's own engine on AF_PACKET sockets, every frame counted and verified.
//!
//! A `course` says who sends what to whom, and a `path` what the DUT may do to it. A frame is born in `template`
//! (addresses from `endpoint`, size and TCP numbers from `stream`, `stamp`), travels in a `batch` on its time in `pace`,
//! and ends in the `ring` of the other tester, where `inspect` compares it with the frame that must have arrived,
//! `diagnose` says what differs and `tally` accounts for it. `opening` makes the flows that a `trial` then measures on.

pub mod batch;
pub mod checksum;
pub mod clock;
pub mod course;
pub mod diagnose;
pub mod endpoint;
mod engine;
pub mod inspect;
mod opening;
pub mod pace;
pub mod packet;
pub mod path;
pub mod receiver;
mod report;
pub mod ring;
pub mod sender;
pub mod socket;
pub mod stamp;
mod steps;
pub mod stream;
pub mod tally;
pub mod template;
mod trial;
pub mod wire;

pub use self::endpoint::Side;
pub use self::engine::{RawEngine, RawOptions};
pub use self::path::{Nat, Path};
pub use self::receiver::{Depth, Residual};
pub use self::stamp::{Stamp, StampView};
pub use self::wire::{CpuPlan, Wire};
