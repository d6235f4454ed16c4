//! Conformance: cases run on a live DUT, on the reference and on the datapath under test.

pub mod acts;
pub mod cable;
pub mod craft;
pub mod fuzz;
pub mod state;
pub mod station;
