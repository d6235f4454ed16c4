//! Builds the reference NIC for Debian's kernels and loads it in VMs, for real: needs make and gcc, qemu-system-x86_64,
//! and apt or a filled cache; no privilege. This test's own binary is the guest's init and its worker.

use std::{
    io::Read,
    path::Path,
    process::ExitCode,
    time::{Duration, Instant},
};

use flowgauge_topologies::{
    guest_test::{self, Outcome},
    kernel::{Image, cache_dir, debian},
    nic,
    vm::{Exit, ExtraModule, Vm},
};
use libtest_mimic::{Failed, Trial};

const ENOUGH: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    let tests = vec![
        Trial::test("debian_6_12_builds_and_loads", || builds_and_loads("6.12")),
        Trial::test("debian_6_1_builds_and_loads", || builds_and_loads("6.1")),
        Trial::test("debian_newest_builds_and_loads", || builds_and_loads("newest")),
        Trial::test("a_kernel_by_path_brings_its_own_headers", by_path),
        Trial::test("a_module_that_does_not_load_shows_the_kernels_words", refused),
    ];
    guest_test::main(worker, tests)
}

/// In the guest: a word for each thing that must be there, and what is not.
fn worker() -> ExitCode {
    let ports = ["nic0", "wire0", "nic1", "wire1"].map(|port| format!("/sys/class/net/{port}/mtu"));
    let others =
        [format!("/sys/module/{}/parameters/pairs", nic::MODULE), format!("/sys/kernel/debug/{}/rules", nic::MODULE)];
    for path in ports.iter().chain(&others) {
        println!("{path}: {}", std::fs::read(path).map_or_else(|e| e.to_string(), |_| "there".into()));
    }
    // Writable, as faults are switched while the module is loaded.
    let threaded = std::fs::write("/sys/class/net/wire0/threaded", "1");
    println!("threaded: {}", threaded.map_or_else(|e| e.to_string(), |()| "there".into()));
    ExitCode::SUCCESS
}

fn image(version: &str) -> Result<Image, Failed> {
    let version = version.parse().map_err(|()| "a version of this test")?;
    Ok(debian::fetch(version, &cache_dir()?, &|step| eprintln!("  {step}"))?)
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, wanted: &T) -> Outcome {
    if found == wanted { Ok(()) } else { Err(format!("wanted {wanted:?}, found {found:?}").into()) }
}

fn boot(image: &Image, name: &str, module: &Path, parameters: &str) -> Result<Vm, Failed> {
    let mut options = guest_test::options(&format!("nic-build-{name}"))?;
    options.extra_modules = vec![ExtraModule { path: module.to_owned(), parameters: parameters.to_owned() }];
    Ok(Vm::boot(image, options, &|_| {})?)
}

fn builds_and_loads(version: &str) -> Outcome {
    let image = image(version)?;
    let began = Instant::now();
    let module = nic::module(&image, &cache_dir()?, &|step| eprintln!("  {step}"))?;
    eprintln!("  {}: module after {:?}", image.release, began.elapsed());
    let again = Instant::now();
    same(&nic::module(&image, &cache_dir()?, &|step| eprintln!("  again: {step}"))?, &module)?;
    same(&(again.elapsed() < Duration::from_secs(1)), &true)?;
    let mut vm = boot(&image, version, &module, "pairs=2")?;
    eprintln!("  {:?}, absent {:?}, notes {:?}", vm.boot_times(), vm.absent_modules(), vm.notes());
    let mut said = String::new();
    vm.channel()?.read_to_string(&mut said)?;
    let missing: Vec<&str> = said.lines().filter(|line| !line.ends_with(": there")).collect();
    same(&missing, &Vec::new())?;
    same(&said.lines().count(), &7)?;
    same(&vm.wait(ENOUGH), &Exit::Code(0))?;
    same(&vm.notes(), &Vec::new())?;
    same(&vm.findings(), &Vec::new())?;
    same(&vm.absent_modules().to_vec(), &Vec::new())
}

/// `--kernel PATH --modules DIR`: headers come from DIR/build, and a cache that cannot be filled from anywhere else does.
fn by_path() -> Outcome {
    let fetched = image("6.12")?;
    // Fills the cache with headers, which then stand for a tree of the user's own.
    nic::module(&fetched, &cache_dir()?, &|_| {})?;
    let unpacked = cache_dir()?.join("headers").join(&fetched.release).join("root");
    let headers = unpacked.join("usr").join("src").join(format!("linux-headers-{}", fetched.release));
    let dir = guest_test::options("nic-build-by-path")?.run_dir;
    let (modules, cache) = (dir.join("modules"), dir.join("cache"));
    std::fs::create_dir_all(&modules)?;
    std::fs::write(modules.join("modules.builtin"), "")?;
    std::os::unix::fs::symlink(headers, modules.join("build"))?;
    let own = Image::from_path(&fetched.vmlinuz, Some(&modules))?;
    let steps = std::cell::RefCell::new(Vec::new());
    let built = nic::module(&own, &cache, &|step| steps.borrow_mut().push(step.to_owned()))?;
    same(&steps.into_inner(), &vec![format!("building flowgauge_nic for kernel {}", own.release)])?;
    let size = std::fs::metadata(&built)?.len();
    same(&(size > 10_000 && size < 1_000_000), &true)?;
    // Nothing but the module stays: neither objects nor logs.
    let kept = std::fs::read_dir(cache.join("nic").join(&own.release))?.count();
    std::fs::remove_dir_all(&dir)?;
    same(&kept, &1)
}

/// Loaded into another kernel than it was built for, the module is refused, and the boot says why.
fn refused() -> Outcome {
    let (built_for, booted) = (image("6.1")?, image("6.12")?);
    let module = nic::module(&built_for, &cache_dir()?, &|step| eprintln!("  {step}"))?;
    let error = match boot(&booted, "refused", &module, "") {
        Ok(_) => return Err("a module of another kernel was loaded".into()),
        Err(error) => error.message().unwrap_or_default().to_owned(),
    };
    eprintln!("  {error}");
    std::fs::remove_dir_all(guest_test::options("nic-build-refused")?.run_dir)?;
    // Which check of the kernel's fails first depends on the two kernels; that it is told does not.
    for word in
        ["load module", "flowgauge_nic.ko", "Exec format error", "; the kernel said: ", "module flowgauge_nic: "]
    {
        same(&(word, error.contains(word)), &(word, true))?;
    }
    Ok(())
}
