//! The host's side: boots, listens to the worker, reads the console.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flowgauge_topologies::kernel::{Image, cache_dir, debian};
use flowgauge_topologies::nic;
use flowgauge_topologies::vm::{Exit, Vm, VmOptions};
use libtest_mimic::Failed;

/// Ports go and come, testbeds are built in all ways, and the worker says what it saw.
pub(crate) fn borrows() -> Result<(), Failed> {
    let (image, module) = ground()?;
    run(&image, "borrow", &["--as-borrower", &module], Duration::from_secs(240))
}

/// Traffic, rule churn, faults, dying namespaces and unloading, all at once.
pub(crate) fn storms(seconds: u64) -> Result<(), Failed> {
    let (image, module) = ground()?;
    let seed = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos() as u64;
    let seed = std::env::var("FLOWGAUGE_STORM_SEED").unwrap_or(seed.to_string());
    eprintln!("  FLOWGAUGE_STORM_SEED={seed}");
    // What is under way at the end of the storm ends in its own time, slowed by emulation.
    let patience = Duration::from_secs(seconds + 120);
    run(&image, "storm", &["--as-storm", &module, &seconds.to_string(), &seed], patience)
}

fn ground() -> Result<(Image, String), Failed> {
    let (cache, progress) = (cache_dir()?, |step: &str| eprintln!("  {step}"));
    let version = "6.12".parse().map_err(|()| "6.12 is a version")?;
    let image = debian::fetch(version, &cache, &progress)?;
    // A driver under development; it must not lie under /tmp, which the guest has its own of.
    if let Ok(module) = std::env::var("FLOWGAUGE_NIC_MODULE") {
        return Ok((image, module));
    }
    let module = nic::module(&image, &cache, &progress)?;
    Ok((image, module.to_string_lossy().into_owned()))
}

fn run(image: &Image, name: &str, role: &[&str], patience: Duration) -> Result<(), Failed> {
    let run_dir = std::env::temp_dir().join(format!("flowgauge-nic-{}-{name}", std::process::id()));
    let own = std::env::current_exe()?.to_string_lossy().into_owned();
    let argv = std::iter::once(own.as_str()).chain(role.iter().copied()).map(str::to_owned).collect();
    let mut options = VmOptions::new(&run_dir, argv);
    options.memory_mib = 1536;
    // Frees are checked and memory is poisoned, so that a use after free is an oops and not luck.
    options.kernel_arguments.push("slub_debug=FZPU".to_owned());
    let mut vm = Vm::boot(image, options, &|_| {})?;
    for line in BufReader::new(vm.channel()?).lines() {
        match line {
            Ok(line) => eprintln!("  {line}"),
            Err(_) => break,
        }
    }
    let exit = vm.wait(patience);
    let findings = vm.findings();
    if exit == Exit::Code(0) && findings.is_empty() {
        return Ok(());
    }
    let found: Vec<String> =
        findings.iter().map(|finding| format!("{:?}:\n{}", finding.kind, finding.lines.join("\n"))).collect();
    Err(format!(
        "{exit:?}; console {}:\n{}\n{}",
        vm.console_path().display(),
        found.join("\n\n"),
        tail(vm.console_path())
    )
    .into())
}

fn tail(console: &Path) -> String {
    let text = std::fs::read_to_string(console).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
