//! A kernel that can be booted: its image, its modules, its release and where it came from.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{KernelError, ModuleTree, build_tree, release_of};

/// A kernel on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// The bzImage (or an uncompressed vmlinux).
    pub vmlinuz: PathBuf,
    /// The folder that contains `kernel/` and `modules.builtin`, or the tree that the kernel was built in.
    pub modules: PathBuf,
    /// `uname -r` of this kernel.
    pub release: String,
    /// Where it came from: package and version, or the path given by the user.
    pub origin: String,
}

impl Image {
    /// A kernel of the user's own build: the tree in which `make` ran, or an image. For an image without `modules` the
    /// usual places are tried: `RELEASE` or `lib/modules/RELEASE` beside it and one folder up, then /lib/modules/RELEASE. One
    /// that still lies in its build tree takes the modules of that. The modules' vermagic must name the same release.
    pub fn from_path(vmlinuz: &Path, modules: Option<&Path>) -> Result<Self, KernelError> {
        if vmlinuz.is_dir() {
            let image = build_tree::image(vmlinuz)?;
            return if modules.is_some() { Self::from_path(&image.vmlinuz, modules) } else { Ok(image) };
        }
        let vmlinuz = vmlinuz.canonicalize().map_err(KernelError::io("open kernel", vmlinuz))?;
        let release = release_of(&vmlinuz)?;
        let tried = match modules {
            Some(dir) => vec![dir.to_owned()],
            None => usual_places(&vmlinuz, &release),
        };
        if modules.is_none()
            && let Some(tree) = build_tree::around(&vmlinuz)
        {
            return build_tree::image(tree);
        }
        let Some(dir) = tried.iter().find(|dir| dir.join("kernel").is_dir() || dir.join("modules.builtin").is_file())
        else {
            return Err(KernelError::NoModules { release, tried });
        };
        let dir = dir.canonicalize().map_err(KernelError::io("open modules folder", dir))?;
        let origin = vmlinuz.display().to_string();
        let image = Self { vmlinuz, modules: dir, release, origin };
        match ModuleTree::open(&image.modules)?.release()? {
            Some(found) if found != image.release => {
                Err(KernelError::ModulesMismatch { dir: image.modules, found, release: image.release })
            }
            _ => Ok(image),
        }
    }
}

fn usual_places(vmlinuz: &Path, release: &str) -> Vec<PathBuf> {
    let near = vmlinuz.ancestors().skip(1).take(2);
    near.flat_map(|dir| [dir.join(release), dir.join("lib/modules").join(release)])
        .chain([Path::new("/lib/modules").join(release)])
        .collect()
}
