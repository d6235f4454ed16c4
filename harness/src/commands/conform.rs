//! `flowgauge conform`: does the fast path do to each packet what the classic path does?

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use flowgauge_scenarios::conform::{Catalogue, ConformPlan, Fuzz, Group, Mutation};
use flowgauge_scenarios::nearest::suggestion;
use flowgauge_scenarios::{Datapath, Span};
use flowgauge_topologies::kernel::KernelSpec;

use super::exit::{Exit, print};
use super::values;
use crate::conform::runner::Chances;
use crate::session::conform::{self, ConformRequest, Format};

const EXAMPLES: &str = "\
Examples:
  flowgauge conform                                 every case on every datapath, on debian:6.12 in a VM
  flowgauge conform --list                          the cases, and what each is about
  flowgauge conform forwarding 'vlan-*'             one group, and all cases whose name begins so
  flowgauge conform ttl-one/ipv4-udp-plain-up --datapath flowtable
                                                    one instance on one datapath, beside the reference
  flowgauge conform --kernel debian:6.12 --kernel debian:newest
                                                    one kernel after the other, each with its result
  flowgauge conform ttl-one --pcap packets          the packets of each case that is not a pass, for Wireshark
  flowgauge conform --mutants                       break it on purpose, and see which cases notice
  flowgauge conform --mutants --format markdown     the same as a page of documentation
  flowgauge conform --fuzz 100000 --for 10m         packets that nobody wrote down, and what differs as a case each
  flowgauge conform --format ktap >results.ktap

Exit codes: 0 every case holds, is unsupported, or is known not to hold; 1 one fails, is unproven or could not be run, or
holds although it is known not to; 2 wrong input; 3 this environment cannot run it; 130 interrupted.";

/// Check that an offloaded path does to each packet what the classic path does.
///
/// The same crafted packets go through the reference, plain connection tracking, and through each datapath under test, with
/// the same policy. What comes out of every port is compared byte by byte, and so are conntrack and counters. A case whose
/// packets did not take the fast path is unproven, not passed.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Conform {
    /// Cases, groups, or instances (CASE/ipv4-udp-plain-up); `*` stands for anything; all where none is given
    #[arg(value_name = "PATTERN")]
    patterns: Vec<String>,
    /// Datapath under test: conntrack (against itself), flowtable, flowtable-hw; all where none is given
    #[arg(long = "datapath", value_name = "DATAPATH", value_parser = values::datapath())]
    datapaths: Vec<Datapath>,
    /// Kernel under test: auto, host, debian:6.12, debian:6.1, debian:newest, or the path of a kernel image. Repeat it for
    /// several, one after the other
    #[arg(long = "kernel", default_value = "auto", value_name = "KERNEL")]
    kernels: Vec<KernelSpec>,
    /// Modules of the kernel image: the folder that holds `kernel/`
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,
    /// Show the cases, and with patterns their instances, and run nothing
    #[arg(long)]
    list: bool,
    /// Take the cases of this file in place of the built-in ones
    #[arg(long = "case-file", value_name = "FILE")]
    case_files: Vec<PathBuf>,
    /// Break the datapath in every way that there is, one after the other, and run the cases that could notice: a table of
    /// which case notices what
    #[arg(long = "mutants", conflicts_with = "mutants")]
    mutants_all: bool,
    /// Also break the datapath in this way (`--mutant help` shows all), and run the cases that could notice once more
    #[arg(long = "mutant", value_name = "NAME")]
    mutants: Vec<String>,
    /// Send N generated packets in place of cases, and make small what differs from the reference
    #[arg(long, value_name = "N", conflicts_with_all = ["patterns", "case_files", "mutants_all", "list"],
          value_parser = clap::value_parser!(u64).range(1..))]
    fuzz: Option<u64>,
    /// Seed of --fuzz: the same packets for the same seed; random where not given
    #[arg(long, value_name = "N", requires = "fuzz")]
    seed: Option<u64>,
    /// How long --fuzz goes on at most
    #[arg(long = "for", default_value = "10m", value_name = "TIME", requires = "fuzz")]
    time: Span,
    /// Folder that gets a folder for this run, with the packets of each case that is neither a pass nor unsupported, known
    /// failures too, and beside them those on the reference; pcapng, for Wireshark and tcpdump. --fuzz keeps its own
    #[arg(long, value_name = "DIR", conflicts_with = "fuzz")]
    pcap: Option<PathBuf>,
    /// What is printed at the end
    #[arg(long, value_enum, default_value = "text", conflicts_with = "json")]
    format: Format,
    /// Tell all that is known of known failures, not a line for each reason
    #[arg(long, short)]
    verbose: bool,
    /// CPUs of the VM
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    cpus: u32,
    /// Memory of the VM in MiB
    #[arg(long, default_value_t = 2048, value_name = "MIB", value_parser = clap::value_parser!(u32).range(512..=1_048_576))]
    memory: u32,
    /// Folder that gets a folder for this run
    #[arg(long, default_value = "results", value_name = "DIR")]
    out: PathBuf,
    /// Print the events on standard output, a JSON object a line
    #[arg(long)]
    json: bool,
    /// No progress on standard error
    #[arg(long, short)]
    quiet: bool,
}

impl Conform {
    pub(super) fn run(self) -> Result<(), Exit> {
        if self.kernels.len() > 1 && self.modules.is_some() {
            return Err(Exit::Input("--modules are those of one kernel: take one --kernel".to_owned()));
        }
        if self.mutants.iter().any(|name| name == "help") {
            return print(&mutant_list());
        }
        let catalogue = self.catalogue()?;
        let mutants = self.mutations()?;
        let plan = if let Some(packets) = self.fuzz {
            ConformPlan { fuzz: Some(self.fuzz(packets, &mutants)?), ..ConformPlan::default() }
        } else if self.mutants_all {
            table(&catalogue, &self.patterns, &self.datapaths, &mutants)?
        } else {
            catalogue.plan(&self.patterns, &self.datapaths, &mutants).map_err(Exit::input)?
        };
        if self.list {
            return print(&list(&plan, !self.patterns.is_empty()));
        }
        conform::conform(ConformRequest {
            plan,
            known: catalogue.known,
            command: std::env::args().collect(),
            case_files: self.case_files,
            kernels: self.kernels,
            modules: self.modules,
            cpus: self.cpus,
            memory_mib: self.memory,
            out: self.out,
            pcap: self.pcap,
            format: self.format,
            verbose: self.verbose,
            json: self.json,
            quiet: self.quiet,
        })
    }

    fn fuzz(&self, packets: u64, mutants: &[Mutation]) -> Result<Fuzz, Exit> {
        let mutation = match mutants[..] {
            [] => None,
            [one] => Some(one),
            _ => return Err(Exit::Input("--fuzz takes one --mutant at a time".to_owned())),
        };
        let breaks = mutation.map_or(Datapath::Flowtable, Mutation::datapath);
        let datapath = match self.datapaths[..] {
            [] => breaks,
            [other] if mutation.is_some_and(|mutation| !mutation.datapaths().contains(&other)) => {
                let (mutant, other, breaks) = (&self.mutants[0], other.name(), breaks.name());
                return Err(Exit::Input(format!(
                    "the mutant `{mutant}` breaks {breaks}, not {other}: leave --datapath away"
                )));
            }
            [one] if one.tracks() => one,
            [one] => return Err(Exit::Input(format!("conformance does not run on `{}`: take flowtable", one.name()))),
            _ => return Err(Exit::Input("--fuzz takes one --datapath at a time".to_owned())),
        };
        if self.time.ms == 0 {
            return Err(Exit::Input("--for 0 leaves no time to send anything: give 1s or more".to_owned()));
        }
        let seconds = u32::try_from(self.time.ms.div_ceil(1000)).unwrap_or(u32::MAX);
        let seed = self.seed.unwrap_or_else(|| rand::random::<u32>().into());
        Ok(Fuzz { packets, seed, seconds, datapath, mutation })
    }

    fn catalogue(&self) -> Result<Catalogue, Exit> {
        if self.case_files.is_empty() {
            return Catalogue::builtin().map_err(Exit::input);
        }
        let mut all = Catalogue::default();
        for path in &self.case_files {
            let file = path.display().to_string();
            let text = std::fs::read_to_string(path).map_err(|error| {
                Exit::Input(format!("cannot read the cases of {file}: {error}; give the path of a file of cases"))
            })?;
            let part = Catalogue::parse(&file, &text).map_err(Exit::input)?;
            if let Some(twice) = part.cases.iter().find(|case| all.cases.iter().any(|other| other.id == case.id)) {
                return Err(Exit::Input(format!(
                    "{file}: another file has a case `{}` too: give it another id",
                    twice.id
                )));
            }
            all.cases.extend(part.cases);
            all.known.extend(part.known);
        }
        Ok(all)
    }

    fn mutations(&self) -> Result<Vec<Mutation>, Exit> {
        let all = Mutation::all();
        if self.mutants_all {
            return Ok(all);
        }
        let named = |name: &String| {
            Mutation::of_name(name).ok_or_else(|| {
                let names: Vec<String> = all.iter().map(|mutation| mutation.name()).collect();
                let near = suggestion(name, names.iter().map(String::as_str));
                Exit::Input(format!("there is no mutant `{name}`: {near} (`flowgauge conform --mutant help`)"))
            })
        };
        if self.format == Format::Markdown && self.mutants.is_empty() {
            return Err(Exit::Input(
                "--format markdown is a table of mutants: add --mutants or --mutant NAME".to_owned(),
            ));
        }
        self.mutants.iter().map(named).collect()
    }
}

/// The plan of a table of mutants: only what they can show in, and that once a case.
fn table(
    catalogue: &Catalogue,
    patterns: &[String],
    datapaths: &[Datapath],
    mutants: &[Mutation],
) -> Result<ConformPlan, Exit> {
    let broken: Vec<Datapath> = match datapaths {
        [] => mutants.iter().flat_map(|mutation| mutation.datapaths()).copied().collect(),
        given => given.to_vec(),
    };
    let whole = catalogue.plan(patterns, &broken, mutants).map_err(Exit::input)?;
    let mut instances: BTreeSet<usize> =
        Chances::of(&whole).all().flat_map(|chance| chance.instances.iter().copied()).collect();
    if instances.is_empty() {
        return Err(Exit::Input(
            "no case of these can notice these mutants on these datapaths: take others, or leave the patterns away"
                .to_owned(),
        ));
    }
    // What notices nothing is in the table, too: whether a case can fail is what it is about.
    let asked: BTreeSet<usize> = instances.iter().map(|&index| whole.instances[index].case).collect();
    for case in (0..whole.cases.len()).filter(|case| !asked.contains(case)) {
        instances.extend(whole.instances.iter().position(|instance| instance.case == case));
    }
    let ids: Vec<String> = instances.iter().map(|&index| whole.instances[index].id.clone()).collect();
    catalogue.plan(&ids, &broken, mutants).map_err(Exit::input)
}

/// The cases of a plan by group.
fn list(plan: &ConformPlan, instances: bool) -> String {
    let mut text = String::new();
    for group in Group::ALL {
        let mut cases = plan.cases.iter().enumerate().filter(|(_, case)| case.group == group).peekable();
        if cases.peek().is_none() {
            continue;
        }
        text += &format!("{}{}: {}\n", if text.is_empty() { "" } else { "\n" }, group.name(), group.about());
        for (index, case) in cases {
            text += &format!("  {:<34} {}\n", case.id, case.what);
            for instance in plan.instances.iter().filter(|instance| instances && instance.case == index) {
                let datapaths: Vec<&str> = instance.datapaths.iter().map(|datapath| datapath.name()).collect();
                text += &format!("    {}  on {}\n", instance.id, datapaths.join(", "));
            }
        }
    }
    let runs: usize = plan.instances.iter().map(|instance| instance.datapaths.len()).sum();
    let (cases, instances) = (plan.cases.len(), plan.instances.len());
    text + &format!("\n{cases} cases, {instances} instances, {runs} with their datapaths\n")
}

fn mutant_list() -> String {
    let line = |mutation: Mutation| {
        format!("  {:<24} {:<13} {}\n", mutation.name(), mutation.datapath().name(), mutation.about())
    };
    let all = Mutation::all().into_iter().chain([Mutation::Nothing]);
    format!("Mutants, and the datapath that each breaks first\n{}", all.map(line).collect::<String>())
}
