//! The same tests in a guest with the modules of conformance and the reference NIC.

use std::io::{BufRead, BufReader};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use flowgauge_scenarios::Topology;
use flowgauge_topologies::kernel::{cache_dir, debian};
use flowgauge_topologies::vm::{CONFORM_MODULES, CONFORM_NIC_PARAMETERS, Exit, ExtraModule, Vm, VmOptions};

use crate::{Outcome, WORKER, cases, check};

const ENOUGH: Duration = Duration::from_secs(300);
const TOPOLOGIES: [Topology; 2] = [Topology::Router, Topology::NicRouter];

/// Whether this process is the worker of a guest.
pub(crate) fn is_guest() -> bool {
    std::env::args().nth(1).as_deref() == Some(WORKER)
}

/// Boots a kernel and counts what passed.
pub(crate) fn run(version: &str) -> Outcome {
    let cache = cache_dir()?;
    let version_ = version.parse().map_err(|()| "a version of this test")?;
    let image = debian::fetch(version_, &cache, &|_| ())?;
    let driver = flowgauge_topologies::nic::module(&image, &cache, &|_| ())?;
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    let run_dir = std::env::temp_dir().join(format!("flowgauge-station-{}-{version}", std::process::id()));
    let mut options = VmOptions::new(run_dir, vec![own, WORKER.to_owned()]);
    if let Ok(only) = std::env::var("STATION_ONLY") {
        options.worker_argv.push(only);
    }
    options.modules.extend(CONFORM_MODULES.iter().map(|&name| name.to_owned()));
    // Its table is read whole at every step, empty places too.
    options.extra_modules.push(ExtraModule { path: driver, parameters: CONFORM_NIC_PARAMETERS.to_owned() });
    let mut vm = Vm::boot(&image, options, &|_| ())?;
    eprintln!("  {}: booted in {:?}, without {:?}", image.release, vm.boot_times(), vm.absent_modules());
    let channel = vm.channel()?;
    channel.set_read_timeout(Some(ENOUGH))?;
    let mut failed = Vec::new();
    let mut ended = false;
    for line in BufReader::new(channel).lines() {
        let line = line?;
        eprintln!("  {line}");
        if let Some(name) = line.strip_prefix("failed: ") {
            failed.push(name.to_owned());
        }
        ended |= line == "end";
        if ended {
            break;
        }
    }
    check(ended && failed.is_empty(), failed)?;
    let exit = vm.wait(ENOUGH);
    check(exit == Exit::Code(0), exit)?;
    check(vm.findings().is_empty(), vm.findings())
}

/// In the guest: a line for each test, and the exit code.
pub(crate) fn worker() -> ExitCode {
    let only = std::env::args().nth(2).unwrap_or_default();
    let mut code = ExitCode::SUCCESS;
    for topology in TOPOLOGIES {
        for (name, case) in cases(topology).filter(|(name, _)| name.contains(&only)) {
            let began = Instant::now();
            let outcome = case(topology);
            println!("{} on {}: {:?}", name, topology.name(), began.elapsed());
            if let Err(error) = outcome {
                println!("failed: {name} on {}: {error:?}", topology.name());
                code = ExitCode::FAILURE;
            }
        }
    }
    println!("end");
    code
}
