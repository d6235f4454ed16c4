//! In what the sides differ, and what of it forbids a comparison.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::facts::{self, Fact, Facts};
use super::incomparable::Incomparable;
use super::side::Side;
use crate::wording::printable;

/// What a difference is about: the words of `--allow`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Aspect {
    /// What time is measured in.
    Clock,
    /// What executes the kernel: the machine, KVM, emulation.
    Accelerator,
    /// The CPU model, of the kernel under test and of its host.
    Cpu,
    /// The version of the emulator, which is the CPU of an emulated kernel.
    Emulator,
    /// How many CPUs.
    Cpus,
    /// How much memory.
    Memory,
    /// Drivers and offloads of the testbed's ports.
    Driver,
    /// Settings of the DUT.
    Settings,
    /// The scenarios of one name.
    Plan,
    /// The kernel under test. Comparing kernels is what a comparison is for; two builds of one release on one side are not.
    Kernel,
    /// Programs that took part.
    Tools,
    /// flowgauge's own version.
    Flowgauge,
}

impl Aspect {
    /// Every aspect, in the order of help texts.
    pub const ALL: [Aspect; 12] = [
        Aspect::Clock,
        Aspect::Accelerator,
        Aspect::Cpu,
        Aspect::Emulator,
        Aspect::Cpus,
        Aspect::Memory,
        Aspect::Driver,
        Aspect::Settings,
        Aspect::Plan,
        Aspect::Kernel,
        Aspect::Tools,
        Aspect::Flowgauge,
    ];

    /// Its word on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Aspect::Clock => "clock",
            Aspect::Accelerator => "accelerator",
            Aspect::Cpu => "cpu",
            Aspect::Emulator => "emulator",
            Aspect::Cpus => "cpus",
            Aspect::Memory => "memory",
            Aspect::Driver => "driver",
            Aspect::Settings => "settings",
            Aspect::Plan => "plan",
            Aspect::Kernel => "kernel",
            Aspect::Tools => "tools",
            Aspect::Flowgauge => "flowgauge",
        }
    }
}

/// What a difference means for the comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It forbids the comparison.
    Refused,
    /// It would, and was allowed.
    Allowed,
    /// It is no obstacle, and good to know.
    Noted,
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Difference {
    /// What it is about.
    pub aspect: Aspect,
    /// What differs: `traffic.frame of scenario udp-ipv4`.
    pub what: String,
    /// What base has; several where its runs differ among themselves.
    pub base: Vec<String>,
    /// What new has.
    pub new: Vec<String>,
    /// What it means.
    pub standing: Standing,
}

impl Difference {
    /// It as a line: `cpu: CPU of the host: base X; new Y`. Harmless on a terminal.
    pub fn line(&self) -> String {
        let list = |values: &[String]| if values.is_empty() { "nothing".to_owned() } else { values.join(" and ") };
        printable(&format!("{}: {}: base {}; new {}", self.aspect.name(), self.what, list(&self.base), list(&self.new)))
    }
}

/// Every difference, those that were allowed among them.
///
/// # Errors
/// The refused ones, all at once.
pub(super) fn between(
    base: &Side<'_>,
    new: &Side<'_>,
    allow: &BTreeSet<Aspect>,
) -> Result<Vec<Difference>, Incomparable> {
    let names = |side: &Side<'_>| -> BTreeSet<String> {
        side.results.iter().flat_map(|r| &r.plan.scenarios).map(|s| s.name.clone()).collect()
    };
    let (of_base, of_new) = (names(base), names(new));
    let shared: BTreeSet<&str> = of_base.intersection(&of_new).map(String::as_str).collect();
    let mut found = differing(&facts::of(&base.results, &shared), &facts::of(&new.results, &shared));
    found.extend([base, new].into_iter().flat_map(builds));
    for difference in &mut found {
        if difference.standing == Standing::Refused && allow.contains(&difference.aspect) {
            difference.standing = Standing::Allowed;
        }
    }
    let refused: Vec<Difference> = found.iter().filter(|d| d.standing == Standing::Refused).cloned().collect();
    if refused.is_empty() { Ok(found) } else { Err(Incomparable::Differences(refused)) }
}

fn differing(base: &Facts, new: &Facts) -> Vec<Difference> {
    let names: BTreeSet<_> = base.keys().chain(new.keys()).collect();
    let none = Fact::default();
    let mut found = Vec::new();
    for name in names {
        let (b, n) = (base.get(name).unwrap_or(&none), new.get(name).unwrap_or(&none));
        if b.values.union(&n.values).count() < 2 && !(b.values.is_empty() ^ n.values.is_empty()) {
            continue;
        }
        // A row, a port, a setting or a program that only one side knows came with a topology, a kernel or a version; a field of a
        // scenario that only one side has was set there.
        let one_sided = b.values.is_empty() || n.values.is_empty();
        let binds = (b.binds || n.binds) && (!one_sided || name.0 == Aspect::Plan);
        let ruleset = name.1.starts_with(facts::RULESET);
        if one_sided && (ruleset || name.0 == Aspect::Driver) {
            continue;
        }
        let of = |fact: &Fact, other: &Fact| match ruleset {
            true => lines_of_its_own(&fact.values, &other.values),
            false => fact.values.iter().cloned().collect(),
        };
        found.push(Difference {
            aspect: name.0,
            what: name.1.clone(),
            base: of(b, n),
            new: of(n, b),
            standing: if binds { Standing::Refused } else { Standing::Noted },
        });
    }
    found
}

/// Some lines that only one of two sets of texts has; none where lines are but repeated or in another order.
fn lines_of_its_own(texts: &BTreeSet<String>, others: &BTreeSet<String>) -> Vec<String> {
    let others: BTreeSet<&str> = others.iter().flat_map(|text| text.lines().map(str::trim)).collect();
    let own = texts.iter().flat_map(|text| text.lines().map(str::trim)).filter(|line| !others.contains(line));
    own.take(3).map(|line| format!("`{line}`")).collect()
}

/// Builds of one release that differ within a side: they would be pooled as one kernel.
fn builds(side: &Side<'_>) -> Vec<Difference> {
    let environments = || side.results.iter().filter_map(|result| result.environment.as_ref());
    let releases: BTreeSet<&str> = environments().map(|e| e.kernel_release.as_str()).collect();
    let of = |release: &str| -> Vec<String> {
        let versions: BTreeSet<&str> =
            environments().filter(|e| e.kernel_release == release).map(|e| e.kernel_version.as_str()).collect();
        versions.into_iter().map(str::to_owned).collect()
    };
    releases
        .into_iter()
        .map(|release| (release, of(release)))
        .filter(|(_, versions)| versions.len() > 1)
        .map(|(release, versions)| Difference {
            aspect: Aspect::Kernel,
            what: format!("builds of {release} on one side, {}", side.name),
            base: if side.name == "BASE" { versions.clone() } else { Vec::new() },
            new: if side.name == "NEW" { versions } else { Vec::new() },
            standing: Standing::Refused,
        })
        .collect()
}
