//! Testbeds.
