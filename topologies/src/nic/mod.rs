//! The reference NIC: a kernel module with ports that offload for real (its C sources lie in `topologies/nic`), built
//! for the kernel under test and loaded in a VM of ours, never into the host's kernel.
//!
//! ```text
//! sources (in this binary) + headers of the kernel  ->  make  ->  flowgauge_nic.ko in the cache  ->  VmOptions::extra_modules
//! ```
//!
//! Nothing is installed: the headers of a distribution's kernel are unpacked into the cache folder and made to work there.

mod cache;
mod compile;
mod compiler;
mod error;
mod headers;
mod own_loader;
mod source;

pub use cache::module;
pub use error::NicError;

/// The module's name, as in `/sys/module`.
pub const MODULE: &str = "flowgauge_nic";
