//! The cache folder: fetched kernels, each whole or not there at all.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use super::{Image, KernelError, ModuleTree};
use crate::checksum::Checksum;

/// Written last into an unpacked kernel: what must be there for it to be whole.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Manifest {
    image: Image,
    vmlinuz_bytes: u64,
    /// Absent in what older versions of flowgauge wrote.
    #[serde(default)]
    vmlinuz_checksum: Option<String>,
    module_files: usize,
}

const MANIFEST: &str = "manifest.json";

/// A kernel in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CachedKernel {
    /// The `--kernel` value that leads to it, such as `debian:6.12`.
    pub spec: String,
    /// Its files.
    pub image: Image,
}

/// Where kernels are kept: $FLOWGAUGE_CACHE, else $XDG_CACHE_HOME/flowgauge, else ~/.cache/flowgauge.
pub fn cache_dir() -> Result<PathBuf, KernelError> {
    let var = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    var("FLOWGAUGE_CACHE")
        .or_else(|| var("XDG_CACHE_HOME").map(|dir| dir.join("flowgauge")))
        .or_else(|| var("HOME").map(|dir| dir.join(".cache/flowgauge")))
        .ok_or(KernelError::NoCache)
}

/// Every whole kernel in the cache, in the order of their folder names. A cache that does not exist
/// is empty.
pub fn list_cached(cache: &Path) -> Vec<CachedKernel> {
    let mut found = Vec::new();
    for slot in subfolders(&cache.join("kernels")) {
        let name = slot.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        if let (Some(version), Some(image)) = (name.strip_prefix("debian-"), newest_in(&slot)) {
            found.push(CachedKernel { spec: format!("debian:{version}"), image });
        }
    }
    found
}

/// The newest whole kernel in a slot; damaged ones are passed over.
pub(crate) fn newest_in(slot: &Path) -> Option<Image> {
    subfolders(slot).iter().rev().find_map(|dir| load(dir))
}

fn subfolders(dir: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = std::fs::read_dir(dir)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir() && !path.file_name().is_some_and(|n| n.to_string_lossy().starts_with('.')))
        .collect();
    found.sort_by_key(|path| version_key(&path.to_string_lossy()));
    found
}

/// Reads back what [`seal`] wrote and checks it against the files.
pub(crate) fn load(dir: &Path) -> Option<Image> {
    let text = std::fs::read(dir.join(MANIFEST)).ok()?;
    let Manifest { image, vmlinuz_bytes, vmlinuz_checksum, module_files } = serde_json::from_slice(&text).ok()?;
    // Paths are kept relative, so that the cache can be moved.
    let image = Image { vmlinuz: dir.join(image.vmlinuz), modules: dir.join(image.modules), ..image };
    // A damaged kernel would only say nothing for as long as a boot may take; 12 MB are summed up in milliseconds.
    let kernel = std::fs::read(&image.vmlinuz).ok()?;
    let whole = kernel.len() as u64 == vmlinuz_bytes
        && vmlinuz_checksum.is_none_or(|sum| sum == Checksum::new().add(&kernel).hex())
        && ModuleTree::open(&image.modules).ok()?.len() == module_files;
    whole.then_some(image)
}

/// Writes the manifest for an unpacked kernel in `dir`, whose paths in `image` are relative to it.
pub(crate) fn seal(dir: &Path, image: Image) -> Result<(), KernelError> {
    let vmlinuz = dir.join(&image.vmlinuz);
    let kernel = std::fs::read(&vmlinuz).map_err(KernelError::io("read kernel", &vmlinuz))?;
    let (vmlinuz_bytes, vmlinuz_checksum) = (kernel.len() as u64, Some(Checksum::new().add(&kernel).hex()));
    let module_files = ModuleTree::open(&dir.join(&image.modules))?.len();
    let path = dir.join(MANIFEST);
    let text = serde_json::to_vec_pretty(&Manifest { image, vmlinuz_bytes, vmlinuz_checksum, module_files })
        .map_err(|e| KernelError::Io { action: "write", path: path.clone(), source: e.into() })?;
    std::fs::write(&path, text).map_err(KernelError::io("write", path))
}

/// Held while a kernel is fetched, so that two runs do not fetch the same one; waits for the other.
pub(crate) fn lock(dir: &Path) -> Result<Flock<File>, KernelError> {
    std::fs::create_dir_all(dir).map_err(KernelError::io("create cache folder", dir))?;
    let path = dir.join(".lock");
    let file = File::create(&path).map_err(KernelError::io("create lock file", &path))?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| KernelError::Io {
        action: "lock",
        path,
        source: errno.into(),
    })
}

/// Orders names by their numbers: 6.1.0-9 before 6.1.0-56.
pub(crate) fn version_key(name: &str) -> Vec<u64> {
    name.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_ordered_by_number() {
        let mut names = vec!["6.1.0-56", "6.1.0-9", "6.12.117+deb12", "6.12.99+deb12"];
        names.sort_by_key(|name| version_key(name));
        assert_eq!(names, ["6.1.0-9", "6.1.0-56", "6.12.99+deb12", "6.12.117+deb12"]);
    }

    #[test]
    fn a_damaged_kernel_of_the_right_size_is_passed_over() {
        let cache = std::env::temp_dir().join(format!("flowgauge-cache-{}", std::process::id()));
        let slot = cache.join("kernels/debian-6.12");
        let dir = slot.join("linux-image-x_1");
        std::fs::create_dir_all(dir.join("modules")).expect("scratch folder");
        std::fs::write(dir.join("vmlinuz"), b"a kernel").expect("scratch file");
        let image = Image {
            vmlinuz: "vmlinuz".into(),
            modules: "modules".into(),
            release: "6.12.0".into(),
            origin: "linux-image-x 1".into(),
        };
        seal(&dir, image).expect("sealed");
        let (whole, listed) = (newest_in(&slot), list_cached(&cache).len());
        std::fs::write(dir.join("vmlinuz"), b"a kernem").expect("scratch file");
        let damaged = newest_in(&slot);
        std::fs::remove_dir_all(&cache).expect("scratch folder");
        assert_eq!((whole.map(|image| image.vmlinuz), listed), (Some(dir.join("vmlinuz")), 1));
        assert_eq!(damaged, None);
    }

    #[test]
    fn an_absent_cache_is_empty() {
        assert!(list_cached(Path::new("/nonexistent/flowgauge")).is_empty());
    }
}
