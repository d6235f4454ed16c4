//! The `nic-router` testbed on the reference NIC, for real: boots Debian's 6.12 in QEMU and loads the module there. Needs
//! what the test `vm_boot` needs, and a compiler. This test's own binary is the guest's init and its workers.

mod borrow;
mod churn;
mod cycle;
mod flows;
mod guest;
mod host;
mod nft_shell;
mod random;
mod storm;

use std::process::ExitCode;

use flowgauge_topologies::vm;
use libtest_mimic::{Arguments, Trial};

/// How long the storm lasts, in seconds, unless the environment says otherwise (FLOWGAUGE_STORM_S).
const STORM_S: u64 = 30;

fn main() -> ExitCode {
    if vm::is_guest_init() {
        vm::guest_init();
    }
    let argv: Vec<String> = std::env::args().collect();
    let words: Vec<&str> = argv.iter().map(String::as_str).collect();
    match words[1..] {
        ["--as-borrower", module] => return borrow::worker(module),
        ["--as-holder"] => return borrow::holder(),
        ["--as-storm", module, seconds, seed] => return storm::worker(module, seconds, seed),
        ["--as-cycle", seed] => return cycle::worker(seed),
        _ => {}
    }
    let mut arguments = Arguments::from_args();
    // Each boot takes all the CPUs it can get.
    arguments.test_threads = Some(1);
    let seconds = std::env::var("FLOWGAUGE_STORM_S").ok().and_then(|text| text.parse().ok()).unwrap_or(STORM_S);
    let tests = vec![
        Trial::test("ports_are_lent_and_come_back_as_they_were", host::borrows),
        Trial::test("a_storm_of_faults_leaves_the_console_clean", move || host::storms(seconds)),
    ];
    libtest_mimic::run(&arguments, tests).exit_code()
}
