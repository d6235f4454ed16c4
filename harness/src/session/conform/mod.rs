//! The host's side of a conformance run: one kernel after the other, each case judged as it comes in.

mod conclusion;
mod count;
mod progress;
mod repeat;
mod room;
mod survive;
mod verdicts;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use flowgauge_reports::conform::ConformStart;
use flowgauge_reports::environment::Clock;
use flowgauge_reports::event::{Event, FailureKind, SCHEMA_VERSION};
use flowgauge_scenarios::Plan;
use flowgauge_scenarios::conform::{ConformPlan, Known};
use flowgauge_topologies::kernel::KernelSpec;

use super::drive::{Session, Signals};
use super::recorder::Recorder;
use super::{Request, folder_names, run_name, runtime};
use crate::commands::Exit;

/// What `conform` is asked.
#[derive(Clone, Debug)]
pub struct ConformRequest {
    /// What to run.
    pub plan: ConformPlan,
    /// Failures that are known.
    pub known: Vec<Known>,
    /// The command line, for the record.
    pub command: Vec<String>,
    /// What the cases are from where they are not the built-in ones, for the command line that repeats one.
    pub case_files: Vec<PathBuf>,
    /// The kernels under test, one after the other.
    pub kernels: Vec<KernelSpec>,
    /// The modules of a kernel image.
    pub modules: Option<PathBuf>,
    /// CPUs of a VM.
    pub cpus: u32,
    /// Memory of a VM in MiB.
    pub memory_mib: u32,
    /// The folder of all runs.
    pub out: PathBuf,
    /// A folder that gets one for the packets of this run's cases that are not good.
    pub pcap: Option<PathBuf>,
    /// What is printed at the end.
    pub format: Format,
    /// All that is known of known failures.
    pub verbose: bool,
    /// Events on standard output.
    pub json: bool,
    /// No progress.
    pub quiet: bool,
}

/// What is printed at the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A summary for people
    Text,
    /// KTAP: a test point a case and datapath; kselftest, NIPA, kunit.py
    Ktap,
    /// JUnit XML; Jenkins, GitLab, GitHub actions
    Junit,
    /// Markdown: which cases notice which mutant
    Markdown,
}

/// Runs the cases on every kernel, and ends with a summary on standard output and a report in the run's folder.
pub fn conform(request: ConformRequest) -> Result<(), Exit> {
    let unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
    let run = run_name(unix_s, request.plan.instances.len() as u64);
    // What cannot be written is better known before minutes of work.
    let _room = request.pcap.as_ref().map(|packets| room::Room::make(packets, &run)).transpose()?;
    let names = folder_names(&request.kernels);
    let start = ConformStart {
        schema_version: SCHEMA_VERSION,
        run: run.clone(),
        unix_s,
        command: request.command.clone(),
        plan: request.plan.clone(),
        known: request.known.clone(),
    };
    let mut done = Vec::new();
    for (place, (asked, name)) in request.kernels.iter().zip(&names).enumerate() {
        let several = (names.len() > 1).then_some(name.as_str());
        let recorder = Recorder::create(&request.out, &run, several)?;
        let again = repeat::Repeat::new(asked, &request);
        let displays = progress::choose(request.json, request.quiet, several, again);
        let mut session = Session::new(recorder, displays);
        let begun = session.event(Event::ConformStarted(Box::new(start.clone())));
        let outcome = begun.and_then(|()| runtime()).and_then(|runtime| {
            runtime.block_on(async {
                let mut signals = Signals::listen()?;
                survive::run(bench_of(&request, place), asked, &mut session, &mut signals).await
            })
        });
        let interrupted = matches!(&outcome, Err(failure) if failure.kind == FailureKind::Interrupted);
        let (recorder, events) = session.end(&outcome);
        done.push(conclusion::Done { name: name.clone(), asked: asked.clone(), recorder, events, outcome });
        if interrupted {
            break;
        }
    }
    conclusion::of(&request, done)
}

/// The request as those see it who start kernels.
fn bench_of(request: &ConformRequest, place: usize) -> Request {
    Request {
        plan: Plan::new(Vec::new(), 0),
        command: request.command.clone(),
        kernels: vec![request.kernels[place].clone()],
        modules: request.modules.clone(),
        baseline: Vec::new(),
        until: None,
        clock: Clock::Wall,
        cpus: request.cpus,
        memory_mib: request.memory_mib,
        out: request.out.clone(),
        json: request.json,
        quiet: request.quiet,
        keep: None,
        explain: false,
        inject: None,
        conform: Some(request.plan.clone()),
        lost: 0,
    }
}
