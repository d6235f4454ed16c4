//! Built modules in the cache: one for each kernel file and state of the sources, whole or not there at all.

use std::path::{Path, PathBuf};

use super::{MODULE, NicError, compile, headers, source};
use crate::{
    checksum::Checksum,
    kernel::{Image, lock},
};

/// Counted up when the way of building changes, so that what older ways built is not used.
const RECIPE: u8 = 1;

/// flowgauge_nic.ko for this kernel: out of `cache` when it was built before from the same sources, else built now,
/// which fetches the kernel's headers the first time. `progress` is told each step that takes time.
pub fn module(image: &Image, cache: &Path, progress: &dyn Fn(&str)) -> Result<PathBuf, NicError> {
    let slot = cache.join("nic").join(&image.release);
    let name = format!("{MODULE}.ko");
    // The kernel file itself is part of the key: a kernel of one's own keeps its release over many builds.
    let kernel = std::fs::read(&image.vmlinuz).map_err(NicError::io("read kernel", &image.vmlinuz))?;
    let key = source::checksum().add(&[RECIPE]).add(Checksum::new().add(&kernel).hex().as_bytes()).hex();
    let whole = slot.join(&key);
    if whole.join(&name).is_file() {
        return Ok(whole.join(name));
    }
    let _held = lock(&cache.join("nic"))?;
    // Another run may have built it while we waited.
    if whole.join(&name).is_file() {
        return Ok(whole.join(name));
    }
    let build = headers::of(image, cache, progress)?;
    let partial = slot.join(".partial");
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(NicError::io("remove unfinished build", &partial))?;
    }
    let work = partial.join("work");
    std::fs::create_dir_all(&work).map_err(NicError::io("create cache folder", &work))?;
    progress(&format!("building {MODULE} for kernel {}", image.release));
    source::write(&work)?;
    let built = compile::run(&image.release, &build, &work, &slot.join("build.log"))?;
    let ready = partial.join("ready");
    std::fs::create_dir_all(&ready).map_err(NicError::io("create cache folder", &ready))?;
    std::fs::rename(&built, ready.join(&name)).map_err(NicError::io("move the built module to", &ready))?;
    std::fs::rename(&ready, &whole).map_err(NicError::io("move the built module to", &whole))?;
    // What remains is object files.
    let _ = std::fs::remove_dir_all(&partial);
    Ok(whole.join(name))
}
