//! `flowgauge show`: what would be done, without doing it.

use clap::{Args, Subcommand};
use flowgauge_scenarios::ruleset::{self, Request};
use flowgauge_scenarios::{Control, Datapath, Direction, Families, Plan, Policy, Scenario, Topology, builtin};

use super::exit::{Exit, print};
use super::values;

/// Show a ruleset, a scenario or a plan without running anything.
#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The native nft text of a policy on a datapath
    Ruleset {
        /// What should happen to packets
        #[arg(value_parser = values::policy())]
        policy: Policy,
        /// How the kernel executes it
        #[arg(value_parser = values::datapath())]
        datapath: Datapath,
        /// What the DUT's ports are; what the datapath needs where not given
        #[arg(long, value_parser = values::topology())]
        topology: Option<Topology>,
        /// Address families
        #[arg(long = "family", value_parser = values::families(), default_value = "both")]
        families: Families,
        /// Broken on purpose
        #[arg(long, value_parser = values::control(), default_value = "none")]
        control: Control,
        /// Direction of the measured packets (for --control missing-port)
        #[arg(long, value_parser = values::direction(), default_value = "upstream")]
        direction: Direction,
    },
    /// The TOML text of a scenario, ready to be saved and changed
    Scenario {
        /// A built-in name or a path
        name: String,
    },
    /// The trials of a run in their order
    Plan {
        /// Built-in names or paths
        #[arg(required = true)]
        scenarios: Vec<String>,
        /// Seed of the order
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
}

impl Show {
    pub(super) fn run(self) -> Result<(), Exit> {
        match self.what {
            What::Ruleset { policy, datapath, topology, families, control, direction } => {
                let topology = topology.unwrap_or(match datapath.needs_nic() {
                    true => Topology::NicRouter,
                    false => Topology::Router,
                });
                let (lan, wan) = if topology.has_nic() { ("nic0", "nic1") } else { ("lan0", "wan0") };
                let extra_rules = 0;
                let request =
                    Request { topology, policy, datapath, families, lan, wan, control, extra_rules, direction };
                match ruleset::render(&request) {
                    Ok(text) => print(&text),
                    Err(gap) => Err(Exit::Input(format!(
                        "there is no `{}` on `{}`: {}; {}",
                        policy.name(),
                        datapath.name(),
                        gap.reason,
                        gap.instead
                    ))),
                }
            }
            What::Scenario { name } => {
                let scenario = Scenario::load(&name).map_err(Exit::input)?;
                match builtin::text(&name) {
                    Some(text) => print(text),
                    None => print(&toml::to_string(&scenario).map_err(Exit::input)?),
                }
            }
            What::Plan { scenarios, seed } => plan(&scenarios, seed),
        }
    }
}

fn plan(names: &[String], seed: u64) -> Result<(), Exit> {
    let scenarios = names.iter().map(|n| Scenario::load(n)).collect::<Result<Vec<_>, _>>().map_err(Exit::input)?;
    let plan = Plan::new(scenarios, seed);
    let mut text = format!("seed {seed}: {} cells, {} trials\n", plan.cells.len(), plan.steps.len());
    for hole in &plan.holes {
        let scenario = &plan.scenarios[hole.scenario].name;
        text += &format!("hole   {scenario} on {}: {}\n", hole.datapath.name(), hole.gap.reason);
    }
    for (index, step) in plan.steps.iter().enumerate() {
        let cell = plan.cells[step.cell];
        let scenario = &plan.scenarios[cell.scenario];
        text += &format!("{index:>5}  block {:<4} {:<20} {}\n", step.block, scenario.name, cell.datapath.name());
    }
    print(&text)
}
