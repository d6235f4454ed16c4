//! The command line: one file per command.

mod bench;
mod clean;
mod compare;
mod completions;
mod conform;
mod doctor;
mod exit;
mod history;
mod kernel;
mod list;
mod merge;
mod overrides;
mod report;
mod shard;
mod show;
mod values;

use std::ffi::OsString;

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::{Exit, print};

const EXAMPLES: &str = "\
Examples:
  flowgauge doctor                              what this machine can do, and how to close each gap
  flowgauge bench udp-ipv4                      one scenario over its datapaths, with proof of path
  flowgauge bench tcp-masquerade --kernel debian:6.1
  flowgauge bench udp-ipv4 --frame imix --flows 10000 --direction both
  flowgauge bench ./my-scenario.toml --kernel ~/linux/arch/x86/boot/bzImage --modules ~/mods
  flowgauge conform                             does the fast path do to each packet what the classic path does?
  flowgauge show ruleset masquerade flowtable   the nft text that a datapath installs
  flowgauge report results/LAST --format html   a report page from a kept result

Exit codes: 0 all verdicts good; 1 a verdict is bad; 2 wrong input; 3 this environment cannot run it;
130 interrupted, cleaned up.";

/// The instrument for nftables offload: measures, compares and proves datapaths.
#[derive(Debug, Parser)]
#[command(name = "flowgauge", version, after_help = EXAMPLES, arg_required_else_help = true, max_term_width = 110)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Measure scenarios over their datapaths, side by side, with proof of path
    Bench(Box<bench::Bench>),
    /// Check that offloaded paths do to each packet what the classic path does
    Conform(Box<conform::Conform>),
    /// Show what this machine can do for offload measurements, and how to close each gap
    Doctor(doctor::Doctor),

    /// Show a ruleset, a scenario or a plan without running anything
    Show(show::Show),
    /// List scenarios, policies, datapaths, controls and cached kernels
    List(list::List),
    /// List and fetch kernels to boot in a VM
    Kernel(kernel::Kernel),
    /// Render a kept result again: table, page, or a format that other programs read
    Report(report::Report),
    /// Compare two results: what got worse, what got better, what is as it was
    Compare(compare::Compare),
    /// Show results over time, with the runs since which a number has been another one
    History(history::History),
    /// Join the results of a plan's shards into one
    Merge(merge::Merge),
    /// Remove what a killed run left behind
    Clean(clean::Clean),
    /// Print a completion script for a shell
    Completions(completions::Completions),
    /// Run a job beside the kernel under test (started by `bench` and `conform`)
    #[command(hide = true)]
    Worker,
}

/// Runs a command line and returns its exit code.
pub fn main(arguments: impl IntoIterator<Item = OsString>) -> i32 {
    let line = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            // Help goes to a pipe that may be closed; there is nobody to tell then.
            let _ = error.print();
            return error.exit_code();
        }
    };
    let outcome = match line.command {
        Command::Bench(bench) => bench.run(),
        Command::Conform(conform) => conform.run(),
        Command::Doctor(doctor) => doctor.run(),
        Command::Show(show) => show.run(),
        Command::List(list) => list.run(),
        Command::Kernel(kernel) => kernel.run(),
        Command::Report(report) => report.run(),
        Command::Compare(compare) => compare.run(),
        Command::History(history) => history.run(),
        Command::Merge(merge) => merge.run(),
        Command::Clean(clean) => clean.run(),
        Command::Completions(completions) => completions.run(&mut CommandLine::command()),
        Command::Worker => return crate::worker::main(),
    };
    match outcome {
        Ok(()) => 0,
        Err(exit) => exit.report(),
    }
}
