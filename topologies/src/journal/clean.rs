//! Removes what dead runs left.

use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{fs, io};

use super::entry::{Entry, Life};
use super::resource::Outcome;
use super::{JournalError, Resource, check_ours, failed};
use crate::process::ProcessId;

/// What [`clean`] found and did.
#[derive(Debug, Default)]
pub struct Report {
    /// Per resource of a dead run: what was done.
    pub actions: Vec<(Resource, Action)>,
    /// Runs that are alive; theirs was left alone.
    pub live: Vec<ProcessId>,
    /// Records that were left as they are, with the reason.
    pub skipped: Vec<(PathBuf, String)>,
}

/// What was done about one resource of a dead run.
#[derive(Debug)]
pub enum Action {
    /// Removed; in a dry run: would be.
    Removed,
    /// Was gone already.
    Gone,
    /// Left alone, because it is not the run's any more.
    Left(&'static str),
    /// Could not be removed; its record stays, so that `clean` can be run again.
    Failed(io::Error),
}

impl Report {
    /// Whether everything that dead runs left is removed now.
    pub fn is_clean(&self) -> bool {
        self.skipped.is_empty() && !self.actions.iter().any(|(_, action)| matches!(action, Action::Failed(_)))
    }
}

/// Removes what dead runs recorded in `directory` ([`super::directory`] for the usual one), and their records.
///
/// Only what a record names, and only when its process is dead: gone, or its number another's by now. With `dry_run`
/// nothing is removed and the report says what would be.
pub fn clean(directory: &Path, dry_run: bool) -> Result<Report, JournalError> {
    let mut report = Report::default();
    let listing = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(report),
        listing => listing.map_err(failed("listing", directory))?,
    };
    check_ours(directory)?;
    let mut paths = Vec::new();
    for file in listing {
        paths.push(file.map_err(failed("listing", directory))?.path());
    }
    paths.sort();
    for path in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "json")) {
        match clean_run(path, dry_run, &mut report) {
            Ok(()) => {}
            // Its run ended in the meantime and removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => report.skipped.push((path.clone(), error.to_string())),
        }
    }
    if !dry_run {
        remove_drafts(&paths);
        // Succeeds only when no record is left.
        let _ = fs::remove_dir(directory);
    }
    Ok(report)
}

/// Removes the drafts of runs that were killed while they wrote. Writing one takes no minute, so an older one is dead.
fn remove_drafts(paths: &[PathBuf]) {
    const OLD: Duration = Duration::from_secs(60);
    for draft in paths.iter().filter(|path| path.extension().is_some_and(|extension| extension == "draft")) {
        let age = fs::metadata(draft).and_then(|meta| meta.modified()).map(|written| written.elapsed());
        if matches!(age, Ok(Ok(age)) if age > OLD) {
            // An empty or half-written file that names nothing: the next run of `clean` tries again.
            let _ = fs::remove_file(draft);
        }
    }
}

fn clean_run(record: &Path, dry_run: bool, report: &mut Report) -> io::Result<()> {
    let entry = Entry::from_json(&fs::read_to_string(record)?)?;
    let since_boot = match entry.life()? {
        Life::Alive => {
            report.live.push(entry.owner);
            return Ok(());
        }
        Life::Unknown => {
            let reason = format!("process {} is of another PID namespace (a container?)", entry.owner.pid);
            return Err(io::Error::other(reason));
        }
        Life::Dead => true,
        Life::DeadBeforeBoot => false,
    };
    let mut complete = true;
    // The last made goes first: a process before the directory it works in.
    for resource in entry.resources.into_iter().rev() {
        let action = match resource.remove(dry_run, since_boot) {
            Ok(Outcome::Removed) => Action::Removed,
            Ok(Outcome::Gone) => Action::Gone,
            Ok(Outcome::Foreign(reason)) => Action::Left(reason),
            Err(error) => {
                complete = false;
                Action::Failed(error)
            }
        };
        report.actions.push((resource, action));
    }
    match complete && !dry_run {
        true => {
            // A kill in the middle of a rewrite leaves the draft beside the record.
            let _ = fs::remove_file(record.with_extension("draft"));
            fs::remove_file(record)
        }
        false => Ok(()),
    }
}
