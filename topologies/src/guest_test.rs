//! Tests that run in a guest (feature `guest-tests`): a test binary that is the guest's init and its worker too, and
//! the host's side of it, which follows what the worker says.
//!
//! The tests of this crate and of `flowgauge` share it; no other build has it.

use std::fmt::Debug;
use std::io::{BufRead, BufReader};
use std::process::ExitCode;
use std::time::Duration;

use libtest_mimic::{Arguments, Failed, Trial};

use crate::kernel::{DebianVersion, Image, cache_dir, debian};
use crate::nic;
use crate::vm::{self, Exit, ExtraModule, Vm, VmOptions};

const WORKER: &str = "--as-worker";
const END: &str = "end";

/// What a test or a case came to.
pub type Outcome = Result<(), Failed>;

/// The `main` of a test binary: the guest's init, its worker, or the tests, one at a time, for each boot takes all the
/// CPUs that it can get.
pub fn main(worker: fn() -> ExitCode, tests: Vec<Trial>) -> ExitCode {
    if vm::is_guest_init() {
        vm::guest_init();
    }
    if std::env::args().nth(1).as_deref() == Some(WORKER) {
        return worker();
    }
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    libtest_mimic::run(&arguments, tests).exit_code()
}

/// Fails with `what` unless it holds.
pub fn check(holds: bool, what: impl Debug) -> Outcome {
    if holds { Ok(()) } else { Err(format!("{what:?}").into()) }
}

/// In the guest: runs the cases and prints a line for each; fails when one did.
pub fn worker<C>(cases: &[(&str, C)], mut run: impl FnMut(&C) -> Outcome) -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for (name, case) in cases {
        let outcome = run(case);
        println!("{name}: {}", outcome.as_ref().map_or_else(|e| format!("{e:?}"), |()| "ok".to_owned()));
        if outcome.is_err() {
            code = ExitCode::FAILURE;
        }
    }
    println!("{END}");
    code
}

/// Options of a guest that runs this very binary as its worker, in a folder of this process's own.
///
/// # Errors
/// When the system does not say where this binary is.
pub fn options(name: &str) -> Result<VmOptions, Failed> {
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    let run_dir = std::env::temp_dir().join(format!("flowgauge-{name}-{}", std::process::id()));
    Ok(VmOptions::new(run_dir, vec![own, WORKER.to_owned()]))
}

/// Debian's default kernel, and the options of a guest that has the reference NIC.
///
/// # Errors
/// When the kernel cannot be had, or the NIC's driver not built.
pub fn on_the_reference_nic(name: &str) -> Result<(Image, VmOptions), Failed> {
    let cache = cache_dir()?;
    let image = debian::fetch(DebianVersion::DEFAULT, &cache, &|_| ())?;
    let mut options = options(name)?;
    let path = nic::module(&image, &cache, &|_| ())?;
    options.extra_modules.push(ExtraModule { path, parameters: String::new() });
    Ok((image, options))
}

/// Boots, and follows the [`worker`] to its end: every case must be ok, in order, and the console clean. `other` gets
/// the lines that are not a case's; `patience` is how long the guest may be silent, and how long it may take to end.
///
/// # Errors
/// The first thing that is not so.
pub fn follow<C>(
    image: &Image,
    options: VmOptions,
    cases: &[(&str, C)],
    patience: Duration,
    mut other: impl FnMut(&str) -> Outcome,
) -> Outcome {
    let mut vm = Vm::boot(image, options, &|_| ())?;
    let channel = vm.channel()?;
    channel.set_read_timeout(Some(patience))?;
    let mut ended = Vec::new();
    for line in BufReader::new(channel).lines() {
        let line = line?;
        if line == END {
            break;
        }
        match cases.iter().find(|(name, _)| line.starts_with(&format!("{name}: "))) {
            Some(_) => {
                eprintln!("  {line}");
                ended.push(line);
            }
            None => other(&line)?,
        }
    }
    let expected: Vec<String> = cases.iter().map(|(name, _)| format!("{name}: ok")).collect();
    check(ended == expected, &ended)?;
    let exit = vm.wait(patience);
    check(exit == Exit::Code(0), exit)?;
    check(vm.findings().is_empty(), vm.findings())
}

/// Shows a line of the worker's.
pub fn show(line: &str) -> Outcome {
    eprintln!("  {line}");
    Ok(())
}
