//! The reference NIC itself: how fast its table takes rules, how many it holds, what a lookup costs when it is full, and
//! what the DUT's stack spends on a packet that the hardware forwards.
//!
//! Two VMs, one after the other, run this very binary: one on the wall clock, for rates, and one on the instruction
//! clock, where a nanosecond is an instruction and costs are exact. Tables in Markdown go to the terminal; docs/nic-bench.md
//! keeps one such run. Needs qemu-system-x86_64, make and gcc, and apt or a filled cache; no privilege.

mod card;
mod figures;
mod guest;
mod lookup;
mod stack;

use std::error::Error;
use std::io::{BufRead, BufReader};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use flowgauge_topologies::kernel::{DebianVersion, cache_dir, debian};
use flowgauge_topologies::vm::{self, Accel, Exit, ExtraModule, Vm, VmOptions};

use guest::Clock;

const WORKER: &str = "--as-worker";
const ENOUGH: Duration = Duration::from_secs(180);
/// A million rules take half a GiB.
const MEMORY_MIB: u32 = 2048;

fn main() -> ExitCode {
    if vm::is_guest_init() {
        vm::guest_init();
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [WORKER, clock] => guest::work(if clock == "instructions" { Clock::Instructions } else { Clock::Wall }),
        ref words if words.contains(&"--bench") => clocks(words),
        // `cargo test` builds benches too, and then asks for no measurement.
        _ => return ExitCode::SUCCESS,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Both, or the one that is named.
fn clocks(words: &[&str]) -> Result<(), Box<dyn Error>> {
    let started = Instant::now();
    if !words.contains(&"instructions") {
        boot(Accel::Auto, 2, "wall")?;
    }
    if !words.contains(&"wall") {
        boot(Accel::Instructions, 1, "instructions")?;
    }
    println!("\n{} s in all", started.elapsed().as_secs());
    Ok(())
}

fn boot(accel: Accel, cpus: u32, clock: &str) -> Result<(), Box<dyn Error>> {
    let cache = cache_dir()?;
    let image = debian::fetch(DebianVersion::DEFAULT, &cache, &|_| ())?;
    let driver = flowgauge_topologies::nic::module(&image, &cache, &|_| ())?;
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    let run_dir = std::env::temp_dir().join(format!("flowgauge-bench-nic-{}-{clock}", std::process::id()));
    let mut options = VmOptions::new(&run_dir, vec![own, WORKER.to_owned(), clock.to_owned()]);
    (options.accel, options.cpus, options.memory_mib) = (accel, cpus, MEMORY_MIB);
    options.extra_modules.push(ExtraModule { path: driver, parameters: String::new() });
    let mut vm = Vm::boot(&image, options, &|_| ())?;
    println!("\n## Linux {}, {} vCPU, {}", image.release, cpus, vm.acceleration().0.name());
    let channel = vm.channel()?;
    channel.set_read_timeout(Some(ENOUGH))?;
    for line in BufReader::new(channel).lines() {
        println!("{}", line?);
    }
    let (exit, findings) = (vm.wait(ENOUGH), vm.findings());
    drop(vm);
    let _ = std::fs::remove_dir_all(&run_dir);
    match (exit, findings.is_empty()) {
        (Exit::Code(0), true) => Ok(()),
        (exit, _) => Err(format!("the guest ended by {exit:?}; its kernel said {findings:?}").into()),
    }
}
