//! `flowgauge completions`: a script for the shell.

use clap::Args;
use clap_complete::Shell;

use super::exit::{Exit, print};

/// Print a completion script for a shell.
///
/// For bash: `flowgauge completions bash > ~/.local/share/bash-completion/completions/flowgauge`.
#[derive(Debug, Args)]
pub(super) struct Completions {
    /// The shell
    shell: Shell,
}

impl Completions {
    pub(super) fn run(self, command: &mut clap::Command) -> Result<(), Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, command, "flowgauge", &mut script);
        print(&String::from_utf8_lossy(&script))
    }
}
