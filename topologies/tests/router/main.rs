//! The `router` testbed against the real kernel: it carries packets, is as asked, stays silent, and leaves nothing.
//!
//! As an ordinary user each test runs again in a child inside a user namespace of its own. Where neither is possible
//! the tests fail; they never skip.

mod frames;
mod ground;
mod names;
mod ordinary_user;
mod teardown;
mod traffic;
