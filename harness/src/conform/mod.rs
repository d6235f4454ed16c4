//! Conformance beside the kernel under test: the same frames through the reference datapath and through the one under test,
//! and everything that came out.
//!
//! `station` is the DUT as a case wants it, with `acts` done to it and `state` read from it; `craft` makes the frames,
//! `cable` sends and receives them; `fuzz` thinks of frames that nobody wrote down. The `runner` puts them together. Nothing
//! is judged here: what was seen goes out as events, and `flowgauge_reports::conform` says what it comes to.

pub mod acts;
pub mod cable;
pub mod craft;
pub mod fuzz;
pub mod runner;
pub mod state;
pub mod station;
