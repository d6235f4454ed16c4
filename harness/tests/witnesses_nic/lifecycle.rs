//! The end of rules in hardware: by age, by deletion, with their ruleset; and what is seen where a card forgets it.
//!
//! Each case is first measured on the sound card: how long the end takes there is how long the faulty card is watched.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use flowgauge_reports::observation::Observation;
use flowgauge_scenarios::{Datapath, Fault};
use flowgauge_topologies::features;
use libtest_mimic::Failed;

use super::{Bench, FLOWS, Outcome, check, seen};

/// How long a flow may be idle, in seconds; the kernel looks once a second.
const IDLE_S: u32 = 2;
const PATIENCE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(50);
/// One for each direction.
const RULES: u64 = 2 * FLOWS as u64;

/// New flows in hardware that may be idle for [`IDLE_S`] only: net.netfilter.nf_flowtable_udp_timeout, which the testbed
/// sets for every new ruleset.
fn soon_idle(bench: &mut Bench, faults: &[(Fault, u32)]) -> Outcome {
    bench.put(Datapath::FlowtableHw, faults)?;
    let write = || fs::write("/proc/sys/net/netfilter/nf_flowtable_udp_timeout", IDLE_S.to_string());
    bench.bed.dut.netns.run(write)??;
    let busy = bench.offer()?;
    check(held(&busy.after)? == RULES, &busy.after.driver)
}

/// What the driver says it holds.
fn held(observation: &Observation) -> Result<u64, Failed> {
    let driver = seen("driver", &observation.driver)?;
    let of = |port: &flowgauge_reports::observation::DriverPort| port.counters.get("rules").copied();
    Ok(of(&driver.lan).zip(of(&driver.wan)).map(|(lan, wan)| lan + wan).ok_or(format!("no gauge: {driver:?}"))?)
}

/// Waits for the table to be empty. Returns how long that took.
fn emptied(bench: &mut Bench) -> Result<Duration, Failed> {
    let started = Instant::now();
    while held(&bench.witnesses.observe())? > 0 {
        check(started.elapsed() < PATIENCE, "rules are still in the table")?;
        sleep(POLL);
    }
    check(bench.card.rules()?.is_empty(), "the gauge and the table differ")?;
    Ok(started.elapsed())
}

/// All rules stay, for more than twice as long as a sound card took to lose them.
fn stays_full(bench: &mut Bench, sound: Duration) -> Result<Observation, Failed> {
    let started = Instant::now();
    loop {
        let observation = bench.witnesses.observe();
        check((held(&observation)?, bench.card.rules()?.len() as u64) == (RULES, RULES), held(&observation)?)?;
        if started.elapsed() > 2 * sound + Duration::from_secs(1) {
            return Ok(observation);
        }
        sleep(POLL);
    }
}

pub(super) fn idle_flows(bench: &mut Bench) -> Outcome {
    soon_idle(bench, &[])?;
    let sound = emptied(bench)?;
    println!("  idle for {IDLE_S} s: gone after {sound:?}");
    check(seen("conntrack", &bench.witnesses.observe().conntrack)?.hw_offload == 0, "still marked")?;

    soon_idle(bench, &[(Fault::NoAging, 1)])?;
    let idle = stays_full(bench, sound)?;
    let marked = seen("conntrack", &idle.conntrack)?.hw_offload;
    check(marked == u64::from(FLOWS), ("the kernel believes the card", marked))?;
    // It believes the next answer as well.
    bench.card.set_faults(&[].into())?;
    println!("  mended: gone after {:?}", emptied(bench)?);
    Ok(())
}

pub(super) fn deleted_flows(bench: &mut Bench) -> Outcome {
    bench.drive(Datapath::FlowtableHw, &[])?;
    bench.witnesses.forget_connections()?;
    let sound = emptied(bench)?;
    println!("  deleted: gone after {sound:?}");
    // The same flows are new to the card: each begins in software.
    let again = bench.offer()?;
    let (cpu, hardware) = again.shares()?;
    println!("  {cpu} packets by the CPU, {hardware} by hardware");
    check(again.onsets.iter().all(|onset| onset.software_packets > 0), &again.onsets)?;

    bench.drive(Datapath::FlowtableHw, &[(Fault::StaleAfterDelete, 1)])?;
    bench.witnesses.forget_connections()?;
    stays_full(bench, sound)?;
    // No packet reaches the CPU, no connection is known, nothing is marked; yet every packet arrives, by hardware.
    let again = bench.offer()?;
    check(again.shares()? == (0, again.report.sent), again.shares()?)?;
    let table = seen("conntrack", &again.after.conntrack)?;
    check((table.entries, table.hw_offload) == (0, 0), table)?;
    check(held(&again.after)? == RULES, &again.after.driver)
}

pub(super) fn leaked_rules(bench: &mut Bench) -> Outcome {
    let leak = [(Fault::LeakAtUnbind, 1)];
    bench.drive(Datapath::FlowtableHw, &leak)?;
    let after = bench.drive(Datapath::Conntrack, &leak)?;
    check(after.shares()? == (0, after.report.sent) && held(&after.before)? == RULES, after.shares()?)?;

    let dut = &bench.bed.dut;
    for (port, left) in [(&dut.lan, FLOWS as usize), (&dut.wan, 0)] {
        let switch = |on| features::set(&port.name, &[("hw-tc-offload".to_owned(), on)].into());
        dut.netns.run(|| switch(false).and_then(|()| switch(true)))??;
        let rules = bench.card.rules()?;
        check(rules.len() == left && rules.iter().all(|rule| rule.ingress != port.name), &rules)?;
    }
    let sound = bench.offer()?;
    check(sound.shares()? == (sound.report.sent, 0) && held(&sound.after)? == 0, sound.shares()?)
}
