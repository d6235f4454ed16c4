//! `flowgauge bench`: the main job.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::ValueEnum;
use flowgauge_reports::compare;
use flowgauge_reports::environment::Clock;
use flowgauge_scenarios::{MethodKind, Plan, Scenario, Span, Topology, builtin};
use flowgauge_topologies::kernel::KernelSpec;

use super::exit::Exit;
use super::overrides::Overrides;
use super::shard::ShardChoice;
use crate::runner::injection::Injection;
use crate::session::{self, Request};

const EXAMPLES: &str = "\
Examples:
  flowgauge bench udp-ipv4 udp-ipv6 tcp-masquerade
  flowgauge bench --topology nic-router             hardware offload on the reference NIC, simulated
  flowgauge bench udp-ipv4 --load 20kpps            the CPU each datapath needs for the same load
  flowgauge bench udp-ipv4 --trial 60s --blocks 3   as long as RFC 2544 asks
  flowgauge bench westphal-forwarding --kernel debian:6.12 --kernel debian:newest
                                                    two kernels in turns, each with its result, and their comparison
  flowgauge bench westphal-forwarding --baseline results/LAST --until decided=5m
  flowgauge bench stateful-dual --json | jq -c 'select(.event == \"trial\")'
  flowgauge bench udp-ipv4 --control missing-port   break it on purpose: the verdict must turn

Exit codes: 0 all rows are good; 1 one is not; 2 wrong input; 3 this environment cannot run it; 130 interrupted.
They tell of proofs. What a comparison comes to does not change them: `flowgauge compare` ends with 1 on a regression.";

/// Measure scenarios over their datapaths, side by side, with proof of path.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Bench {
    /// Built-in scenarios (`flowgauge list`) or paths of scenario files; with --topology nic-router its own set by default
    #[arg(required_unless_present = "topology", value_name = "SCENARIO")]
    scenarios: Vec<String>,
    /// Kernel under test: auto, host, debian:6.12, debian:6.1, debian:newest, or the path of a kernel image. Repeat it to
    /// measure several in turns, trial by trial: each gets a folder with its result, and is compared with the first
    #[arg(long = "kernel", default_value = "auto", value_name = "KERNEL")]
    kernels: Vec<KernelSpec>,
    /// Compare with this result: a run's folder, a file of it, or a folder of runs
    #[arg(long, value_name = "RESULT")]
    baseline: Option<PathBuf>,
    /// Sample further blocks until every row is decided against --baseline, or against the first of several kernels; for
    /// at most TIME (10m). A row that got worse is looked at again with as many fresh blocks before that is said
    #[arg(long, value_name = "decided[=TIME]", value_parser = until)]
    until: Option<Span>,
    /// Modules of the kernel image: the folder that holds `kernel/`
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,
    /// What time is measured in; by default instructions where every scenario's method is cost, else wall
    #[arg(long, value_enum)]
    clock: Option<ClockName>,
    /// Sample the kernel too, and show by function and stage where packets spend what they cost (method cost). Of several
    /// kernels, and against --baseline, name the functions that changes come from, as text, in the page and as against.svg
    #[arg(long)]
    explain: bool,
    /// CPUs of the VM (one under --clock instructions)
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    cpus: u32,
    /// Memory of the VM in MiB
    #[arg(long, default_value_t = 2048, value_name = "MIB", value_parser = clap::value_parser!(u32).range(512..=1_048_576))]
    memory: u32,
    /// Seed of the order of trials; random where not given
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Run one part of the plan, as in 3/8, or `auto` in a job array (Slurm, Kubernetes, GitLab); `flowgauge merge` joins them
    #[arg(long, value_name = "N/M|auto")]
    shard: Option<ShardChoice>,
    /// Folder that gets a folder for this run
    #[arg(long, default_value = "results", value_name = "DIR")]
    out: PathBuf,
    /// Print the events on standard output, a JSON object a line, in place of the table
    #[arg(long)]
    json: bool,
    /// No progress on standard error
    #[arg(long, short)]
    quiet: bool,
    /// Leave the testbed's namespaces after the run, named PREFIX-client, PREFIX-dut and PREFIX-server (host kernel only)
    #[arg(long, value_name = "PREFIX")]
    keep: Option<String>,
    /// Put a fault into the run, to see what a user would see (for flowgauge's own tests)
    #[arg(long, hide = true)]
    inject: Option<Injection>,
    #[command(flatten)]
    overrides: Overrides,
}

impl Bench {
    pub(super) fn run(self) -> Result<(), Exit> {
        self.check()?;
        let baseline = match &self.baseline {
            Some(path) => compare::load(path).map_err(Exit::input)?,
            None => Vec::new(),
        };
        let mut scenarios = Vec::new();
        let names = match (self.scenarios.as_slice(), self.overrides.topology) {
            ([], Some(Topology::NicRouter)) => builtin::NIC_SET.map(str::to_owned).to_vec(),
            ([], _) => return Err(Exit::Input("no scenario is named: see `flowgauge list scenarios`".to_owned())),
            (names, _) => names.to_vec(),
        };
        for name in &names {
            let mut scenario = Scenario::load(name).map_err(Exit::input)?;
            self.overrides.apply(&mut scenario).map_err(Exit::input)?;
            if scenarios.iter().any(|other: &Scenario| other.name == scenario.name) {
                return Err(Exit::Input(format!("scenario `{}` is named twice: give each once", scenario.name)));
            }
            scenarios.push(scenario);
        }
        if let Some(idle) = self.overrides.idle(&scenarios) {
            return Err(Exit::Input(idle));
        }
        if self.until.is_some() {
            // Only then do further blocks follow those that there are.
            let most = scenarios.iter().map(|s| s.method.blocks).max().unwrap_or(0);
            scenarios.iter_mut().for_each(|s| s.method.blocks = most);
        }
        let plan = Plan::new(scenarios, self.seed.unwrap_or_else(|| rand::random::<u32>().into()));
        if plan.cells.is_empty() {
            let reasons: Vec<&str> = plan.holes.iter().map(|hole| hole.gap.reason.as_str()).collect();
            return Err(Exit::Input(format!("nothing is left to measure: {}", reasons.join("; "))));
        }
        let plan = match self.shard {
            Some(shard) => shard.cut(&plan, self.seed).map_err(Exit::input)?,
            None => plan,
        };
        if self.explain && plan.scenarios.iter().all(|s| s.method.kind == MethodKind::Rate) {
            return Err(Exit::Input(
                "--explain tells where packets spend what they cost: take a scenario of kind = \"cost\" such as westphal-forwarding"
                    .to_owned(),
            ));
        }
        let clock = clock_of(self.clock, &plan, &self.kernels)?;
        session::bench(Request {
            plan,
            command: std::env::args().collect(),
            kernels: self.kernels,
            modules: self.modules,
            baseline,
            until: self.until.map(Span::duration),
            clock,
            cpus: self.cpus,
            memory_mib: self.memory,
            out: self.out,
            json: self.json,
            quiet: self.quiet,
            keep: self.keep,
            explain: self.explain,
            inject: self.inject,
            conform: None,
            lost: 0,
        })
    }

    /// What goes together, beside what clap knows.
    fn check(&self) -> Result<(), Exit> {
        let several = self.kernels.len() > 1;
        let wrong = |text: &str| Err(Exit::Input(text.to_owned()));
        match () {
            () if several && self.modules.is_some() => wrong(
                "--modules are those of one kernel: of several, give each as the tree that it was built in, or put its \
                 modules beside it as lib/modules",
            ),
            () if several && self.keep.is_some() => {
                wrong("--keep leaves the namespaces of one testbed: take one --kernel, or leave --keep away")
            }
            () if self.until.is_some() && self.shard.is_some() => wrong(
                "--until decided looks at the samples of all rows to tell how many more are needed, and a --shard has only its \
                 own: run shards of a fixed number of --blocks, merge them and see what `flowgauge compare` decides",
            ),
            () if self.until.is_some() && !several && self.baseline.is_none() => {
                wrong("--until decided needs something to decide against: give --baseline RESULT, or a second --kernel")
            }
            () => Ok(()),
        }
    }
}

/// `decided` or `decided=5m`.
fn until(text: &str) -> Result<Span, String> {
    const BOUND: Duration = Duration::from_secs(600);
    let time = match text.split_once('=') {
        None if text == "decided" => return Ok(Span::from_ms(BOUND.as_millis() as u64)),
        Some(("decided", time)) => time,
        _ => return Err("give decided, or decided=5m with the longest time that sampling may take".to_owned()),
    };
    time.parse()
}

/// A clock on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum ClockName {
    /// Seconds of the machine
    Wall,
    /// Instructions of an emulated CPU, exact on any machine; for scenarios whose method is cost
    Instructions,
}

fn clock_of(asked: Option<ClockName>, plan: &Plan, kernels: &[KernelSpec]) -> Result<Clock, Exit> {
    let rate = plan.scenarios.iter().find(|s| s.method.kind == MethodKind::Rate);
    match (asked, rate) {
        (Some(ClockName::Instructions), Some(scenario)) => Err(Exit::Input(format!(
            "scenario `{}` offers a load for a time, which an instruction clock cannot tell: take --clock wall, or a scenario \
             of kind = \"cost\" such as westphal-forwarding",
            scenario.name
        ))),
        (None, None) if kernels.contains(&KernelSpec::Host) => Ok(Clock::Wall),
        (Some(ClockName::Instructions), None) | (None, None) => Ok(Clock::Instructions),
        (Some(ClockName::Wall), _) | (None, Some(_)) => Ok(Clock::Wall),
    }
}
