//! The host's side of a run: a kernel is chosen, a worker started beside it, its events kept and shown.

mod against;
mod child;
mod conclusion;
pub mod conform;
pub mod display;
mod drive;
mod kernel;
mod lane;
pub mod link;
mod recorder;
mod until;
mod vm;

use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use flowgauge_reports::RunResult;
use flowgauge_reports::environment::Clock;
use flowgauge_reports::event::{Event, SCHEMA_VERSION, Start};
use flowgauge_scenarios::Plan;
use flowgauge_scenarios::conform::ConformPlan;
use flowgauge_topologies::RouterSpec;
use flowgauge_topologies::kernel::KernelSpec;

use crate::commands::Exit;
use crate::runner::injection::Injection;
use crate::worker::protocol::Failure;
use drive::{Driven, Session};
pub(crate) use kernel::cpu_model;
use recorder::Recorder;

/// What `bench` is asked.
#[derive(Clone, Debug)]
pub struct Request {
    /// What to measure.
    pub plan: Plan,
    /// The command line, for the record.
    pub command: Vec<String>,
    /// The kernels under test, one or several. Several are measured in turns, trial by trial.
    pub kernels: Vec<KernelSpec>,
    /// The modules of a kernel image.
    pub modules: Option<PathBuf>,
    /// What the results are compared with; nothing where it is empty.
    pub baseline: Vec<RunResult>,
    /// Go on sampling until every row is decided against the baseline (or against the first kernel), for so long at most.
    /// Every scenario of the plan has as many blocks as the others then.
    pub until: Option<Duration>,
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
    /// Cases in place of trials; then `plan` is empty.
    pub conform: Option<ConformPlan>,
    /// How many guests the run has lost so far: each has a folder of its own.
    pub lost: u32,
}

impl Request {
    /// Whether some of it runs on the reference NIC.
    fn has_nic(&self) -> bool {
        let mut stations = self.conform.iter().flat_map(|plan| &plan.stations);
        let mut fuzzed = self.conform.iter().filter_map(|plan| plan.fuzz);
        self.plan.scenarios.iter().any(|s| s.topology.has_nic())
            || stations.any(|station| station.topology.has_nic())
            || fuzzed.any(|fuzz| fuzz.datapath.needs_nic())
    }
}

/// The names of the folders of several kernels: `debian-6.12`. Each is used once.
fn folder_names(kernels: &[KernelSpec]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for kernel in kernels {
        let text = match kernel {
            KernelSpec::Path(path) => path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned(),
            other => other.to_string(),
        };
        let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
        let name: String = text.chars().map(plain).collect();
        let name = match name.trim_start_matches(['.', '-']) {
            "" => "kernel".to_owned(),
            name => name.to_owned(),
        };
        let numbered = |n: u32| if n == 1 { name.clone() } else { format!("{name}-{n}") };
        let free = (1..).map(numbered).find(|name| !names.contains(name));
        names.extend(free);
    }
    names
}

/// Runs a plan and ends with tables on standard output and a report in the folder of each kernel's result.
pub fn bench(request: Request) -> Result<(), Exit> {
    let unix_s = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |d| d.as_secs_f64());
    let mut run = run_name(unix_s, request.plan.seed);
    // Shards of one plan begin in the same second on many machines, and their folders may be one.
    if let Some(shard) = request.plan.shard {
        run += &format!("-{}of{}", shard.index, shard.of);
    }
    let spec = RouterSpec { keep: request.keep.clone(), ..RouterSpec::default() };
    spec.check().map_err(Exit::input)?;
    let names = folder_names(&request.kernels);
    let mut sessions = Vec::new();
    for name in &names {
        let kernel = (names.len() > 1).then_some(name.as_str());
        let recorder = Recorder::create(&request.out, &run, kernel)?;
        sessions.push(Session::new(recorder, display::choose(request.json, request.quiet, kernel)));
    }
    let start = Start {
        schema_version: SCHEMA_VERSION,
        run,
        unix_s,
        command: request.command.clone(),
        plan: request.plan.clone(),
    };
    let begun = sessions.iter_mut().try_for_each(|session| session.event(Event::Started(Box::new(start.clone()))));
    let driven = match begun.and_then(|()| runtime()) {
        Ok(runtime) => runtime.block_on(drive::run(&request, &mut sessions)),
        Err(failure) => Driven { outcomes: vec![Err(failure); sessions.len()], enough: None },
    };
    conclusion::of(&request, sessions, driven)
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
    fn kernels_have_names_of_their_own_that_are_folders() {
        let kernels = ["debian:6.12", "debian:6.12", "./a/bzImage", "./b/bzImage", "/x/.hidden", "./ä b"];
        let names = folder_names(&kernels.map(|kernel| kernel.parse().unwrap()));
        assert_eq!(names, ["debian-6.12", "debian-6.12-2", "bzImage", "bzImage-2", "hidden", "b"]);
        assert_eq!(folder_names(&["/x/..".parse().unwrap()]), ["x-.."]);
    }

    #[test]
    fn names_carry_the_time() {
        assert!(run_name(0.0, 1).starts_with("19700101-000000-"));
        assert!(run_name(951_868_799.0, 1).starts_with("20000229-235959-"));
        assert!(run_name(1_795_257_900.0, 1).starts_with("20261121-104500-"));
    }
}
