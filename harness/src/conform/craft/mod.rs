//! From a packet's specification to frames: bytes, and nothing that touches the system.
//!
//! A [`Crafter`] knows the flows of one instance and how far their TCP numbers are. For a [`PacketSpec`] it makes the
//! `payload` and the transport header (`transport`), an IP header (`ipv4`, `ipv6`), cuts that into fragments where asked
//! (`fragment`), and puts what the link wants around it (`envelope`). Anything about the packet can be wrong on purpose.
//!
//! [`PacketSpec`]: flowgauge_scenarios::conform::PacketSpec

mod crafter;
mod envelope;
mod error;
mod fragment;
mod ipv4;
mod ipv6;
mod numbers;
mod payload;
#[cfg(test)]
mod tests;
mod transport;

pub use crafter::Crafter;
pub(crate) use crafter::bare;
pub(crate) use envelope::ip_packet;
pub use envelope::{Envelope, Inner, inner};
pub use error::CraftError;
pub use numbers::WINDOW_SCALE;
pub use payload::Mark;
