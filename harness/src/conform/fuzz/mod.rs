//! Sequences of packets that nobody wrote down, through the reference and through the datapath under test.
//!
//! [`Generator`] makes sequences, each a flow of its own: mostly plain packets, and some with a `twist`. Thousands of packets
//! go out as one [`Batch`] whose flows are opened in bulk, first on the reference, then the very same bytes on the datapath
//! under test ([`Lab`]). What came out is told apart by flow (`attribute`) and compared (`differ`). Differences that are known are
//! told from others packet by packet (`explain`): by what the classic path checks of the bytes that were sent (`cause`) and by the
//! windows that conntrack keeps (`window`). A sequence that differs otherwise is tried once more, and shrunk (`shrink`) to the
//! fewest and plainest packets that still differ; those that come to the same are one divergence (`group`), which is played step by
//! step (`replay`) and becomes a case of its own.
//!
//! [`run`] is all of it, bounded by packets and by time.

mod attribute;
mod batch;
mod campaign;
mod cause;
mod differ;
mod explain;
mod generator;
mod group;
mod lab;
mod live;
mod replay;
mod sequence;
mod shrink;
mod stations;
mod twist;
mod window;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

pub use batch::Batch;
pub use campaign::run;
pub use explain::Catalogued;
pub use generator::Generator;
pub use lab::{Lab, Outgoing, Step};
pub use live::Live;
pub use replay::case_file;
pub use sequence::Sequence;
pub use stations::stations;
