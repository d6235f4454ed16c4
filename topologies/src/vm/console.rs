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
    /// Something counted was not given back: a reference to a device, an object of a slab cache.
    Leak,
    /// A WARN_ON, or a transmit queue that stood still.
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
/// mm/kfence/report.c, lib/ubsan.c, mm/slub.c, mm/kmemleak.c, lib/refcount.c, lib/ref_tracker.c, net/core/dev.c,
/// kernel/locking/lockdep.c, kernel/sched/core.c, kernel/watchdog.c, kernel/rcu/tree_stall.h, kernel/workqueue.c,
/// kernel/hung_task.c, mm/oom_kill.c, net/sched/sch_generic.c.
const PHRASES: &[(&str, FindingKind)] = &[
    ("Kernel panic - not syncing", FindingKind::Panic),
    ("BUG: KASAN:", FindingKind::MemoryChecker),
    ("BUG: KFENCE:", FindingKind::MemoryChecker),
    ("BUG: KMSAN:", FindingKind::MemoryChecker),
    ("BUG: KCSAN:", FindingKind::MemoryChecker),
    ("UBSAN:", FindingKind::MemoryChecker),
    ("refcount_t: ", FindingKind::MemoryChecker),
    ("BUG: Bad page", FindingKind::MemoryChecker),
    // With slub_debug: `BUG kmalloc-64 (Tainted: G O): Poison overwritten`.
    ("edzone overwritten", FindingKind::MemoryChecker),
    ("oison overwritten", FindingKind::MemoryChecker),
    ("adding overwritten", FindingKind::MemoryChecker),
    ("Object already free", FindingKind::MemoryChecker),
    ("Freepointer corrupt", FindingKind::MemoryChecker),
    ("Objects remaining", FindingKind::Leak),
    ("Slab cache still has objects", FindingKind::Leak),
    ("new suspected memory leaks", FindingKind::Leak),
    ("unregister_netdevice: waiting for", FindingKind::Leak),
    ("leaked reference", FindingKind::Leak),
    ("BUG: sleeping function called", FindingKind::Locking),
    ("BUG: scheduling while atomic", FindingKind::Locking),
    ("BUG: Invalid wait context", FindingKind::Locking),
    ("BUG: using smp_processor_id() in preemptible", FindingKind::Locking),
    ("BUG: using __this_cpu", FindingKind::Locking),
    ("BUG: spinlock", FindingKind::Locking),
    ("BUG: workqueue leaked", FindingKind::Locking),
    ("possible circular locking dependency", FindingKind::Locking),
    ("possible recursive locking", FindingKind::Locking),
    ("possible irq lock inversion", FindingKind::Locking),
    ("-safe -> ", FindingKind::Locking),
    ("inconsistent lock state", FindingKind::Locking),
    ("suspicious RCU usage", FindingKind::Locking),
    ("bad unlock balance", FindingKind::Locking),
    ("held lock freed", FindingKind::Locking),
    ("lock held when returning to user space", FindingKind::Locking),
    ("trying to register non-static key", FindingKind::Locking),
    ("soft lockup - CPU", FindingKind::Lockup),
    ("hard LOCKUP", FindingKind::Lockup),
    ("BUG: workqueue lockup", FindingKind::Lockup),
    ("detected stalls on ", FindingKind::Lockup),
    ("detected expedited stalls on ", FindingKind::Lockup),
    ("self-detected stall on CPU", FindingKind::Lockup),
    ("blocked for more than", FindingKind::HungTask),
    ("Out of memory: Killed process", FindingKind::OutOfMemory),
    ("BUG: unable to handle", FindingKind::Oops),
    ("kernel BUG at", FindingKind::Oops),
    ("general protection fault", FindingKind::Oops),
    ("Oops: ", FindingKind::Oops),
    ("BUG: ", FindingKind::Oops),
    ("NETDEV WATCHDOG: ", FindingKind::Warning),
    ("WARNING: CPU:", FindingKind::Warning),
    // From 6.19 on: `WARNING: net/core/dev.c:123 at f+0x1/0x2, CPU#1: nft/12`.
    (", CPU#", FindingKind::Warning),
];

/// How many lines after the first one are kept.
const CONTEXT_LINES: usize = 40;

/// Every trouble in the text, in order. A finding runs until the next one, to the end of its trace or
/// for 40 lines. What the kernel says right before a warning belongs to it, and what follows at once from another
/// trouble is the same trouble: `Oops:` behind its `BUG:`, the warning that a reference counter gives.
pub fn scan(text: &str) -> Vec<ConsoleFinding> {
    let mut findings: Vec<ConsoleFinding> = Vec::new();
    // Whether the last finding goes on; the lines since `cut here`.
    let (mut open, mut before) = (false, None::<Vec<String>>);
    for (index, line) in text.lines().enumerate() {
        let line = without_stamp(line);
        let follows = |last: &ConsoleFinding, kind| {
            kind == last.kind || (kind == FindingKind::Warning && last.line == index && last.lines.len() == 1)
        };
        match (kind_of(line), findings.last_mut()) {
            (Some(kind), Some(last)) if open && follows(last, kind) => last.lines.push(line.to_owned()),
            (Some(kind), _) => {
                let lines = before.take().unwrap_or_default().into_iter().chain([line.to_owned()]).collect();
                findings.push(ConsoleFinding { kind, line: index + 1, lines });
                open = true;
            }
            (None, _) if line.contains("---[ cut here ]---") => {
                (open, before) = (false, Some(Vec::new()));
            }
            (None, Some(last)) if open => {
                last.lines.push(line.to_owned());
                open = last.lines.len() <= CONTEXT_LINES && !line.contains("---[ end ");
            }
            (None, _) => before.iter_mut().for_each(|lines| lines.push(line.to_owned())),
        }
        // A message before a warning is short; without one soon, the cut belongs to something else.
        before = before.filter(|lines| lines.len() <= 5);
    }
    findings
}

fn kind_of(line: &str) -> Option<FindingKind> {
    let known = PHRASES.iter().find(|(phrase, _)| line.contains(phrase)).map(|&(_, kind)| kind);
    // mm/slub.c: `BUG kmalloc-64 (Tainted: G O): Object corrupt`.
    known.or_else(|| (line.starts_with("BUG ") && line.contains("): ")).then_some(FindingKind::MemoryChecker))
}

/// `BUG: x` for `[    1.234567][  T12] BUG: x`; other brackets are the kernel's words.
fn without_stamp(line: &str) -> &str {
    let mut rest = line.trim_end();
    while let Some((stamp, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once("] "))
        && stamp.trim().trim_start_matches(['T', 'C']).chars().all(|c| c.is_ascii_digit() || c == '.')
    {
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
            ("[ 1.0] WARNING: mm/slub.c:1239 at object_err+0x1f3/0x202, CPU#0: init/1", FindingKind::Warning),
            ("[ 1.0] NETDEV WATCHDOG: CPU: 1: transmit queue 0 timed out 5000 ms", FindingKind::Warning),
            ("[ 1.0] BUG: workqueue lockup - pool cpus=0 node=0 flags=0x0 nice=0", FindingKind::Lockup),
            ("[ 1.0] BUG: using smp_processor_id() in preemptible [00000000] code: nft/1", FindingKind::Locking),
            ("[ 1.0] [Right Redzone overwritten] 0xffff-0xffff @offset=2432.", FindingKind::MemoryChecker),
            ("[ 1.0] BUG kmalloc-64 (Tainted: G           OE     ): Object corrupt", FindingKind::MemoryChecker),
            ("[ 1.0] BUG nic_rule (Tainted: G  OE): Objects remaining on __kmem_cache_shutdown()", FindingKind::Leak),
            ("[ 1.0] unregister_netdevice: waiting for nic0 to become free. Usage count = 2", FindingKind::Leak),
            ("[ 1.0] ref_tracker: nic0@ffff8880 leaked reference.", FindingKind::Leak),
            ("[ 1.0] BUG: something newer than this list", FindingKind::Oops),
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
    fn a_warning_takes_in_what_was_said_before_it_and_a_counter_its_warning() {
        let warning = "[ 1.0] ------------[ cut here ]------------\n[ 1.0] nic: rule without a port\n\
                       [ 1.0] WARNING: CPU: 0 PID: 1 at nic.c:1 f+0x1/0x2 [nic]\n[ 1.0] RIP: 0010:f\n";
        let found = scan(warning);
        assert_eq!(found.iter().map(|f| (f.kind, f.line)).collect::<Vec<_>>(), [(FindingKind::Warning, 3)]);
        assert_eq!((found[0].lines[0].as_str(), found[0].lines.len()), ("nic: rule without a port", 3));
        let counter = warning.replace("nic: rule without a port", "refcount_t: underflow; use-after-free.");
        assert_eq!(scan(&counter).iter().map(|f| f.kind).collect::<Vec<_>>(), [FindingKind::MemoryChecker]);
        assert_eq!(scan(&warning.repeat(2)).len(), 2);
    }

    #[test]
    fn a_healthy_console_has_no_findings() {
        let text = "[ 0.1] smpboot: CPU0: QEMU\n[ 0.2] Debug: panic=-1 oops=panic on the command line\n\n\
                    flowgauge-guest: init\n[ 1.3] nic: loading out-of-tree module taints kernel.\n\
                    [ 1.3] nic: module verification failed: signature and/or required key missing - tainting kernel\n";
        assert_eq!(scan(text), []);
    }
}
