//! Reads a kernel's console text for what must not be there: panics, oopses, warnings, lock and
//! memory checkers, lockups. Pure.

use serde::{Deserialize, Serialize};

/// What kind of trouble a console shows, from the worst down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// The kernel panicked.
    Panic,
    /// A BUG, a bad page fault, a general protection fault.
    Oops,
    /// KASAN, KFENCE, UBSAN or another memory checker reported.
    MemoryChecker,
    /// lockdep or a sleeping-in-atomic check reported.
    Locking,
    /// A CPU was stuck: soft or hard lockup, RCU stall.
    Lockup,
    /// A task was blocked for minutes.
    HungTask,
    /// The kernel killed a process for want of memory.
    OutOfMemory,
    /// A WARN_ON.
    Warning,
}

/// One trouble, with its lines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConsoleFinding {
    /// What it is.
    pub kind: FindingKind,
    /// Number of the line that gave it away, from 1.
    pub line: usize,
    /// That line and those that belong to it, time stamps taken off.
    pub lines: Vec<String>,
}

/// Phrases of the kernel and what they mean; the first that a line contains decides.
/// Sources: kernel/panic.c, arch/x86/mm/fault.c, arch/x86/kernel/dumpstack.c, mm/kasan/report.c,
/// mm/kfence/report.c, lib/ubsan.c, kernel/locking/lockdep.c, kernel/sched/core.c,
/// kernel/watchdog.c, kernel/rcu/tree_stall.h, kernel/hung_task.c, mm/oom_kill.c.
const PHRASES: &[(&str, FindingKind)] = &[
    ("Kernel panic - not syncing", FindingKind::Panic),
    ("BUG: KASAN:", FindingKind::MemoryChecker),
    ("BUG: KFENCE:", FindingKind::MemoryChecker),
    ("BUG: KMSAN:", FindingKind::MemoryChecker),
    ("UBSAN:", FindingKind::MemoryChecker),
    ("BUG: sleeping function called", FindingKind::Locking),
    ("BUG: scheduling while atomic", FindingKind::Locking),
    ("BUG: Invalid wait context", FindingKind::Locking),
    ("possible circular locking dependency", FindingKind::Locking),
    ("possible recursive locking", FindingKind::Locking),
    ("inconsistent lock state", FindingKind::Locking),
    ("suspicious RCU usage", FindingKind::Locking),
    ("bad unlock balance", FindingKind::Locking),
    ("soft lockup - CPU", FindingKind::Lockup),
    ("hard LOCKUP", FindingKind::Lockup),
    ("detected stalls on CPUs", FindingKind::Lockup),
    ("self-detected stall on CPU", FindingKind::Lockup),
    ("BUG: unable to handle", FindingKind::Oops),
    ("BUG: kernel NULL pointer", FindingKind::Oops),
    ("kernel BUG at", FindingKind::Oops),
    ("general protection fault", FindingKind::Oops),
    ("Oops: ", FindingKind::Oops),
    ("Internal error: Oops", FindingKind::Oops),
    ("blocked for more than", FindingKind::HungTask),
    ("Out of memory: Killed process", FindingKind::OutOfMemory),
    ("WARNING: CPU:", FindingKind::Warning),
];

/// How many lines after the first one are kept.
const CONTEXT_LINES: usize = 40;

/// Every trouble in the text, in order. A finding runs until the next one, to the end of its trace or
/// for 40 lines; `Oops:` right behind the `BUG:` that caused it is the same trouble.
pub fn scan(text: &str) -> Vec<ConsoleFinding> {
    let mut findings: Vec<ConsoleFinding> = Vec::new();
    let mut open = false;
    for (index, line) in text.lines().enumerate() {
        let line = without_stamp(line);
        let kind = PHRASES.iter().find(|(phrase, _)| line.contains(phrase)).map(|&(_, kind)| kind);
        match (kind, findings.last_mut()) {
            (Some(kind), Some(last)) if open && kind == last.kind => last.lines.push(line.to_owned()),
            (Some(kind), _) => {
                findings.push(ConsoleFinding { kind, line: index + 1, lines: vec![line.to_owned()] });
                open = true;
            }
            (None, Some(last)) if open => {
                last.lines.push(line.to_owned());
                open = last.lines.len() <= CONTEXT_LINES && !line.contains("---[ end ");
            }
            (None, _) => {}
        }
    }
    findings
}

/// `BUG: x` for `[    1.234567][  T12] BUG: x`.
fn without_stamp(line: &str) -> &str {
    let mut rest = line.trim_end();
    while let Some((_, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once("] ")) {
        rest = after;
    }
    rest
}

/// The worst finding.
pub(crate) fn worst(findings: &[ConsoleFinding]) -> Option<&ConsoleFinding> {
    findings.iter().min_by_key(|finding| finding.kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NULL_DEREFERENCE: &str = "\
[    0.000000] Linux version 6.12.1
[   12.345678] BUG: kernel NULL pointer dereference, address: 0000000000000010
[   12.345679] #PF: supervisor read access in kernel mode
[   12.345680] Oops: 0000 [#1] PREEMPT SMP NOPTI
[   12.345681] RIP: 0010:nf_flow_offload_ip_hook+0x1c/0x90 [nf_flow_table]
[   12.345690] ---[ end trace 0000000000000000 ]---
[   12.345691] Kernel panic - not syncing: Fatal exception in interrupt
[   12.345692] Kernel Offset: disabled";

    #[test]
    fn an_oops_and_its_panic_are_two_findings() {
        let found = scan(NULL_DEREFERENCE);
        let kinds: Vec<_> = found.iter().map(|f| (f.kind, f.line)).collect();
        assert_eq!(kinds, [(FindingKind::Oops, 2), (FindingKind::Panic, 7)]);
        assert!(found[0].lines.iter().any(|l| l.starts_with("RIP: 0010:nf_flow_offload_ip_hook")), "{found:?}");
        assert_eq!(worst(&found).map(|f| f.kind), Some(FindingKind::Panic));
    }

    #[test]
    fn each_checker_is_told_apart() {
        let samples = [
            ("[ 1.0] WARNING: CPU: 1 PID: 12 at net/core/dev.c:123 f+0x1/0x2", FindingKind::Warning),
            ("[ 1.0] WARNING: possible circular locking dependency detected", FindingKind::Locking),
            ("[ 1.0] WARNING: suspicious RCU usage", FindingKind::Locking),
            ("[ 1.0] BUG: KASAN: slab-use-after-free in flow_offload_free+0x1", FindingKind::MemoryChecker),
            ("[ 1.0][ T9] watchdog: BUG: soft lockup - CPU#0 stuck for 26s! [nft:12]", FindingKind::Lockup),
            ("[ 1.0] rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:", FindingKind::Lockup),
            ("[ 1.0] INFO: task nft:123 blocked for more than 120 seconds.", FindingKind::HungTask),
            ("[ 1.0] kernel BUG at net/netfilter/core.c:1!", FindingKind::Oops),
            ("[ 1.0] Out of memory: Killed process 12 (worker)", FindingKind::OutOfMemory),
        ];
        for (line, kind) in samples {
            assert_eq!(scan(line).iter().map(|f| f.kind).collect::<Vec<_>>(), [kind], "{line}");
        }
    }

    #[test]
    fn a_healthy_console_has_no_findings() {
        let text = "[ 0.1] smpboot: CPU0: QEMU\n[ 0.2] Debug: panic=-1 oops=panic on the command line\n\nflowgauge-guest: init\n";
        assert_eq!(scan(text), []);
    }
}
