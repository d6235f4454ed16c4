//! Looks at everything and comes to a conclusion.

use flowgauge_topologies::kernel::{Ability, HostAbilities};

use super::report::{Bench, Check, Report, Section};
use super::{kernel_options, nics, privileges, programs, rulesets, virtual_machines};
use crate::nft;

/// Examines this machine. Takes a fraction of a second.
pub fn examine() -> Report {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_owned();
    let abilities = HostAbilities::probe();
    let parts = virtual_machines::parts();
    let bench = conclude(&abilities, parts.missing, nft::version().err().map(|error| error.to_string()));
    let section = |name, checks| Section { name, checks };
    let sections = vec![
        section("Running kernel, as tried", behaviour(&release, &abilities)),
        section("Its options for flow offload", kernel_options::checks(&release)),
        section("Programs", programs::checks()),
        section("Privileges", privileges::checks(&abilities)),
        section("A kernel in a VM", parts.checks),
        section("Rulesets that offload already", rulesets::checks()),
        section("NICs", nics::checks()),
    ];
    Report { sections, bench }
}

fn behaviour(release: &str, abilities: &HostAbilities) -> Vec<Check> {
    let tried = abilities.all().into_iter().map(|(name, ability)| match ability {
        Ability::Yes => Check::ok(name, "works"),
        Ability::No { evidence, remedy } => Check::gap(name, first_line(evidence), remedy),
    });
    std::iter::once(Check::info("release", release)).chain(tried).collect()
}

/// nft repeats the line it complains about; its first line says it all.
fn first_line(evidence: &str) -> &str {
    evidence.lines().next().unwrap_or_default()
}

/// The host's kernel where it can do all, else a VM where one can be had. A guest uses the host's programs, so without
/// nft there is neither.
fn conclude(abilities: &HostAbilities, no_vm: Option<String>, no_nft: Option<String>) -> Bench {
    if let Some(why) = no_nft {
        return Bench::Nothing { why };
    }
    let Some((what, ability)) = abilities.first_gap() else {
        return Bench::Host;
    };
    let evidence = match ability {
        Ability::No { evidence, .. } => first_line(evidence),
        Ability::Yes => "",
    };
    let why = format!("the running kernel cannot do {what} ({evidence})");
    match no_vm {
        None => Bench::Vm { kernel: virtual_machines::KERNEL.to_owned(), why },
        Some(no_vm) => Bench::Nothing { why: format!("{why}, and for a VM {no_vm}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn abilities(flowtable: Ability) -> HostAbilities {
        HostAbilities {
            in_user_namespace: false,
            netns: Ability::Yes,
            veth: Ability::Yes,
            nf_tables: Ability::Yes,
            conntrack: Ability::Yes,
            nat: Ability::Yes,
            flowtable,
        }
    }

    #[test]
    fn the_host_is_used_where_it_can_do_all_else_a_vm_else_nothing() {
        assert_eq!(conclude(&abilities(Ability::Yes), Some("no qemu".to_owned()), None), Bench::Host);
        let lacking = abilities(Ability::No { evidence: "nft: refused\n^^^".to_owned(), remedy: String::new() });
        let Bench::Vm { kernel, why } = conclude(&lacking, None, None) else { panic!("a VM can be had") };
        assert_eq!(
            (kernel.as_str(), why.as_str()),
            ("debian:6.12", "the running kernel cannot do flowtable (nft: refused)")
        );
        let nothing = conclude(&lacking, Some("qemu is not in PATH".to_owned()), None);
        assert!(
            matches!(nothing, Bench::Nothing { ref why } if why.ends_with("for a VM qemu is not in PATH")),
            "{nothing:?}"
        );
    }
}
