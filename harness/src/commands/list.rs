//! `flowgauge list`: everything that has a name.

use clap::{Args, ValueEnum};
use flowgauge_scenarios::{Control, Datapath, Fault, Policy, Scenario, Topology, builtin, gap, shortfall, support};
use flowgauge_topologies::kernel;

use super::exit::{Exit, print};

/// List scenarios, policies, datapaths, topologies, controls, faults and cached kernels.
#[derive(Debug, Args)]
pub(super) struct List {
    /// What to list; everything where not given
    what: Option<What>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum What {
    Scenarios,
    Policies,
    Datapaths,
    Topologies,
    Controls,
    Faults,
    Kernels,
}

impl List {
    pub(super) fn run(self) -> Result<(), Exit> {
        let all = [
            What::Scenarios,
            What::Policies,
            What::Datapaths,
            What::Topologies,
            What::Controls,
            What::Faults,
            What::Kernels,
        ];
        let sections: Vec<String> =
            all.into_iter().filter(|what| self.what.is_none_or(|w| w == *what)).map(section).collect();
        print(&sections.join("\n"))
    }
}

fn section(what: What) -> String {
    match what {
        What::Scenarios => rows("Scenarios", builtin::NAMES.iter().map(|&n| (n.to_owned(), about(n)))),
        What::Policies => rows("Policies", Policy::ALL.iter().map(|p| (p.name().to_owned(), p.about().to_owned()))),
        What::Datapaths => {
            let mut text = rows("Datapaths", Datapath::ALL.iter().map(|d| (d.name().to_owned(), d.about().to_owned())));
            for policy in Policy::ALL {
                for datapath in Datapath::ALL {
                    let (name, on) = (policy.name(), datapath.name());
                    if let Some(gap) = gap(Topology::NicRouter, policy, datapath) {
                        text += &format!("  no {name} on {on}: {}\n", gap.reason);
                    } else if let Some(short) = shortfall(policy, datapath) {
                        text += &format!("  {name} on {on} falls short: {short}\n");
                    }
                }
            }
            text + &format!("  an offloaded netdev chain refuses {}\n", support::NETDEV_HW_LACKS)
        }
        What::Controls => {
            rows("Negative controls", Control::ALL.iter().map(|c| (c.name().to_owned(), c.about().to_owned())))
        }
        What::Topologies => {
            rows("Topologies", Topology::ALL.iter().map(|t| (t.name().to_owned(), t.about().to_owned())))
        }
        What::Faults => rows(
            "Faults of the reference NIC (--fault NAME[=N])",
            Fault::ALL.iter().map(|f| (f.name().to_owned(), f.about().to_owned())),
        ),
        What::Kernels => {
            let cached = kernel::cache_dir().map(|cache| kernel::list_cached(&cache)).unwrap_or_default();
            if cached.is_empty() {
                return "Kernels in the cache\n  none yet: `bench --kernel debian:6.12` fetches one\n".to_owned();
            }
            rows("Kernels in the cache", cached.into_iter().map(|kernel| (kernel.spec, kernel.image.origin)))
        }
    }
}

fn about(name: &str) -> String {
    Scenario::load(name).map_or_else(|error| error.to_string(), |scenario| scenario.about)
}

fn rows(title: &str, rows: impl Iterator<Item = (String, String)>) -> String {
    let mut text = format!("{title}\n");
    for (name, about) in rows {
        text += &format!("  {name:<21} {about}\n");
    }
    text
}
