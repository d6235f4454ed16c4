//! The headers of a kernel: its own build tree where there is one, else the distribution's packages, unpacked into
//! the cache and made to work at a place where they were not meant to lie.

use std::path::{Path, PathBuf};

use super::{NicError, own_loader};
use crate::kernel::{
    Image, KernelError, Suite,
    archive::{Archive, Package, run},
    lock,
};

/// The folder to give to `make -C`.
pub(super) fn of(image: &Image, cache: &Path, progress: &dyn Fn(&str)) -> Result<PathBuf, NicError> {
    let slot = cache.join("headers").join(&image.release);
    let cached = slot.join("root/usr/src").join(format!("linux-headers-{}", image.release));
    // A kernel that was built here has its headers where its modules are.
    let tried = vec![
        image.modules.clone(),
        image.modules.join("build"),
        Path::new("/lib/modules").join(&image.release).join("build"),
    ];
    if let Some(tree) = tried.iter().chain([&cached]).find(|dir| dir.join("Makefile").is_file()) {
        return tree.canonicalize().map_err(NicError::io("open kernel headers", tree));
    }
    let _held = lock(&cache.join("headers"))?;
    let archive = match fetch(&image.release, cache, &slot, progress) {
        Ok(()) if cached.join("Makefile").is_file() => return Ok(cached),
        Ok(()) => "the package holds no Makefile where it should".to_owned(),
        Err(NicError::Kernel(error @ (KernelError::NoPackage { .. } | KernelError::Program { .. }))) => {
            error.to_string()
        }
        Err(error) => return Err(error),
    };
    let cached = image.vmlinuz.starts_with(cache);
    Err(NicError::NoHeaders { release: image.release.clone(), tried, archive, cached })
}

/// Asks one set of package lists after the other, and those of our own a second time with fresh lists.
fn fetch(release: &str, cache: &Path, slot: &Path, progress: &dyn Fn(&str)) -> Result<(), NicError> {
    let wanted = format!("linux-headers-{release}");
    let mut own = vec![Archive::private(cache)?];
    // A host without any Debian source has no suites.
    own.extend(Suite::ALL.iter().filter_map(|&suite| Archive::suite(suite, cache).ok()));
    let mut last = None;
    let known = std::iter::once(Archive::host()).chain(own.iter().cloned()).map(|archive| (archive, false));
    for (archive, renew) in known.chain(own.iter().cloned().map(|archive| (archive, true))) {
        let attempt = || -> Result<(), KernelError> {
            if renew {
                progress(&format!("looking for {wanted} with fresh package lists"));
                archive.update()?;
            }
            let packages = find(&archive, &wanted)?;
            progress(&format!(
                "downloading {}",
                packages.iter().map(|p| p.name.as_str()).collect::<Vec<_>>().join(", ")
            ));
            download(&archive, &packages, slot)
        };
        match attempt() {
            Ok(()) => {
                let partial = slot.join(".partial");
                prepare(&archive, &partial)?;
                let whole = slot.join("root");
                return std::fs::rename(partial.join("root"), &whole)
                    .map_err(NicError::io("move the headers to", whole));
            }
            Err(error @ (KernelError::Program { .. } | KernelError::NoPackage { .. })) => last = Some(error),
            Err(error) => return Err(error.into()),
        }
    }
    let nothing = || KernelError::NoPackage { name: wanted };
    Err(last.unwrap_or_else(nothing).into())
}

/// The package, and those of its dependencies that are parts of the same tree.
fn find(archive: &Archive, wanted: &str) -> Result<Vec<Package>, KernelError> {
    let package = archive.versions(&[wanted])?.pop();
    let package = package.ok_or_else(|| KernelError::NoPackage { name: wanted.to_owned() })?;
    let depends = archive.depends(&package)?;
    // Debian: linux-headers-*-common, linux-kbuild-*. Ubuntu: linux-headers-* or linux-hwe-*-headers-*.
    let parts: Vec<&str> = depends
        .iter()
        .map(String::as_str)
        .filter(|name| name.starts_with("linux-") && (name.contains("headers") || name.contains("kbuild")))
        .collect();
    Ok(std::iter::once(package).chain(archive.versions(&parts)?).collect())
}

fn download(archive: &Archive, packages: &[Package], slot: &Path) -> Result<(), KernelError> {
    let partial = slot.join(".partial");
    if partial.exists() {
        std::fs::remove_dir_all(&partial).map_err(KernelError::io("remove unfinished headers", &partial))?;
    }
    std::fs::create_dir_all(&partial).map_err(KernelError::io("create cache folder", &partial))?;
    archive.download(packages, &partial)?;
    unpack_all(&partial, "root")
}

/// Unpacks every package in `dir` into a folder below it.
fn unpack_all(dir: &Path, into: &str) -> Result<(), KernelError> {
    let entries = std::fs::read_dir(dir).map_err(KernelError::io("list", dir))?;
    for deb in entries.flatten().map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|e| e == "deb")) {
        run("dpkg-deb", "dpkg", &["-x", &deb.to_string_lossy(), into], dir)?;
        std::fs::remove_file(&deb).map_err(KernelError::io("remove", &deb))?;
    }
    Ok(())
}

/// Makes the tree in `partial/root` work where it lies.
fn prepare(archive: &Archive, partial: &Path) -> Result<(), NicError> {
    let sources = partial.join("root/usr/src");
    let trees = std::fs::read_dir(&sources).map_err(NicError::io("list", &sources))?;
    for tree in trees.flatten().map(|entry| entry.path()) {
        let makefile = tree.join("Makefile");
        if std::fs::symlink_metadata(&makefile).is_ok_and(|facts| facts.is_file()) {
            let text = std::fs::read_to_string(&makefile).map_err(NicError::io("read", &makefile))?;
            if let Some(text) = relocated(&text) {
                std::fs::write(&makefile, text).map_err(NicError::io("write", &makefile))?;
            }
        }
        // Only there for BTF, which takes pahole and is of no use to us: without it the build leaves BTF out.
        let _ = std::fs::remove_file(tree.join("vmlinux"));
    }
    let broken = own_loader::not_runnable(&partial.join("root/usr"))?;
    if broken.is_empty() {
        return Ok(());
    }
    let libraries = archive.versions(own_loader::PACKAGES)?;
    archive.download(&libraries, partial)?;
    unpack_all(partial, "root/libraries")?;
    own_loader::wrap(&partial.join("root"), &broken)
}

/// Debian's Makefile of a flavour is two lines that name its other half by an absolute path. The new ones go by the
/// Makefile's own place, so that the cache can be moved. `None` where there is nothing to change.
fn relocated(makefile: &str) -> Option<String> {
    // A Makefile of the kernel proper is long, and what it says of /usr/src is a comment.
    let absolute = makefile.lines().count() < 10 && makefile.contains("/usr/src/");
    absolute.then(|| makefile.replace("/usr/src/", "$(dir $(realpath $(firstword $(MAKEFILE_LIST))))../"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_forwarding_makefile_is_relocated() {
        let debian =
            "KBUILD_OUTPUT=/usr/src/linux-headers-7.2-amd64\ninclude /usr/src/linux-headers-7.2-common/Makefile\n";
        let text = relocated(debian).expect("absolute paths");
        assert!(!text.contains("/usr/src") && text.contains("../linux-headers-7.2-common/Makefile"), "{text}");
        assert_eq!(relocated(&"# see /usr/src/linux\n".repeat(20)), None);
        assert_eq!(relocated("include ../common/Makefile\n"), None);
    }
}
