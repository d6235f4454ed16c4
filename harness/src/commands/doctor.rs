//! `flowgauge doctor`: what this machine can do.

use clap::Args;

use super::exit::{Exit, print};
use crate::doctor;

/// Show what this machine can do for offload measurements, and how to close each gap.
///
/// Reads only; scratch namespaces of its own aside, nothing is changed.
#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Print the findings as JSON
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(super) fn run(self) -> Result<(), Exit> {
        let report = doctor::examine();
        if self.json {
            let mut text = serde_json::to_string_pretty(&report).map_err(Exit::input)?;
            text.push('\n');
            print(&text)?;
        } else {
            print(&report.render())?;
        }
        if report.can_bench() {
            Ok(())
        } else {
            Err(Exit::Environment("bench cannot run here; the gaps above say why".to_owned()))
        }
    }
}
