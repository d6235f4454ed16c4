//! Each datapath of hardware, sound and with a fault, and the software one.

use super::*;

fn flags(flowtable: Option<bool>, chains: &[&str]) -> OffloadFlags {
    let devices = if flowtable.is_some() { vec!["nic0".to_owned(), "nic1".to_owned()] } else { Vec::new() };
    OffloadFlags { flowtable, devices, chains: chains.iter().map(|chain| ((*chain).to_owned(), true)).collect() }
}

pub(super) fn hardware_flowtable(bench: &mut Bench) -> Outcome {
    let driven = bench.drive(Datapath::FlowtableHw, &[])?;
    let (cpu, hardware) = driven.shares()?;
    println!("  {cpu} packets by the CPU, {hardware} by hardware, first hits {:?}", driven.hits());
    check(driven.hits().len() == FLOWS as usize && hardware > cpu, &driven.onsets)?;
    // Once in hardware, a flow stays there.
    check(driven.onsets.iter().map(|onset| onset.software_packets).sum::<u64>() == cpu, &driven.onsets)?;
    check(seen("conntrack", &driven.after.conntrack)?.hw_offload == u64::from(FLOWS), &driven.after.conntrack)?;
    let in_force = seen("flags", &driven.after.flags)?.clone();
    check(in_force == flags(Some(true), &[]), &in_force)?;
    let listing = nft::list_everything(&bench.bed.dut.netns)?.text;
    check(offload_flags_of_text(&listing) == in_force, &listing)?;
    check(driven.after.netdev_rules == Reading::Absent, &driven.after.netdev_rules)?;

    let rules = bench.card.rules()?;
    let upstream: Vec<_> = rules.iter().filter(|rule| rule.ingress == "nic0").collect();
    check(upstream.len() == FLOWS as usize && rules.len() == 2 * upstream.len(), rules.len())?;
    check(upstream.iter().all(|r| r.kind == RuleKind::Flowtable && r.egress.as_deref() == Some("nic1")), &upstream)?;
    check(upstream.iter().all(|r| r.first_hit_us.is_some_and(|hit| hit >= r.installed_us)), &upstream)?;
    let count = upstream.iter().fold((0, 0), |sum, r| (sum.0 + r.count.packets, sum.1 + r.count.bytes));
    check(count == (hardware, hardware * L3_BYTES), count)
}

pub(super) fn slow_card(bench: &mut Bench) -> Outcome {
    let driven = bench.drive(Datapath::FlowtableHw, &[(Fault::InstallDelayMs, 100)])?;
    let (cpu, _) = driven.shares()?;
    let hits = driven.hits();
    println!("  {cpu} packets by the CPU, first hits {hits:?}");
    // A stamp is that of the frame's batch: under emulation a frame may cross the cable some milliseconds later.
    check(hits.len() == FLOWS as usize && hits[0] >= 80_000_000, &hits)?;
    check(driven.onsets.iter().all(|onset| onset.software_packets >= 8), &driven.onsets)
}

pub(super) fn refused_direction(bench: &mut Bench) -> Outcome {
    let driven = bench.drive(Datapath::FlowtableHw, &[(Fault::RefuseDirection, 1)])?;
    let (cpu, hardware) = driven.shares()?;
    check((cpu, hardware) == (driven.report.sent, 0) && driven.hits().is_empty(), (cpu, hardware))?;
    check(bench.card.rules()?.iter().all(|rule| rule.ingress == "nic1"), bench.card.rules()?)?;
    // What conntrack claims is another matter: one direction is enough for it.
    check(seen("conntrack", &driven.after.conntrack)?.hw_offload > 0, &driven.after.conntrack)
}

pub(super) fn hardware_chain(bench: &mut Bench) -> Outcome {
    let driven = bench.drive(Datapath::NetdevHw, &[])?;
    let (cpu, hardware) = driven.shares()?;
    check((cpu, hardware) == (0, driven.report.sent), (cpu, hardware))?;
    check(driven.onsets.iter().all(|onset| onset.first_hit_ns == Some(0)), &driven.onsets)?;
    check(*seen("flags", &driven.after.flags)? == flags(None, &["lan", "wan"]), &driven.after.flags)?;
    let expected = Count { packets: hardware, bytes: hardware * L3_BYTES };
    check(seen("netdev_rules", &driven.after.netdev_rules)?.upstream == expected, &driven.after.netdev_rules)?;
    // Each dump asks the hardware again, and adds only what is new.
    check(bench.witnesses.observe().netdev_rules == driven.after.netdev_rules, "a second dump")?;
    check(seen("rules", &driven.after.rules)?.upstream == Count::default(), &driven.after.rules)
}

pub(super) fn software_flowtable(bench: &mut Bench) -> Outcome {
    let driven = bench.drive(Datapath::Flowtable, &[])?;
    let (cpu, hardware) = driven.shares()?;
    check((cpu, hardware) == (driven.report.sent, 0) && driven.hits().is_empty(), (cpu, hardware))?;
    check(*seen("flags", &driven.after.flags)? == flags(Some(false), &[]), &driven.after.flags)?;
    let table = seen("conntrack", &driven.after.conntrack)?;
    check((table.offload, table.hw_offload) == (u64::from(FLOWS), 0), table)
}
