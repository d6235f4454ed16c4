//! The host's side of a run: a kernel is chosen, a worker started beside it, its events kept and shown.

mod child;
pub mod display;
mod drive;
mod kernel;
pub mod link;
mod recorder;
mod vm;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use flowgauge_reports::environment::Clock;
use flowgauge_reports::event::{Event, SCHEMA_VERSION, Start};
use flowgauge_reports::result::Ending;
use flowgauge_reports::{RunResult, table};
use flowgauge_scenarios::Plan;
use flowgauge_topologies::RouterSpec;
use flowgauge_topologies::kernel::KernelSpec;

use crate::commands::Exit;
use crate::runner::injection::Injection;
use crate::worker::protocol::Failure;
use drive::Session;
pub(crate) use kernel::cpu_model;
use recorder::Recorder;

/// What `bench` is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to measure.
    pub plan: Plan,
    /// The command line, for the record.
    pub command: Vec<String>,
    /// The kernel under test.
    pub kernel: KernelSpec,
    /// The modules of a kernel image.
    pub modules: Option<PathBuf>,
    /// What time is measured in.
    pub clock: Clock,
    /// CPUs of a VM.
    pub cpus: u32,
    /// Memory of a VM in MiB.
    pub memory_mib: u32,
    /// The folder of all runs.
    pub out: PathBuf,
    /// Events on standard output.
    pub json: bool,
    /// No progress.
    pub quiet: bool,
    /// Name prefix of namespaces that stay.
    pub keep: Option<String>,
    /// Whether to sample where packets spend what they cost.
    pub explain: bool,
    /// A fault to put into the run, for flowgauge's own tests.
    pub inject: Option<Injection>,
}

/// Runs a plan and ends with a table on standard output and a report in the run's folder.
pub fn bench(request: Request) -> Result<(), Exit> {
    let unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
    let mut run = run_name(unix_s, request.plan.seed);
    // Shards of one plan begin in the same second on many machines, and their folders may be one.
    if let Some(shard) = request.plan.shard {
        run += &format!("-{}of{}", shard.index, shard.of);
    }
    let spec = RouterSpec { keep: request.keep.clone(), ..RouterSpec::default() };
    spec.check().map_err(Exit::input)?;
    let recorder = Recorder::create(&request.out, &run)?;
    let start = Start {
        schema_version: SCHEMA_VERSION,
        run,
        unix_s,
        command: request.command.clone(),
        plan: request.plan.clone(),
    };
    let mut session = Session::new(recorder, display::choose(request.json, request.quiet));
    let outcome = session
        .event(Event::Started(Box::new(start)))
        .and_then(|()| runtime())
        .and_then(|runtime| runtime.block_on(drive::run(&request, &mut session)));
    let (recorder, events) = session.end(&outcome);
    let done = match RunResult::from_events(events) {
        Ok(result) => conclude(&request, &recorder, &result, outcome),
        // Not even the first event could be kept; what stopped it says more.
        Err(error) => outcome.map_err(Exit::from).and(Err(Exit::Environment(error.to_string()))),
    };
    match done {
        Err(Exit::Input(message)) => {
            recorder.discard();
            Err(Exit::Input(message))
        }
        Err(Exit::Interrupted { .. }) => Err(Exit::Interrupted { kept: request.keep }),
        done => done,
    }
}

fn conclude(
    request: &Request,
    recorder: &Recorder,
    result: &RunResult,
    outcome: Result<(), Failure>,
) -> Result<(), Exit> {
    // A run that failed before its first trial has nothing to show but its error.
    if !result.trials.is_empty() {
        let finished = recorder.finish(result).map_err(Exit::from);
        if !request.json {
            let mut text = table::render(result, display::style());
            if finished.is_ok() {
                text += &format!("\nreport  {}\n", recorder.folder().join("report.html").display());
                text += &format!("result  {}\n", recorder.folder().join("result.json").display());
            }
            crate::commands::print(&text)?;
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

fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::environment)
}

/// A name that sorts by time and differs between runs of the same second: `20261121-104500-5f3a`.
fn run_name(unix_s: f64, seed: u64) -> String {
    let seconds = unix_s as u64;
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let tail = (seed ^ (u64::from(std::process::id()) << 7) ^ (unix_s.fract() * 1e6) as u64) & 0xffff;
    format!("{year}{month:02}{day:02}-{:02}{:02}{:02}-{tail:04x}", rest / 3600, rest / 60 % 60, rest % 60)
}

/// Year, month and day of a day since 1970 in the proleptic Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, day_of_era) = (z / 146_097, z % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_carry_the_time() {
        assert!(run_name(0.0, 1).starts_with("19700101-000000-"));
        assert!(run_name(951_868_799.0, 1).starts_with("20000229-235959-"));
        assert!(run_name(1_795_257_900.0, 1).starts_with("20261121-104500-"));
    }
}
