//! What a conformance run ends with: files, a summary, an exit code.

use std::fs;
use std::path::{Path, PathBuf};

use flowgauge_reports::conform::{CaseResult, ConformResult, html, junit, ktap, markdown, pcap, text};
use flowgauge_reports::event::{Event, FailureKind};
use flowgauge_topologies::kernel::KernelSpec;

use super::repeat::Repeat;
use super::{ConformRequest, Format};
use crate::commands::{Exit, print};
use crate::conform::fuzz::case_file;
use crate::conform::runner::cells;
use crate::session::display;
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
    let (mut exits, mut results) = (Vec::new(), Vec::new());
    for part in done {
        let name = part.name.clone();
        exits.push(match kernel(request, part, several, &mut results) {
            Err(Exit::Closed) => return Err(Exit::Closed),
            Err(Exit::Environment(why)) if several => Err(Exit::Environment(format!("kernel {name}: {why}"))),
            exit => exit,
        });
    }
    // The matrix of all kernels beside the folders of each.
    if let [first, _, ..] = &results[..] {
        page(&request.out.join(&first.start.run), &results)?;
    }
    // Formats for programs are one document, however many kernels there are.
    if !results.is_empty() && !request.json {
        match request.format {
            Format::Text => {}
            Format::Ktap => print(&ktap::render(&results))?,
            Format::Junit => print(&junit::render(&results))?,
            Format::Markdown => print(&results.iter().map(markdown::render).collect::<Vec<_>>().join("\n"))?,
        }
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
fn kernel(request: &ConformRequest, part: Done, several: bool, results: &mut Vec<ConformResult>) -> Result<(), Exit> {
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
    let kernel = several.then_some(&name);
    let kept = keep(request, &recorder, kernel, &result).and_then(|()| keep_divergences(recorder.folder(), &result));
    if !request.json && request.format == Format::Text {
        show(request, recorder.folder(), kernel, &Repeat::new(&asked, request), &result)?;
    }
    if matches!(&outcome, Err(failure) if failure.kind == FailureKind::Interrupted) && request.plan.fuzz.is_none() {
        let (done, all, folder) = (result.runs.len(), cells(&request.plan).len(), recorder.folder().display());
        eprintln!("flowgauge: {done} of {all} runs were done; they are kept in {folder}");
    }
    let good = result.is_good();
    results.push(result);
    // What ended the run is the cause; that something could not be written is a consequence.
    outcome.map_err(Exit::from)?;
    kept?;
    if good { Ok(()) } else { Err(Exit::Verdict) }
}

/// Files beside the events: the result, the page, and the packets of what is not good.
fn keep(
    request: &ConformRequest,
    recorder: &Recorder,
    kernel: Option<&String>,
    result: &ConformResult,
) -> Result<(), Exit> {
    let folder = recorder.folder();
    result.save(&folder.join("conform.json")).map_err(|error| Exit::Environment(error.to_string()))?;
    page(folder, std::slice::from_ref(result))?;
    let Some(packets) = &request.pcap else { return Ok(()) };
    let packets = packets_of(packets, result, kernel);
    pcap::write(&packets, result).map(drop).map_err(|error| unwritten(&packets, error))
}

/// Where the packets of a kernel of the run go: two runs, and two kernels of the same release, each have a folder of their own.
fn packets_of(packets: &Path, result: &ConformResult, kernel: Option<&String>) -> PathBuf {
    let run = packets.join(&result.start.run);
    kernel.map_or_else(|| run.clone(), |kernel| run.join(kernel))
}

fn page(folder: &Path, results: &[ConformResult]) -> Result<(), Exit> {
    let file = folder.join("report.html");
    let page = html::render(results).map_err(|error| unwritten(&file, error))?;
    fs::write(&file, page).map_err(|error| unwritten(&file, error))
}

fn unwritten(path: &Path, error: impl std::fmt::Display) -> Exit {
    Exit::Environment(format!("cannot write {}: {error}; choose another folder", path.display()))
}

fn show(
    request: &ConformRequest,
    folder: &Path,
    kernel: Option<&String>,
    repeat: &Repeat,
    result: &ConformResult,
) -> Result<(), Exit> {
    let again = |case: &CaseResult| {
        let instance = result.start.plan.instances.get(case.instance)?;
        Some(repeat.line(&instance.id, case.datapath, case.mutation))
    };
    let title = kernel.map_or_else(String::new, |name| format!("{name}\n"));
    // What could not be written is told by its error.
    let files = [("report ", "report.html"), ("result ", "conform.json")].map(|(what, name)| (what, folder.join(name)));
    let there = files.iter().filter(|(_, file)| file.is_file());
    let mut files = there.fold("\n".to_owned(), |text, (what, file)| format!("{text}{what} {}\n", file.display()));
    if let Some(packets) = &request.pcap {
        files += &format!("packets {}\n", packets_of(packets, result, kernel).display());
    }
    let text = text::render(result, display::style(), request.verbose, &again);
    print(&(title + &text + &files))
}

/// Each divergence that was found becomes a file of one case, to be run again with `--case-file`, and its packets on either path.
fn keep_divergences(folder: &Path, result: &ConformResult) -> Result<(), Exit> {
    let found = result.fuzz.iter().flat_map(|found| &found.divergences);
    for (number, divergence) in found.enumerate() {
        let file = folder.join(format!("divergence-{}.toml", number + 1));
        let text = case_file(&divergence.case).map_err(|error| unwritten(&file, error))?;
        fs::write(&file, text).map_err(|error| unwritten(&file, error))?;
    }
    pcap::write_divergences(folder, result).map_err(|error| unwritten(folder, error))
}
