//! Boots Debian kernels in QEMU, for real: needs qemu-system-x86_64, and apt or a filled cache; no
//! privilege. This test's own binary is the guest's init and one of its workers.

use std::{
    io::{Read, Write},
    os::{fd::FromRawFd, fd::OwnedFd, unix::process::ExitStatusExt},
    path::PathBuf,
    process::{Command, ExitCode, Stdio},
    time::Duration,
};

use flowgauge_topologies::{
    kernel::{HostAbilities, Image, KernelError, cache_dir, debian, list_cached},
    vm::{self, Accel, DeathKind, Exit, FindingKind, Vm, VmError, VmOptions},
};
use libtest_mimic::{Arguments, Failed, Trial};

const WORKER: &str = "--as-worker";
const BOOTER: &str = "--as-booter";
const ENOUGH: Duration = Duration::from_secs(60);

fn main() -> ExitCode {
    if vm::is_guest_init() {
        vm::guest_init();
    }
    let argv: Vec<String> = std::env::args().collect();
    match argv.get(1).map(String::as_str) {
        Some(WORKER) => return worker(),
        Some(BOOTER) => return booter(),
        _ => {}
    }
    let mut arguments = Arguments::from_args();
    // Each boot takes all the CPUs it can get.
    arguments.test_threads = Some(1);
    let tests = vec![
        Trial::test("debian_6_12_runs_a_worker", || runs_uname("6.12")),
        Trial::test("debian_6_1_runs_a_worker", || runs_uname("6.1")),
        Trial::test("own_binary_talks_and_has_a_flowtable", own_binary),
        Trial::test("worker_status_reaches_the_host", statuses),
        Trial::test("nothing_is_written_to_the_host", host_stays_clean),
        Trial::test("a_panic_is_diagnosed", panic),
        Trial::test("a_silent_guest_is_told_from_a_dead_one", silence),
        Trial::test("missing_qemu_is_said", no_qemu),
        Trial::test("killing_the_booter_ends_qemu", kill_nine),
        Trial::test("instruction_clock_boots", instruction_clock),
        Trial::test("unknown_version_names_what_there_is", unknown_version),
    ];
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// In the guest: what the kernel can do as one line, then the input back in upper case until a full stop.
fn worker() -> ExitCode {
    let abilities = HostAbilities::probe();
    println!("{}", abilities.first_gap().map_or("complete".into(), |gap| format!("{gap:?}")));
    let mut byte = [0];
    while std::io::stdin().read_exact(&mut byte).is_ok() {
        if byte == *b"." {
            return ExitCode::SUCCESS;
        }
        let answered = std::io::stdout().write_all(&byte.to_ascii_uppercase()).and_then(|()| std::io::stdout().flush());
        if answered.is_err() {
            break;
        }
    }
    ExitCode::from(9)
}

/// Boots, says QEMU's pid, and waits to be killed.
fn booter() -> ExitCode {
    let booted = boot_with("booter", &["/bin/sleep", "60"], |_| {});
    match booted {
        Ok((vm, _)) => {
            println!("{}", vm.qemu_pid());
            let _ = std::io::stdin().read(&mut [0]);
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run_dir(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("flowgauge-vm-boot-{}-{name}", std::process::id()))
}

fn image(version: &str) -> Result<Image, KernelError> {
    let version = version.parse().expect("a version of this test");
    debian::fetch(version, &cache_dir()?, &|step| eprintln!("  {step}"))
}

fn boot_image(image: &Image, name: &str, argv: &[&str], change: impl FnOnce(&mut VmOptions)) -> Result<Vm, VmError> {
    let mut options = VmOptions::new(run_dir(name), argv.iter().map(|&word| word.into()).collect());
    change(&mut options);
    let vm = Vm::boot(image, options, &|_| {})?;
    eprintln!(
        "  {name}: {} {:?}, absent {:?}, notes {:?}",
        image.release,
        vm.boot_times(),
        vm.absent_modules(),
        vm.notes()
    );
    Ok(vm)
}

fn boot_with(name: &str, argv: &[&str], change: impl FnOnce(&mut VmOptions)) -> Result<(Vm, Image), VmError> {
    let image = image("6.12")?;
    Ok((boot_image(&image, name, argv, change)?, image))
}

fn boot(name: &str, argv: &[&str]) -> Result<Vm, VmError> {
    Ok(boot_with(name, argv, |_| {})?.0)
}

fn read_line(channel: &mut impl Read) -> std::io::Result<String> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    // Byte by byte: what follows the line must stay in the channel.
    while channel.read(&mut byte)? == 1 && byte != *b"\n" {
        line.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn same<T: PartialEq + std::fmt::Debug>(found: &T, wanted: &T) -> Result<(), Failed> {
    if found == wanted { Ok(()) } else { Err(format!("wanted {wanted:?}, found {found:?}").into()) }
}

fn runs_uname(version: &str) -> Result<(), Failed> {
    let image = image(version)?;
    same(&list_cached(&cache_dir()?).iter().any(|kernel| kernel.image == image), &true)?;
    let mut vm = boot_image(&image, version, &["/bin/uname", "-r"], |_| {})?;
    same(&read_line(&mut vm.channel()?)?, &image.release)?;
    same(&vm.wait(ENOUGH), &Exit::Code(0))?;
    same(&vm.absent_modules().to_vec(), &Vec::new())?;
    same(&vm.notes(), &Vec::new())?;
    same(&vm.findings(), &Vec::new())?;
    drop(vm);
    same(&run_dir(version).exists(), &false)
}

fn own_binary() -> Result<(), Failed> {
    let own = std::env::current_exe()?;
    let mut vm = boot("own", &[&own.to_string_lossy(), WORKER])?;
    let mut channel = vm.channel()?;
    same(&read_line(&mut channel)?, &"complete".to_owned())?;
    // More than one virtio buffer and one socket buffer hold.
    let sent: Vec<u8> = (0..100_000u32).map(|i| b'a' + (i % 26) as u8).collect();
    let mut writer = vm.channel()?;
    let text = sent.clone();
    let writing = std::thread::spawn(move || writer.write_all(&text));
    let mut back = vec![0; sent.len()];
    channel.read_exact(&mut back)?;
    writing.join().map_err(|_| "the writer panicked")??;
    same(&(back == sent.to_ascii_uppercase()), &true)?;
    same(&vm.is_alive(), &true)?;
    channel.write_all(b".")?;
    same(&vm.wait(ENOUGH), &Exit::Code(0))?;
    same(&vm.is_alive(), &false)
}

fn statuses() -> Result<(), Failed> {
    same(&boot("code", &["/bin/sh", "-c", "exit 7"])?.wait(ENOUGH), &Exit::Code(7))?;
    same(&boot("signal", &["/bin/sh", "-c", "kill -SEGV $$"])?.wait(ENOUGH), &Exit::Signal(11))
}

fn host_stays_clean() -> Result<(), Failed> {
    let name = format!("flowgauge-must-not-appear-{}", std::process::id());
    let script =
        format!("touch /tmp/{name} /run/{name} || exit 3; touch /{name} /usr/{name} 2>/dev/null && exit 4; exit 0");
    same(&boot("clean", &["/bin/sh", "-c", &script])?.wait(ENOUGH), &Exit::Code(0))?;
    for dir in ["/", "/tmp", "/run", "/usr"] {
        same(&PathBuf::from(dir).join(&name).exists(), &false)?;
    }
    Ok(())
}

fn panic() -> Result<(), Failed> {
    let mut vm = boot("panic", &["/bin/sh", "-c", "echo c > /proc/sysrq-trigger"])?;
    let Exit::Died(death) = vm.wait(ENOUGH) else { return Err("the panic went unnoticed".into()) };
    same(&death.kind, &DeathKind::Panic)?;
    same(&death.console_excerpt.contains("sysrq triggered crash"), &true)?;
    same(&vm.findings().iter().any(|finding| finding.kind == FindingKind::Panic), &true)?;
    drop(vm);
    let console = std::fs::read_to_string(&death.console_path)?;
    same(&console.contains("Kernel panic - not syncing"), &true)?;
    std::fs::remove_dir_all(run_dir("panic"))?;
    Ok(())
}

fn silence() -> Result<(), Failed> {
    let mut vm = boot("silent", &["/bin/sleep", "1000"])?;
    same(&vm.wait(Duration::from_millis(200)), &Exit::StillRunning)?;
    same(&vm.diagnose().kind, &DeathKind::Silent)?;
    vm.kill();
    same(&vm.diagnose().kind, &DeathKind::Killed)?;
    drop(vm);
    std::fs::remove_dir_all(run_dir("silent"))?;
    Ok(())
}

fn no_qemu() -> Result<(), Failed> {
    // The kernel comes from the cache, so that the missing QEMU is the first thing that fails.
    image("6.12")?;
    let output = Command::new(std::env::current_exe()?).arg(BOOTER).env("PATH", "/nonexistent").output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    same(&(output.status.success(), said.contains("apt-get install qemu-system-x86")), &(false, true))
}

fn kill_nine() -> Result<(), Failed> {
    let mut booter =
        Command::new(std::env::current_exe()?).arg(BOOTER).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let pid = read_line(booter.stdout.as_mut().ok_or("no stdout")?)?;
    let pid: i32 = pid.parse().map_err(|_| format!("no pid: {pid:?}"))?;
    // SAFETY: pidfd_open takes integers; what it returns is a new fd.
    let qemu = unsafe { OwnedFd::from_raw_fd(i32::try_from(libc::syscall(libc::SYS_pidfd_open, pid, 0))?) };
    booter.kill()?;
    same(&booter.wait()?.signal(), &Some(libc::SIGKILL))?;
    // A pidfd becomes readable when its process ends.
    let mut ended = [nix::poll::PollFd::new(std::os::fd::AsFd::as_fd(&qemu), nix::poll::PollFlags::POLLIN)];
    same(&nix::poll::poll(&mut ended, 5000u16)?, &1)?;
    std::fs::remove_dir_all(std::env::temp_dir().join(format!("flowgauge-vm-boot-{}-booter", booter.id())))?;
    Ok(())
}

fn instruction_clock() -> Result<(), Failed> {
    let (mut vm, image) = boot_with("instructions", &["/bin/uname", "-r"], |options| {
        options.accel = Accel::Instructions;
        options.cpus = 1;
    })?;
    same(&read_line(&mut vm.channel()?)?, &image.release)?;
    same(&vm.wait(ENOUGH), &Exit::Code(0))
}

fn unknown_version() -> Result<(), Failed> {
    match image("3.2") {
        Err(KernelError::NotOffered { available, .. }) if !available.is_empty() => Ok(()),
        other => Err(format!("{other:?}").into()),
    }
}
