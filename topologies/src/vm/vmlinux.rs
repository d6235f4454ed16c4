//! The kernel as it is handed to QEMU: unpacked once on the host and kept in the cache, because the
//! kernel's own decompressor takes one to three seconds of every boot under TCG.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    path::{Path, PathBuf},
};

use crate::kernel::{Image, extract_vmlinux};

/// The unpacked kernel of this image in the cache. Falls back to the bzImage wherever that fails: it
/// boots as well, only later.
pub(crate) fn unpacked(image: &Image, cache: Option<&Path>) -> PathBuf {
    cache.and_then(|cache| cached(image, &cache.join("vmlinux"))).unwrap_or_else(|| image.vmlinuz.clone())
}

fn cached(image: &Image, dir: &Path) -> Option<PathBuf> {
    let facts = std::fs::metadata(&image.vmlinuz).ok()?;
    // One file per place of a kernel, so that rebuilding a kernel does not fill the cache.
    let place = format!("{:016x}-", digest(&image.vmlinuz));
    let path = dir.join(format!("{place}{:016x}", digest((facts.len(), facts.modified().ok()?))));
    if path.is_file() {
        return Some(path);
    }
    let vmlinux = extract_vmlinux(&std::fs::read(&image.vmlinuz).ok()?)?;
    std::fs::create_dir_all(dir).ok()?;
    for entry in std::fs::read_dir(dir).ok()?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(&place) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
    // Renamed when whole: a full disk or a kill leaves no half kernel under this name.
    let partial = dir.join(format!(".{}", std::process::id()));
    let kept = std::fs::write(&partial, vmlinux).and_then(|()| std::fs::rename(&partial, &path));
    if kept.is_err() {
        let _ = std::fs::remove_file(&partial);
    }
    kept.ok().map(|()| path)
}

fn digest(value: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}
