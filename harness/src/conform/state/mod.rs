//! The state of the DUT that a case looks at: conntrack entries of its flows, counters of its rules, ports, the NIC's rules.
//!
//! Sockets stay open, and conntrack is asked for one entry at a time, by its tuple: a table full of the flows of other
//! instances costs nothing.

mod connections;
mod entry;
mod hardware;
mod witness;

pub use connections::Connections;
pub use witness::StateWitness;
