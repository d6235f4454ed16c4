//! How a VM can end, and what became of a guest that no longer answers.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

use super::{
    FindingKind,
    console::{scan, worst},
    watch::State,
};

/// How a VM ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    /// The worker exited with this code.
    Code(i32),
    /// The worker was killed by this signal.
    Signal(i32),
    /// The guest died under the worker.
    Died(GuestDeath),
    /// The time is up and it still runs.
    StillRunning,
}

/// What became of a guest that no longer answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuestDeath {
    /// What happened.
    pub kind: DeathKind,
    /// The lines of the console that tell it best.
    pub console_excerpt: String,
    /// The whole console; kept.
    pub console_path: PathBuf,
}

/// What happened to a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeathKind {
    /// Its kernel panicked.
    Panic,
    /// Its kernel oopsed.
    Oops,
    /// It powered off, or QEMU ended by itself.
    Exited,
    /// It still runs, without a word.
    Silent,
    /// QEMU was killed.
    Killed,
}

impl GuestDeath {
    /// What the console and QEMU's end tell.
    pub(super) fn read(state: &State, console: &Path) -> Self {
        let findings = scan(&state.text);
        let worst = worst(&findings);
        let kind = match (worst.map(|finding| finding.kind), state.ended) {
            (Some(FindingKind::Panic), _) => DeathKind::Panic,
            (Some(FindingKind::Oops), _) => DeathKind::Oops,
            _ if state.killed => DeathKind::Killed,
            (_, None) => DeathKind::Silent,
            (_, Some(status)) if status.code().is_none() => DeathKind::Killed,
            (_, Some(_)) => DeathKind::Exited,
        };
        let console_excerpt = match worst {
            // What led to a panic stands before it: the oops is as telling as the panic.
            Some(_) => {
                let lines = findings.iter().flat_map(|f| &f.lines);
                // Frames with a question mark are what else lay on the stack.
                let sure = lines.filter(|line| !line.trim_start().starts_with("? "));
                sure.take(60).cloned().collect::<Vec<_>>().join("\n")
            }
            None => last_lines(&state.text, 20),
        };
        Self { kind, console_excerpt, console_path: console.to_owned() }
    }

    /// Whether the kernel died of a breakpoint that it had set itself to change code which another CPU runs, and had
    /// taken away again (arch/x86/kernel/alternative.c, smp_text_poke_batch_finish). A CPU cannot see it then; QEMU's
    /// translator with a thread for each CPU does, about once in twenty boots of 7.2 on a busy host.
    pub(super) fn is_stale_breakpoint(&self) -> bool {
        self.console_excerpt.lines().any(|line| line.starts_with("Oops: int3: 0000"))
    }
}

fn last_lines(text: &str, count: usize) -> String {
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines[lines.len().saturating_sub(count)..].join("\n")
}

impl fmt::Display for GuestDeath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            DeathKind::Panic => "its kernel panicked",
            DeathKind::Oops => "its kernel oopsed",
            DeathKind::Exited => "it powered off",
            DeathKind::Silent => "it still runs but is silent",
            DeathKind::Killed => "it was killed",
        };
        write!(f, "{what}; console {}:\n{}", self.console_path.display(), self.console_excerpt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_breakpoint_is_worth_a_second_boot() {
        let died = |text: &str| {
            let state = State { text: text.into(), ..State::default() };
            GuestDeath::read(&state, Path::new("console.log"))
        };
        let death = died("[ 1.0] Oops: int3: 0000 [#1] SMP NOPTI\n[ 1.0] RIP: 0010:ktime_get_real_ts64+0x41/0x1b0\n");
        assert_eq!((death.kind, death.is_stale_breakpoint()), (DeathKind::Oops, true));
        assert!(!died("[ 1.0] Oops: 0000 [#1] SMP NOPTI\n").is_stale_breakpoint());
        assert!(!died("[ 1.0] quiet\n").is_stale_breakpoint());
    }
}
