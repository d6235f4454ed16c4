//! `flowgauge clean`: away with what a killed run left.

use clap::Args;
use flowgauge_topologies::journal::{self, Action, Report};

use super::exit::{Exit, print};

/// Remove what a killed run left behind: named namespaces, processes and files that its journal lists.
///
/// Runs that are alive are left alone, and nothing is touched that no journal names.
#[derive(Debug, Args)]
pub(super) struct Clean {
    /// Say what would be removed, and leave it
    #[arg(long)]
    dry_run: bool,
}

impl Clean {
    pub(super) fn run(self) -> Result<(), Exit> {
        let report =
            journal::clean(&journal::directory(), self.dry_run).map_err(|e| Exit::Environment(e.to_string()))?;
        print(&tell(&report, self.dry_run))?;
        if report.is_clean() {
            return Ok(());
        }
        Err(Exit::Environment("not everything could be removed, see above; as root it may be".to_owned()))
    }
}

fn tell(report: &Report, dry_run: bool) -> String {
    let mut text = String::new();
    for (resource, action) in &report.actions {
        let action = match action {
            Action::Removed if dry_run => "would be removed".to_owned(),
            Action::Removed => "removed".to_owned(),
            Action::Gone => "was gone already".to_owned(),
            Action::Left(why) => format!("left alone: {why}"),
            Action::Failed(error) => format!("could not be removed: {error}"),
        };
        text += &format!("{resource}: {action}\n");
    }
    for process in &report.live {
        text += &format!("run of process {}: alive, left alone\n", process.pid);
    }
    for (path, why) in &report.skipped {
        text += &format!("{}: not understood, left alone: {why}\n", path.display());
    }
    if text.is_empty() { "nothing to clean\n".to_owned() } else { text }
}
