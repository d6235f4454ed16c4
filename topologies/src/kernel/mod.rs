//! The kernel under test: which one is asked for ([`KernelSpec`]), where its files lie ([`Image`]),
//! what modules it has ([`ModuleTree`]) and what the host's own kernel can do ([`HostAbilities`]).
//!
//! Nothing here is installed on the host. A Debian kernel is fetched by apt into the cache folder
//! ([`cache_dir`]) and unpacked there; no privilege is needed.

pub(crate) mod archive;
mod build_tree;
mod bzimage;
mod cache;
pub mod debian;
pub(crate) mod elf;
mod error;
mod host;
mod image;
mod modules;
mod offer;
mod scratch;
mod spec;
mod strip;
mod suite;
mod unpack;

pub use bzimage::{extract_vmlinux, release_of};
pub(crate) use cache::lock;
pub use cache::{CachedKernel, cache_dir, list_cached};
pub use error::KernelError;
pub use host::{Ability, HostAbilities};
pub use image::Image;
pub use modules::{LoadOrder, Module, ModuleTree};
pub use spec::{DebianVersion, KernelSpec, UnknownKernel};
pub use suite::Suite;
