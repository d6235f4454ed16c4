//! What else a NIC and the kernel say about offload: flags, rules in the NIC, counters that moved.

use flowgauge_scenarios::Datapath;

use super::crossing::Crossing;
use super::drivers::{self, Told};
use super::finding::{Finding, stray};
use crate::observation::{DriverStatistics, OffloadFlags, Reading};
use crate::trial::Trial;

/// How many counters of an unknown driver are named.
const NAMED: usize = 5;

/// Everything that does not fit, or is worth knowing.
pub(super) fn check(trial: &Trial, crossings: &[Crossing; 2], findings: &mut Vec<Finding>) {
    flags(trial.datapath, &trial.after.flags, findings);
    rules(trial, crossings, findings);
    if let (Some(before), Some(after)) = (trial.before.driver.seen(), trial.after.driver.seen()) {
        table(trial, before, after, findings);
        unknown(trial.datapath, before, after, crossings, findings);
        lost(before, after, findings);
    }
}

/// The flags in force are those that the datapath needs.
fn flags(datapath: Datapath, flags: &Reading<OffloadFlags>, findings: &mut Vec<Finding>) {
    let flags = match flags {
        Reading::Seen(flags) => flags,
        Reading::Missing { why } if datapath.needs_nic() => {
            return findings.push(Finding::note(format!("the offload flags could not be read back: {why}")));
        }
        Reading::Missing { .. } | Reading::Absent => return,
    };
    let wanted = datapath.needs_nic();
    let said = if wanted { "lacks `flags offload`" } else { "has `flags offload` although software should forward" };
    if datapath.has_flowtable() && flags.flowtable != Some(wanted) {
        findings.push(Finding::bad(match flags.flowtable {
            None => "the ruleset in force has no flowtable".to_owned(),
            Some(_) => format!("the flowtable in force {said}"),
        }));
    }
    if datapath.has_netdev_chain() {
        let wrong: Vec<&str> = flags.chains.iter().filter(|(_, on)| **on != wanted).map(|(n, _)| n.as_str()).collect();
        if flags.chains.is_empty() {
            findings.push(Finding::bad("the ruleset in force has no netdev chain that forwards"));
        } else if !wrong.is_empty() {
            findings.push(Finding::bad(format!("the netdev chain {} in force {said}", wrong.join(", "))));
        }
    }
}

/// The rules of netdev chains counted each packet once, or, in hardware, at most once more for each that the CPU saw.
fn rules(trial: &Trial, crossings: &[Crossing; 2], findings: &mut Vec<Finding>) {
    let (Some(b), Some(a)) = (trial.before.netdev_rules.seen(), trial.after.netdev_rules.seen()) else { return };
    let Some((cpu_before, cpu_after)) = trial.before.cpu_ports.seen().zip(trial.after.cpu_ports.seen()) else { return };
    let total = |r: &crate::observation::RuleCounters| r.upstream.packets.saturating_add(r.downstream.packets);
    let counted = total(a).saturating_sub(total(b));
    let cpu = (cpu_after.lan.packets.saturating_add(cpu_after.wan.packets))
        .saturating_sub(cpu_before.lan.packets.saturating_add(cpu_before.wan.packets));
    let sent: u64 = crossings.iter().map(|c| c.sender_tx).sum();
    let most = if trial.datapath.needs_nic() { sent.saturating_add(cpu) } else { sent };
    if counted > most.saturating_add(stray(most)) {
        findings.push(Finding::bad(format!(
            "the rules of the netdev chains counted {counted} packets, the testers sent only {sent}"
        )));
    } else if counted > sent.saturating_add(stray(sent)) {
        findings.push(Finding::note(format!(
            "the rules of the netdev chains counted {counted} packets, {} more than the testers sent: the kernel adds the \
             hardware's count to a counter that also counts what the CPU sees, so it counts twice (known, nf_tables)",
            counted - sent
        )));
    }
}

/// Rules in the NIC against what should be there.
fn table(trial: &Trial, before: &DriverStatistics, after: &DriverStatistics, findings: &mut Vec<Finding>) {
    let nobodys = nobodys(trial, before);
    if nobodys > 0 {
        findings.push(Finding::bad(format!(
            "the NIC holds {nobodys} rules of nobody: leaked when a block was unbound, or never deleted"
        )));
    } else if let Some(rules) = drivers::sum(after, "rules") {
        left(trial, rules, findings);
    }
    if let Some(refused) = drivers::grown(before, after, "rules_refused").filter(|&refused| refused > 0) {
        findings.push(Finding::note(format!("the NIC refused {refused} rules during the trial")));
    }
}

/// How many rules were in the NIC before a trial that nothing in force explains. The trial may be forwarded by them.
fn nobodys(trial: &Trial, driver: &DriverStatistics) -> u64 {
    let Some(rules) = drivers::sum(driver, "rules") else { return 0 };
    match (trial.datapath, trial.before.conntrack.seen()) {
        (datapath, _) if !datapath.needs_nic() => rules,
        // A rule for each direction of a connection; and a connection may have ended a moment ago.
        (Datapath::FlowtableHw, Some(conntrack)) => {
            let explained = conntrack.entries.saturating_mul(2);
            if rules > explained.saturating_add(stray(explained)) { rules - explained } else { 0 }
        }
        // The chains hold a rule a line, whatever the traffic.
        (Datapath::NetdevHw, _) => rules.saturating_sub(forwarding(&trial.ruleset)),
        _ => 0,
    }
}

/// How many rules of the chains of a ruleset forward.
fn forwarding(ruleset: &str) -> u64 {
    ruleset.lines().filter(|line| line.contains("fwd to")).count() as u64
}

/// Rules that came during the trial and should not be there.
fn left(trial: &Trial, rules: u64, findings: &mut Vec<Finding>) {
    if !trial.datapath.needs_nic() && rules > 0 {
        findings.push(Finding::note(format!(
            "{rules} rules came into the NIC although `{}` puts none there",
            trial.datapath.name()
        )));
    }
    if let (Datapath::FlowtableHw, Some(conntrack)) = (trial.datapath, trial.after.conntrack.seen()) {
        let explained = conntrack.entries.saturating_mul(2);
        if rules > explained.saturating_add(stray(explained)) {
            findings.push(Finding::note(format!(
                "{rules} rules are in the NIC, {} connections explain {explained}: flows do not age, or deleted rules stay",
                conntrack.entries
            )));
        }
    }
}

/// Counters of a driver that nobody has looked at yet: those that moved most like the traffic.
fn unknown(
    datapath: Datapath,
    before: &DriverStatistics,
    after: &DriverStatistics,
    crossings: &[Crossing; 2],
    findings: &mut Vec<Finding>,
) {
    let Told::Unknown(driver) = drivers::forwarded(before, after) else { return };
    if !datapath.needs_nic() {
        return;
    }
    let ports = [("lan", &before.lan, &after.lan), ("wan", &before.wan, &after.wan)];
    let entered = crossings[0].ingress_rx.max(crossings[1].ingress_rx);
    let mut moved: Vec<(String, u64)> = Vec::new();
    for (port, b, a) in ports {
        moved.extend(
            drivers::closest(b, a, entered).into_iter().map(|(name, by)| (format!("{name} of port {port}"), by)),
        );
    }
    moved.sort_by_key(|(_, by)| by.abs_diff(entered));
    let named: Vec<String> = moved.iter().take(NAMED).map(|(name, by)| format!("{name} by {by}")).collect();
    let named = if named.is_empty() { "none".to_owned() } else { named.join(", ") };
    findings.push(Finding::note(format!(
        "no statistic of driver {driver} is known to count what its hardware forwards; {entered} packets entered, and of \
         its counters moved alike: {named}"
    )));
}

/// What the hardware took in and did not send on.
fn lost(before: &DriverStatistics, after: &DriverStatistics, findings: &mut Vec<Finding>) {
    let (Told::Packets(sent), Some(taken)) = (drivers::forwarded(before, after), drivers::taken_in(before, after))
    else {
        return;
    };
    let (sent, taken) = (sent[0].saturating_add(sent[1]), taken[0].saturating_add(taken[1]));
    if taken > sent.saturating_add(stray(taken)) {
        findings.push(Finding::note(format!(
            "the NIC took in {taken} packets by itself and sent {sent} on: it lost {}",
            taken - sent
        )));
    }
}
