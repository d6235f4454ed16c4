//! What must be alike for figures to be comparable, read from the runs of a side.

use std::collections::{BTreeMap, BTreeSet};

use flowgauge_scenarios::Scenario;
use serde_json::Value;

use super::difference::Aspect;
use crate::RunResult;
use crate::environment::{Accelerator, Clock, Environment};
use crate::numbers::whole;
use crate::wording;

/// What a fact is about, with its name for people.
pub(super) type Name = (Aspect, String);

/// The values that the runs of a side have of each fact, and whether another value makes other figures.
pub(super) type Facts = BTreeMap<Name, Fact>;

/// The values of one fact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) values: BTreeSet<String>,
    /// Whether runs that differ in it are not comparable.
    pub(super) binds: bool,
}

/// The facts of the places where runs took place, and of the scenarios that `shared` names.
pub(super) fn of(results: &[&RunResult], shared: &BTreeSet<&str>) -> Facts {
    let mut facts = Facts::new();
    let mut add = |aspect, name: String, value: String, binds| {
        let fact: &mut Fact = facts.entry((aspect, name)).or_default();
        fact.values.insert(value);
        fact.binds |= binds;
    };
    for environment in results.iter().filter_map(|result| result.environment.as_ref()) {
        of_environment(environment, &mut add);
    }
    for result in results {
        // What else runs in the same boot leaves its traces in the kernel (modules, hooks, patched jumps), and some percent of
        // instructions with them.
        let counted = result.environment.as_ref().is_some_and(|e| e.clock == Clock::Instructions);
        add(Aspect::Plan, "scenarios and datapaths of the run".to_owned(), contents(result), counted);
        for trial in &result.trials {
            let scenario = result.plan.scenario(trial.cell);
            if shared.contains(scenario.name.as_str()) {
                let name = format!("{RULESET} of scenario {} on {}", scenario.name, trial.datapath.name());
                add(Aspect::Plan, name, trial.ruleset.clone(), true);
            }
        }
    }
    for scenario in
        results.iter().flat_map(|result| &result.plan.scenarios).filter(|s| shared.contains(s.name.as_str()))
    {
        for (field, value) in fields(scenario) {
            add(Aspect::Plan, format!("{} of scenario {}", field, scenario.name), value, true);
        }
    }
    facts
}

/// How the name of a ruleset's fact begins. Its values are whole texts, of which a difference shows some lines.
pub(super) const RULESET: &str = "ruleset";

/// `many-flows on conntrack; udp-ipv4 on conntrack, forward`: the order of a run is random, and no matter.
fn contents(result: &RunResult) -> String {
    let sorted = |mut list: Vec<String>, between| {
        list.sort_unstable();
        list.join(between)
    };
    let names = |s: &Scenario| sorted(s.datapaths.iter().map(|d| d.name().to_owned()).collect(), ", ");
    sorted(result.plan.scenarios.iter().map(|s| format!("{} on {}", s.name, names(s))).collect(), "; ")
}

fn of_environment(e: &Environment, add: &mut impl FnMut(Aspect, String, String, bool)) {
    let emulated = e.accelerator == Accelerator::Tcg;
    let counted = e.clock == Clock::Instructions;
    let mut say = |aspect, name: &str, value: String, binds| add(aspect, name.to_owned(), value, binds);
    say(Aspect::Clock, "clock", wording::clock(e.clock).to_owned(), true);
    say(Aspect::Accelerator, "what executes the kernel", wording::accelerator(e.accelerator).to_owned(), true);
    say(Aspect::Cpu, "CPU of the kernel under test", e.cpu.clone(), true);
    // An instruction is an instruction whatever machine emulates it.
    say(Aspect::Cpu, "CPU of the host", e.host_cpu.clone(), !counted);
    say(Aspect::Cpus, "number of CPUs", e.cpus.to_string(), true);
    say(Aspect::Memory, "memory", format!("{} MiB", whole(installed(e.memory_bytes >> 20))), true);
    say(Aspect::Kernel, "release and build", format!("{} {}", e.kernel_release, e.kernel_version), false);
    say(Aspect::Flowgauge, "flowgauge", e.flowgauge.clone(), false);
    for tool in &e.tools {
        // The emulator is the CPU: its version decides what CPU features a kernel finds, and so what code it takes.
        let emulator = emulated && tool.name.starts_with("qemu");
        say(if emulator { Aspect::Emulator } else { Aspect::Tools }, &tool.name, tool.version.clone(), emulator);
    }
    for nic in &e.nics {
        let port = format!("port {} of {}", nic.role, nic.topology.name());
        say(Aspect::Driver, &format!("driver of {port}"), nic.driver.clone(), true);
        let features = if nic.features.is_empty() { "none".to_owned() } else { nic.features.join(", ") };
        say(Aspect::Driver, &format!("offloads in force at {port}"), features, false);
    }
    for setting in &e.settings {
        let (name, value) = setting.split_once('=').unwrap_or((setting, ""));
        say(Aspect::Settings, name.trim(), value.trim().to_owned(), true);
    }
}

/// What a scenario's rows do not depend on: its text, how often it is repeated, and which other datapaths it has.
const FREE: [&str; 3] = ["about", "method.blocks", "datapaths"];

/// The memory that a machine was given, by what its kernel tells of it: each kernel keeps another part for itself (6.12 has
/// 1974 of 2048 MiB, 6.1 has 1967), so to the nearest eighth of a power of two.
fn installed(mib: u64) -> u64 {
    let step = (mib.min(1 << 62).next_power_of_two() / 8).max(1);
    (mib.saturating_add(step / 2)) / step * step
}

/// The fields of a scenario that change what its rows measure: path and value.
fn fields(scenario: &Scenario) -> BTreeMap<String, String> {
    let mut fields = BTreeMap::new();
    // A scenario is made of names, numbers and texts, which JSON can hold.
    flatten("", &serde_json::to_value(scenario).unwrap_or(Value::Null), &mut fields);
    fields.retain(|path, _| !FREE.iter().any(|free| path == free) && path != "name");
    fields
}

fn flatten(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                flatten(&path, member, into);
            }
        }
        Value::String(text) => drop(into.insert(path.to_owned(), text.clone())),
        other => drop(into.insert(path.to_owned(), other.to_string())),
    }
}
