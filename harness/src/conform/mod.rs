//! Conformance: cases run on a live DUT, on the reference and on the datapath under test.

pub mod cable;
pub mod craft;
