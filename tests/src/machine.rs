//! The state of the machine that flowgauge must leave as it was.

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::program;

/// Held by tests that look at the whole machine, so that they run one at a time.
pub fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Links, addresses, routes and rules of the default namespace, namespaces with names, and processes of ours.
///
/// A namespace without a name lives as long as a process or a descriptor of one, so the processes tell of those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    links: String,
    routes: String,
    rules: String,
    forwarding: String,
    named_namespaces: BTreeSet<String>,
    processes: BTreeSet<String>,
}

impl Machine {
    /// Reads it all.
    pub fn look() -> Self {
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        Machine {
            links: said("ip", &["-brief", "address"]),
            routes: said("ip", &["route", "show", "table", "all"]),
            rules: said("nft", &["list", "ruleset"]),
            forwarding: read("/proc/sys/net/ipv4/ip_forward") + &read("/proc/sys/net/ipv6/conf/all/forwarding"),
            named_namespaces: names("/run/netns"),
            processes: processes(),
        }
    }

    /// Fails the test unless the machine is again as it was, giving the kernel a moment to finish its clean-up
    /// (namespaces are destroyed by a work queue, killed processes are reaped by others).
    #[track_caller]
    pub fn expect_unchanged(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let now = Machine::look();
            if now == *self {
                return;
            }
            assert!(Instant::now() < deadline, "the machine changed\nbefore: {self:#?}\nafter: {now:#?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn said(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").output();
    output.map_or_else(|e| format!("{program}: {e}"), |o| String::from_utf8_lossy(&o.stdout).into_owned())
}

fn names(folder: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// Processes of our program, and those (QEMU) that were given a path of our scratch folders; zombies have neither.
fn processes() -> BTreeSet<String> {
    let program = program::path();
    let scratch = format!("flowgauge-test-{}-", std::process::id());
    let ours = |pid: &String| {
        let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == program)
            || String::from_utf8_lossy(&command).contains(&scratch)
    };
    names("/proc").into_iter().filter(|name| name.bytes().all(|b| b.is_ascii_digit())).filter(ours).collect()
}
