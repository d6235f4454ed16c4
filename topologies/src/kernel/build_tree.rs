//! A tree that a kernel was built in (`make`), without any installing: the bzImage and the modules where the build has
//! put them. Documentation/kbuild/{kbuild,modules}.rst, scripts/Makefile.modinst.

use std::path::{Path, PathBuf};

use super::{Image, KernelError, ModuleTree, release_of};

const RELEASE: &str = "include/config/kernel.release";
const CONFIG: &str = "include/config/auto.conf";
const BZIMAGE: &str = "arch/x86/boot/bzImage";
const ORDER: &str = "modules.order";

/// Whether a folder is a tree that was at least configured and begun to be built.
pub(super) fn is_tree(dir: &Path) -> bool {
    dir.join(RELEASE).is_file()
}

/// The tree around a bzImage, if it still lies where the build has put it.
pub(super) fn around(bzimage: &Path) -> Option<&Path> {
    bzimage.ancestors().find(|dir| dir.join(BZIMAGE) == bzimage && is_tree(dir))
}

/// The kernel of a tree.
pub(super) fn image(dir: &Path) -> Result<Image, KernelError> {
    let dir = dir.canonicalize().map_err(KernelError::io("open build tree", dir))?;
    let not = |reason: String| KernelError::NotATree { dir: dir.clone(), reason };
    if !is_tree(&dir) {
        return Err(not(match (dir.join("Kconfig").is_file(), dir.join(".config").is_file()) {
            (true, false) => "it is the source of a kernel, but has no .config; run make defconfig and make there, or \
                              give the folder that make was given as O="
                .to_owned(),
            (_, true) => format!("it is configured, but has no {RELEASE}; run make -j\"$(nproc)\" there"),
            (false, false) => {
                format!("it has neither Kconfig nor {RELEASE}; give a bzImage or the folder in which make ran")
            }
        }));
    }
    let vmlinuz = dir.join(BZIMAGE);
    if !vmlinuz.is_file() {
        return Err(not(format!("it has no {BZIMAGE}, so it is not built for x86 yet; run make -j\"$(nproc)\" there")));
    }
    let file = dir.join(RELEASE);
    let configured = std::fs::read_to_string(&file).map_err(KernelError::io("read", file))?.trim().to_owned();
    let built = release_of(&vmlinuz)?;
    if built != configured {
        return Err(KernelError::StaleTree { dir, built, configured });
    }
    match ModuleTree::open(&dir)?.release()? {
        Some(found) if found != built => Err(KernelError::ModulesMismatch { dir, found, release: built }),
        _ => Ok(Image { vmlinuz, origin: format!("build tree {}", dir.display()), modules: dir, release: built }),
    }
}

/// The module files of a tree, by its modules.order: one line each, `net/ipv4/x.o`; up to 6.1 `net/ipv4/x.ko`, up to 5.2
/// `kernel/net/ipv4/x.ko`.
pub(super) fn modules(dir: &Path) -> Result<Vec<PathBuf>, KernelError> {
    let order = dir.join(ORDER);
    let text = match std::fs::read_to_string(&order) {
        Ok(text) => text,
        // A kernel without CONFIG_MODULES has none, and no list of them.
        Err(_) if !has_modules(dir) => return Ok(Vec::new()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let reason = format!("it has no {ORDER}: its modules are not built; run make -j\"$(nproc)\" modules there");
            return Err(KernelError::NotATree { dir: dir.to_owned(), reason });
        }
        Err(error) => return Err(KernelError::io("read", order)(error)),
    };
    let (mut files, mut missing) = (Vec::new(), Vec::new());
    for line in text.lines().filter(|line| !line.is_empty()) {
        let path = line.strip_suffix(".o").map_or_else(|| line.to_owned(), |stem| format!("{stem}.ko"));
        let places = [Some(path.as_str()), path.strip_prefix("kernel/")];
        let found = places.into_iter().flatten().map(|place| dir.join(place)).find(|file| file.is_file());
        match found {
            Some(file) => files.push(file),
            None => missing.push(path),
        }
    }
    match missing.first() {
        Some(first) => {
            let (missing, example) = (missing.len(), first.clone());
            Err(KernelError::UnbuiltModules { dir: dir.to_owned(), missing, example })
        }
        None => Ok(files),
    }
}

fn has_modules(dir: &Path) -> bool {
    let config = std::fs::read_to_string(dir.join(CONFIG)).unwrap_or_default();
    config.lines().any(|line| line == "CONFIG_MODULES=y")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that goes with the test.
    struct Tree(PathBuf);

    impl Tree {
        fn new(name: &str, files: &[(&str, &[u8])]) -> Tree {
            let dir = std::env::temp_dir().join(format!("flowgauge-tree-{}-{name}", std::process::id()));
            for (path, content) in files {
                let path = dir.join(path);
                std::fs::create_dir_all(path.parent().expect("a folder")).expect("scratch folder");
                std::fs::write(path, content).expect("scratch file");
            }
            Tree(dir)
        }

        fn refusal(&self) -> String {
            image(&self.0).expect_err("no whole tree").to_string()
        }
    }

    impl Drop for Tree {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// As much of a bzImage as says its release.
    fn bzimage(release: &str) -> Vec<u8> {
        let mut image = vec![0; 0x400];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x20e..0x210].copy_from_slice(&0x100_u16.to_le_bytes());
        image[0x300..0x300 + release.len()].copy_from_slice(release.as_bytes());
        image
    }

    #[test]
    fn each_step_that_is_missing_is_named() {
        let said = |name: &str, files: &[(&str, &[u8])], words: &str| {
            let refusal = Tree::new(name, files).refusal();
            assert!(refusal.contains(words), "{refusal}");
        };
        let (kernel, release): (&[u8], &[u8]) = (&bzimage("6.19.0-me"), b"6.19.0-me\n");
        said("none", &[("README", b"")], "give a bzImage or the folder in which make ran");
        said("source", &[("Kconfig", b"")], "make defconfig");
        said("configured", &[("Kconfig", b""), (".config", b"")], "run make -j");
        said("unbuilt", &[(RELEASE, release)], "not built for x86 yet");
        let (config, on): (&str, &[u8]) = (CONFIG, b"CONFIG_MODULES=y\n");
        said("modules", &[(RELEASE, release), (BZIMAGE, kernel), (config, on)], "its modules are not built");
        said("stale", &[(RELEASE, b"6.19.0-you\n"), (BZIMAGE, kernel)], "configured for 6.19.0-you since");
        let order: (&str, &[u8]) = (ORDER, b"net/a.o\nnet/b.o\n");
        said("partly", &[(RELEASE, release), (BZIMAGE, kernel), order, ("net/a.ko", b"")], "such as net/b.ko");
    }

    #[test]
    fn a_kernel_without_modules_is_whole() {
        let tree = Tree::new("monolithic", &[(RELEASE, b"6.19.0\n"), (BZIMAGE, &bzimage("6.19.0"))]);
        let found = image(&tree.0).expect("a kernel");
        assert_eq!((found.release.as_str(), around(&found.vmlinuz)), ("6.19.0", Some(found.modules.as_path())));
    }

    #[test]
    fn every_form_of_the_list_is_read() {
        let files: &[(&str, &[u8])] = &[
            (ORDER, b"net/new.o\nnet/middle.ko\nkernel/net/old.ko\nkernel/deep.o\n"),
            ("net/new.ko", b""),
            ("net/middle.ko", b""),
            ("net/old.ko", b""),
            ("kernel/deep.ko", b""),
            ("net/stale.ko", b""),
        ];
        let tree = Tree::new("forms", files);
        let names = |path: &PathBuf| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let found: Vec<String> = modules(&tree.0).expect("a list").iter().filter_map(names).collect();
        assert_eq!(found, ["new.ko", "middle.ko", "old.ko", "deep.ko"]);
    }
}
