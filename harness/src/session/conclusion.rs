//! What a run ends with: the table of each kernel, what is compared, and the exit code.

use std::path::PathBuf;

use flowgauge_reports::event::FailureKind;
use flowgauge_reports::result::Ending;
use flowgauge_reports::{RunResult, compare, table};

use super::drive::{Driven, Session};
use super::recorder::Recorder;
use super::{Request, against, display, folder_names};
use crate::commands::{Exit, print};
use crate::worker::protocol::Failure;

/// Writes and shows what came out. The exit code tells of proofs and failures, never of a comparison.
pub(super) fn of(request: &Request, sessions: Vec<Session>, driven: Driven) -> Result<(), Exit> {
    let names = folder_names(&request.kernels);
    let (mut results, mut exits) = (Vec::new(), Vec::new());
    for ((session, outcome), name) in sessions.into_iter().zip(driven.outcomes).zip(&names) {
        if names.len() > 1 && !request.json {
            print(&format!("{}{name}\n", if results.is_empty() { "" } else { "\n" }))?;
        }
        let (recorder, events) = session.end(&outcome);
        let done = match RunResult::from_events(events) {
            Ok(result) => {
                let done = kernel(request, &recorder, &result, outcome);
                results.push(result);
                done
            }
            // Not even the first event could be kept; what stopped it says more.
            Err(error) => outcome.map_err(Exit::from).and(Err(Exit::Environment(error.to_string()))),
        };
        match done {
            Err(Exit::Closed) => return Err(Exit::Closed),
            Err(Exit::Environment(why)) if names.len() > 1 => {
                exits.push((Err(Exit::Environment(format!("kernel {name}: {why}"))), recorder));
            }
            done => exits.push((done, recorder)),
        }
    }
    if exits.iter().any(|(done, _)| matches!(done, Err(Exit::Input(_)))) {
        let first = exits.iter().position(|(done, _)| matches!(done, Err(Exit::Input(_)))).unwrap_or(0);
        let done = exits[first].0.clone();
        exits.into_iter().for_each(|(_, recorder)| recorder.discard());
        return done;
    }
    let whole = exits.iter().all(|(done, _)| matches!(done, Ok(()) | Err(Exit::Verdict)));
    if whole && (!request.json || request.explain) {
        let recorders: Vec<&Recorder> = exits.iter().map(|(_, recorder)| recorder).collect();
        let compared = comparisons(request, &results, &names, &recorders)?;
        let enough = driven.enough.as_ref().map_or_else(String::new, |enough| format!("\n{enough}\n"));
        if !request.json {
            print(&(compared + &enough))?;
        }
    }
    let worst = exits.into_iter().map(|(done, _)| done).max_by_key(|done| match done {
        Ok(()) | Err(Exit::Closed) => 0,
        Err(Exit::Verdict) => 1,
        Err(Exit::Interrupted { .. }) => 2,
        Err(Exit::Environment(_) | Exit::Input(_)) => 3,
    });
    match worst {
        Some(Err(Exit::Interrupted { .. })) => Err(Exit::Interrupted { kept: request.keep.clone() }),
        Some(done) => done,
        None => Ok(()),
    }
}

/// The comparisons as text, or why there are none; empty where nothing is to be compared. What is explained of them goes
/// into the pages too.
fn comparisons(
    request: &Request,
    results: &[RunResult],
    names: &[String],
    recorders: &[&Recorder],
) -> Result<String, Exit> {
    if request.baseline.is_empty() && results.len() < 2 {
        return Ok(String::new());
    }
    let base = if request.baseline.is_empty() { names[0].as_str() } else { "the baseline" };
    let all = match against::all(&request.baseline, results, names, request.explain) {
        Ok(all) => all,
        Err((name, why)) => return Ok(format!("\n{name}not compared with {base}: {why}\n")),
    };
    let style = display::style();
    let mut text = String::new();
    // Without a baseline the first kernel is what the others are compared with.
    let compared = results.iter().zip(recorders).skip(results.len().saturating_sub(all.len()));
    for ((name, comparison), (result, recorder)) in all.iter().zip(compared) {
        let title = if name.is_empty() { "This run" } else { name.trim_end_matches(": ") };
        text += &format!("\n{title} against {base}\n{}", compare::render(comparison, style));
        if request.explain {
            text += &compare::render_explained(comparison, style);
            if let Some(picture) = recorder.explain(result, base, comparison)? {
                text += &format!("\npicture {}\n", picture.display());
            }
        }
    }
    Ok(text)
}

/// Ends the part of one kernel.
fn kernel(
    request: &Request,
    recorder: &Recorder,
    result: &RunResult,
    outcome: Result<(), Failure>,
) -> Result<(), Exit> {
    // A run that failed before its first trial has nothing to show but its error.
    if !result.trials.is_empty() && !matches!(&outcome, Err(failure) if failure.kind == FailureKind::Input) {
        let finished = recorder.finish(result).map_err(Exit::from);
        if !request.json {
            let mut text = table::render(result, display::style());
            if finished.is_ok() {
                let file = |name: &str| -> PathBuf { recorder.folder().join(name) };
                text += &format!("\nreport  {}\n", file("report.html").display());
                text += &format!("result  {}\n", file("result.json").display());
            }
            print(&text)?;
        }
        // What ended the run (a full disk, say) is the cause; that its report could not be written is a consequence.
        outcome.map_err(Exit::from)?;
        finished?;
    } else {
        outcome.map_err(Exit::from)?;
    }
    match (&result.ending, result.judgement.good()) {
        (Ending::Complete, true) => Ok(()),
        _ => Err(Exit::Verdict),
    }
}
