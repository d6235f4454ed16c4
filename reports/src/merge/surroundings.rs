//! Whether shards ran in the same environment. Topologies differ, for a shard builds only those that it needs.

use std::collections::BTreeSet;

use super::difference::Difference;
use super::{Allowance, MergeError, Piece, environment};
use crate::environment::{Clock, Environment};
use crate::event::Warning;

/// How grave a difference is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weight {
    /// It cannot be one result.
    Refused,
    /// It can be, if the user says so.
    Cpu,
    /// It is told.
    Told,
}

/// The environment of the whole, and what is to be told of differences between the parts'.
pub(super) fn joined(
    pieces: &[Piece],
    allowed: &BTreeSet<Allowance>,
) -> Result<(Option<Environment>, Vec<Warning>), MergeError> {
    let mut warnings = Vec::new();
    let mut known = pieces.iter().filter_map(environment);
    let Some((first, reference)) = known.next() else { return Ok((None, warnings)) };
    let mut whole = reference.clone();
    for (label, theirs) in known {
        // Against all that came before: ports and settings of a topology are known only from the shards that built it.
        let found = differences(&whole, theirs);
        let of = |weight: Weight| found.iter().filter(|d| d.0 == weight).map(|d| d.1.clone()).collect::<Vec<_>>();
        let (first, other) = (first.to_owned(), label.to_owned());
        if !of(Weight::Refused).is_empty() {
            return Err(MergeError::OtherEnvironment { first, label: other, differences: of(Weight::Refused) });
        }
        if !of(Weight::Cpu).is_empty() && !allowed.contains(&Allowance::Cpu) {
            return Err(MergeError::OtherCpu { first, label: other, differences: of(Weight::Cpu) });
        }
        for (_, difference) in &found {
            let warning = Warning {
                text: format!("{label} ran elsewhere than {first}: {difference}"),
                remedy: "run all shards on machines of one kind where that matters".to_owned(),
            };
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        for topology in theirs.topology.split(", ") {
            whole.merge(Environment { topology: topology.to_owned(), ..theirs.clone() });
        }
    }
    Ok((Some(whole), warnings))
}

fn differences(one: &Environment, other: &Environment) -> Vec<(Weight, Difference)> {
    let mut found = Vec::new();
    let mut field = |weight, what: &str, a: String, b: String| {
        if a != b {
            found.push((weight, Difference { what: what.to_owned(), one: a, other: b }));
        }
    };
    let text = |e: &Environment, get: fn(&Environment) -> &String| get(e).clone();
    let mut both =
        |weight, what, get: fn(&Environment) -> &String| field(weight, what, text(one, get), text(other, get));
    both(Weight::Refused, "flowgauge", |e| &e.flowgauge);
    both(Weight::Refused, "kernel release", |e| &e.kernel_release);
    both(Weight::Refused, "kernel version", |e| &e.kernel_version);
    both(Weight::Told, "kernel from", |e| &e.kernel_origin);
    both(Weight::Cpu, "CPU", |e| &e.cpu);
    // Instructions are the guest's, whatever machine emulates it.
    let counts = one.clock == Clock::Instructions && other.clock == Clock::Instructions;
    both(if counts { Weight::Told } else { Weight::Cpu }, "host's CPU", |e| &e.host_cpu);
    field(Weight::Cpu, "CPUs", one.cpus.to_string(), other.cpus.to_string());
    field(Weight::Refused, "clock", format!("{:?}", one.clock), format!("{:?}", other.clock));
    field(Weight::Refused, "accelerator", format!("{:?}", one.accelerator), format!("{:?}", other.accelerator));
    let mebibytes = |e: &Environment| format!("{} MiB", e.memory_bytes >> 20);
    field(Weight::Told, "memory", mebibytes(one), mebibytes(other));
    for nic in &other.nics {
        let Some(known) = one.nics.iter().find(|n| (n.topology, &n.role) == (nic.topology, &nic.role)) else {
            continue;
        };
        let what = format!("{} port of {}", nic.role, nic.topology.name());
        // Features are those of the first scenario that a shard ran there; the plan has them of all.
        field(Weight::Refused, &what, known.driver.clone(), nic.driver.clone());
    }
    for tool in &other.tools {
        if let Some(known) = one.tools.iter().find(|t| t.name == tool.name) {
            field(Weight::Told, &tool.name, known.version.clone(), tool.version.clone());
        }
    }
    for line in &other.settings {
        let Some((name, value)) = line.split_once('=') else { continue };
        let same = |l: &&String| l.split_once('=').is_some_and(|(n, _)| n.trim() == name.trim());
        if let Some((_, known)) = one.settings.iter().find(same).and_then(|l| l.split_once('=')) {
            // The kernel sizes these by the machine's memory.
            let sized = ["_max", "_buckets"].iter().any(|end| name.trim().ends_with(end));
            let weight = if sized { Weight::Told } else { Weight::Refused };
            field(weight, name.trim(), known.trim().to_owned(), value.trim().to_owned());
        }
    }
    found
}
