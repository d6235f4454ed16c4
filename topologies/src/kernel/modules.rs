//! The modules of a kernel, without depmod or kmod: a module's file is found by its name, its
//! dependencies are read from its own `.modinfo` section when it is wanted.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{KernelError, build_tree, elf, strip::without_debug, unpack::unpack};

/// A modules folder, indexed by module name.
#[derive(Debug)]
pub struct ModuleTree {
    files: BTreeMap<String, PathBuf>,
    builtin: BTreeSet<String>,
}

/// A module, unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Module {
    /// Its name as the kernel says it, with underscores.
    pub name: String,
    /// The ELF object, ready for init_module(2).
    pub object: Vec<u8>,
}

/// What becomes of a list of wanted modules.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct LoadOrder {
    /// Dependencies first.
    pub load: Vec<Module>,
    /// Wanted, but compiled into this kernel.
    pub builtin: Vec<String>,
    /// Wanted, but neither built in nor present.
    pub absent: Vec<String>,
}

impl ModuleTree {
    /// Indexes the folder that contains `kernel/` and `modules.builtin`, or the tree that the kernel was built in: there
    /// only what its modules.order names, since old modules may lie about.
    pub fn open(dir: &Path) -> Result<Self, KernelError> {
        let paths = if build_tree::is_tree(dir) { build_tree::modules(dir)? } else { files_below(dir)? };
        let files = paths.into_iter().filter_map(|path| Some((module_name(&path)?, path))).collect();
        // Absent in a build without modules_install's helper files: then nothing counts as built in.
        let builtin = std::fs::read_to_string(dir.join("modules.builtin")).unwrap_or_default();
        let builtin = builtin.lines().filter_map(|line| module_name(Path::new(line))).collect();
        Ok(Self { files, builtin })
    }

    /// How many loadable modules there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are no loadable modules.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Whether the kernel has this module built in.
    pub fn is_builtin(&self, name: &str) -> bool {
        self.builtin.contains(&name.replace('-', "_"))
    }

    /// Whether the module is there as a file.
    pub fn is_loadable(&self, name: &str) -> bool {
        self.files.contains_key(&name.replace('-', "_"))
    }

    /// The kernel release for which the modules were built, from the vermagic of one of them;
    /// `None` when there is no module.
    pub fn release(&self) -> Result<Option<String>, KernelError> {
        let Some(path) = self.files.values().next() else { return Ok(None) };
        let object = read(path)?;
        Ok(modinfo(&object, "vermagic").next().and_then(|magic| magic.split(' ').next().map(str::to_owned)))
    }

    /// Reads the wanted modules and all they depend on (`depends=`, and `softdep=pre:` where it
    /// names a module), in an order in which they can be loaded.
    pub fn resolve<S: AsRef<str>>(&self, wanted: &[S]) -> Result<LoadOrder, KernelError> {
        let mut order = LoadOrder::default();
        let mut seen = BTreeSet::new();
        for name in wanted {
            self.visit(&name.as_ref().replace('-', "_"), true, &mut seen, &mut order)?;
        }
        Ok(order)
    }

    fn visit(
        &self,
        name: &str,
        hard: bool,
        seen: &mut BTreeSet<String>,
        order: &mut LoadOrder,
    ) -> Result<(), KernelError> {
        if !self.files.contains_key(name) && !hard {
            return Ok(());
        }
        if !seen.insert(name.to_owned()) {
            return Ok(());
        }
        let Some(path) = self.files.get(name) else {
            let list = if self.builtin.contains(name) { &mut order.builtin } else { &mut order.absent };
            list.push(name.to_owned());
            return Ok(());
        };
        let object = read(path)?;
        for depends in modinfo(&object, "depends").map(str::to_owned).collect::<Vec<_>>() {
            for need in depends.split(',').filter(|need| !need.is_empty()) {
                self.visit(&need.replace('-', "_"), true, seen, order)?;
            }
        }
        for soft in modinfo(&object, "softdep").map(str::to_owned).collect::<Vec<_>>() {
            let pre = soft.split_whitespace().skip_while(|word| *word != "pre:").skip(1);
            for need in pre.take_while(|word| !word.ends_with(':')) {
                self.visit(&need.replace('-', "_"), false, seen, order)?;
            }
        }
        order.load.push(Module { name: name.to_owned(), object });
        Ok(())
    }
}

/// Every file in a folder and those below it.
fn files_below(dir: &Path) -> Result<Vec<PathBuf>, KernelError> {
    let (mut files, mut open) = (Vec::new(), vec![dir.to_owned()]);
    while let Some(dir) = open.pop() {
        let entries = std::fs::read_dir(&dir).map_err(KernelError::io("list modules in", &dir))?;
        for entry in entries {
            let entry = entry.map_err(KernelError::io("list modules in", &dir))?;
            // Not followed when a link: `build` and `source` lead to whole source trees.
            let list = if entry.file_type().is_ok_and(|kind| kind.is_dir()) { &mut open } else { &mut files };
            list.push(entry.path());
        }
    }
    Ok(files)
}

/// `nft_ct` for `.../nft-ct.ko.xz`; `None` for a file that is no module.
fn module_name(path: &Path) -> Option<String> {
    let file = path.file_name()?.to_str()?;
    let stem = ["", ".xz", ".zst", ".gz"].iter().find_map(|packed| file.strip_suffix(packed)?.strip_suffix(".ko"))?;
    Some(stem.replace('-', "_"))
}

fn read(path: &Path) -> Result<Vec<u8>, KernelError> {
    let fail = |reason: String| KernelError::Unpack { path: path.into(), reason };
    let packed = std::fs::read(path).map_err(KernelError::io("read module", path))?;
    let object = without_debug(unpack(packed).map_err(|e| fail(e.to_string()))?);
    if elf::section(&object, ".modinfo").is_none() {
        return Err(fail("it has no .modinfo section, so it is no module of a 64-bit kernel".into()));
    }
    Ok(object)
}

/// All values of one key in `.modinfo`, a row of NUL-terminated `key=value`.
fn modinfo<'a>(object: &'a [u8], key: &'a str) -> impl Iterator<Item = &'a str> {
    let info = elf::section(object, ".modinfo").unwrap_or_default();
    info.split(|&byte| byte == 0)
        .filter_map(|entry| std::str::from_utf8(entry).ok())
        .filter_map(move |entry| entry.strip_prefix(key)?.strip_prefix('='))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_from_files() {
        assert_eq!(module_name(Path::new("kernel/net/nf-x_y.ko.xz")).as_deref(), Some("nf_x_y"));
        assert_eq!(module_name(Path::new("veth.ko")).as_deref(), Some("veth"));
        assert_eq!(module_name(Path::new("modules.order")), None);
    }

    #[test]
    fn a_name_is_built_in_or_absent() {
        let tree = ModuleTree { files: BTreeMap::new(), builtin: ["ipv6".to_owned()].into() };
        let order = tree.resolve(&["ipv6", "no-such", "ipv6"]).expect("nothing is read");
        assert_eq!((order.builtin, order.absent), (vec!["ipv6".into()], vec!["no_such".into()]));
    }
}
