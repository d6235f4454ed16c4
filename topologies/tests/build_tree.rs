//! A kernel in the tree that it was built in: Debian's, laid out as `make` would have left it, its modules with as much
//! debug information as a developer's have. Boots in QEMU, for real: needs qemu-system-x86_64, objcopy, and apt or a
//! filled cache; no privilege. This test's own binary is the guest's init and its worker.

use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Duration,
};

use flowgauge_topologies::{
    guest_test::{self, Outcome, check},
    kernel::{DebianVersion, HostAbilities, Image, KernelError, ModuleTree, cache_dir, debian},
    vm::{Exit, Vm, VmOptions},
};
use libtest_mimic::{Failed, Trial};

const ENOUGH: Duration = Duration::from_secs(60);
/// Of each module: with some fifty of them, more than the guest's memory could hold.
const DEBUG_BYTES: usize = 8 << 20;
/// What the VM needs beside the modules of its options.
const BASE: [&str; 5] = ["crc32c_generic", "virtio_pci", "virtio_console", "9p", "9pnet_virtio"];

fn main() -> ExitCode {
    guest_test::main(worker, vec![Trial::test("a_build_tree_boots_and_a_stale_one_is_refused", build_tree)])
}

/// In the guest: which kernel this is, and what it lacks.
fn worker() -> ExitCode {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let gap = HostAbilities::probe().first_gap().map(|gap| format!("{gap:?}"));
    println!("{} {}", release.trim(), gap.unwrap_or_else(|| "complete".into()));
    ExitCode::SUCCESS
}

/// A folder that goes with the test.
struct Tree(PathBuf);

impl Tree {
    /// The kernel and the modules of an image where make would have put them.
    fn of(image: &Image) -> Result<Tree, Failed> {
        let tree = Tree(std::env::temp_dir().join(format!("flowgauge-build-tree-{}", std::process::id())));
        tree.write("arch/x86/boot/bzImage", &fs::read(&image.vmlinuz)?)?;
        tree.write("include/config/kernel.release", format!("{}\n", image.release).as_bytes())?;
        tree.write("include/config/auto.conf", b"CONFIG_64BIT=y\nCONFIG_MODULES=y\n")?;
        tree.write("modules.builtin", &fs::read(image.modules.join("modules.builtin"))?)?;
        // What an earlier build left and this one does not name.
        tree.write("drivers/net/veth.ko", b"of an older kernel")?;
        let debug = tree.0.join("debug");
        tree.write("debug", &vec![0x5a; DEBUG_BYTES])?;
        let options = VmOptions::new("", Vec::new());
        let wanted: Vec<&str> = BASE.into_iter().chain(options.modules.iter().map(String::as_str)).collect();
        let mut order = String::new();
        for module in ModuleTree::open(&image.modules)?.resolve(&wanted)?.load {
            let place = format!("net/{}.ko", module.name.replace('_', "-"));
            tree.write(&place, &module.object)?;
            let added = Command::new("objcopy")
                .arg("--add-section")
                .arg(format!(".debug_info={}", debug.display()))
                .arg(tree.0.join(&place))
                .output()?;
            check(added.status.success(), String::from_utf8_lossy(&added.stderr))?;
            order += &place.replace(".ko", ".o\n");
        }
        tree.write("modules.order", order.as_bytes())?;
        Ok(tree)
    }

    fn write(&self, path: &str, content: &[u8]) -> Outcome {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().ok_or("no folder")?)?;
        Ok(fs::write(path, content)?)
    }

    fn image(&self) -> Result<Image, KernelError> {
        Image::from_path(&self.0, None)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn build_tree() -> Outcome {
    let debian = debian::fetch(DebianVersion::DEFAULT, &cache_dir()?, &|_| ())?;
    let tree = Tree::of(&debian)?;
    let image = tree.image()?;
    check(image.release == debian.release && image.origin.starts_with("build tree "), &image)?;
    // Its bzImage alone leads to the same modules.
    let alone = Image::from_path(&tree.0.join("arch/x86/boot/bzImage"), None)?;
    check(alone == image, &alone)?;
    boots(&image)?;

    let release = Path::new("include/config/kernel.release");
    fs::write(tree.0.join(release), "6.12.0-other\n")?;
    let refused = tree.image();
    check(matches!(refused, Err(KernelError::StaleTree { .. })), &refused)?;
    fs::write(tree.0.join(release), &image.release)?;
    fs::remove_file(tree.0.join("net/veth.ko"))?;
    let refused = tree.image();
    check(matches!(&refused, Err(KernelError::UnbuiltModules { missing: 1, .. })), &refused)
}

fn boots(image: &Image) -> Outcome {
    let mut options = guest_test::options("build-tree-vm")?;
    options.memory_mib = 384;
    let mut vm = Vm::boot(image, options, &|_| {})?;
    let exit = vm.wait(ENOUGH);
    check(exit == Exit::Code(0), exit)?;
    let mut channel = vm.channel()?;
    channel.set_read_timeout(Some(Duration::from_secs(5)))?;
    let mut said = String::new();
    channel.read_to_string(&mut said)?;
    check(said.trim() == format!("{} complete", image.release), &said)?;
    check(vm.notes().is_empty() && vm.findings().is_empty(), (vm.notes(), vm.findings()))
}
