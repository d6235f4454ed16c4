//! What a conformance run ends with: files, a summary, an exit code.

use std::fs;
use std::path::Path;

use flowgauge_reports::ResultError;
use flowgauge_reports::conform::ConformResult;
use flowgauge_reports::event::{Event, FailureKind};
use flowgauge_topologies::kernel::KernelSpec;

use super::repeat::Repeat;
use super::{ConformRequest, summary};
use crate::commands::{Exit, print};
use crate::conform::fuzz::case_file;
use crate::session::recorder::Recorder;
use crate::worker::protocol::Failure;

/// A kernel's part of the run.
pub(super) struct Done {
    /// Its folder's name where there are several.
    pub(super) name: String,
    /// The kernel as it was asked for.
    pub(super) asked: KernelSpec,
    pub(super) recorder: Recorder,
    pub(super) events: Vec<Event>,
    pub(super) outcome: Result<(), Failure>,
}

/// Writes and shows what came out.
pub(super) fn of(request: &ConformRequest, done: Vec<Done>) -> Result<(), Exit> {
    let several = request.kernels.len() > 1;
    let mut exits = Vec::new();
    for part in done {
        let name = part.name.clone();
        exits.push(match kernel(request, part, several) {
            Err(Exit::Closed) => return Err(Exit::Closed),
            Err(Exit::Environment(why)) if several => Err(Exit::Environment(format!("kernel {name}: {why}"))),
            exit => exit,
        });
    }
    let weight = |exit: &Result<(), Exit>| match exit {
        Ok(()) | Err(Exit::Closed) => 0,
        Err(Exit::Verdict) => 1,
        Err(Exit::Environment(_)) => 2,
        Err(Exit::Input(_)) => 3,
        Err(Exit::Interrupted { .. }) => 4,
    };
    exits.into_iter().max_by_key(weight).unwrap_or(Ok(()))
}

/// Ends the part of one kernel.
fn kernel(request: &ConformRequest, part: Done, several: bool) -> Result<(), Exit> {
    let Done { name, asked, recorder, events, outcome } = part;
    let result = match ConformResult::from_events(events) {
        Ok(result) => result,
        // Not even the first event could be kept; what stopped it says more.
        Err(error) => return outcome.map_err(Exit::from).and(Err(Exit::Environment(error.to_string()))),
    };
    // A run that failed before its first case has nothing to show but its error.
    if result.runs.is_empty() && result.fuzz.is_empty() {
        if matches!(&outcome, Err(failure) if failure.kind == FailureKind::Input) {
            recorder.discard();
        }
        return outcome.map_err(Exit::from).and(Err(Exit::Environment("no case was run".to_owned())));
    }
    let file = recorder.folder().join("conform.json");
    let kept = result.save(&file).map_err(|error: ResultError| Exit::Environment(error.to_string()));
    let kept = kept.and_then(|()| keep_divergences(recorder.folder(), &result));
    if !request.json {
        let title = if several { format!("{name}\n") } else { String::new() };
        let mut text = title + &summary::of(&result, &Repeat::new(&asked, request));
        if kept.is_ok() {
            text += &format!("\nresult  {}\n", file.display());
        }
        print(&text)?;
    }
    // What ended the run is the cause; that something could not be written is a consequence.
    outcome.map_err(Exit::from)?;
    kept?;
    if result.is_good() { Ok(()) } else { Err(Exit::Verdict) }
}

/// Each divergence that was found becomes a file of one case, to be run again with `--case-file`.
fn keep_divergences(folder: &Path, result: &ConformResult) -> Result<(), Exit> {
    let found = result.fuzz.iter().flat_map(|found| &found.divergences);
    for (number, divergence) in found.enumerate() {
        let file = folder.join(format!("divergence-{}.toml", number + 1));
        let unwritten = |error: &dyn std::fmt::Display| {
            Exit::Environment(format!("cannot write {}: {error}; choose another folder with --out", file.display()))
        };
        let text = case_file(&divergence.case).map_err(|error| unwritten(&error))?;
        fs::write(&file, text).map_err(|error| unwritten(&error))?;
    }
    Ok(())
}
