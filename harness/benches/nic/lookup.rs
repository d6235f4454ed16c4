//! The table: what it takes to put rules in, what a lookup costs among them, and what happens when it is full.

use std::time::Duration;

use flowgauge::generators::Generator;
use flowgauge_scenarios::Datapath;

use super::card::fill;
use super::figures::Repeats;
use super::guest::{Clock, Guest, Outcome, delivered_pps, traffic};

const SIZES: [u64; 3] = [128, 10_000, 1_000_000];
const FLOWS: u32 = 64;
const MANY_FLOWS: u32 = 10_000;
const TRIALS: usize = 3;
/// Insertion is timed in steps of so many.
const STEP: u64 = 250_000;

/// The cost of a lookup and the forwarding rate at each size. A new rule goes in at the head of its bucket, so flows as
/// old as the table have the longest way to theirs, and flows that came last the shortest: both are measured, on the way
/// up and on the way down, and flows in plenty on the way.
pub(crate) fn by_table_size(guest: &mut Guest, clock: Clock) -> Outcome<()> {
    let (unit, drive) = match clock {
        Clock::Wall => ("ns", Duration::from_millis(300)),
        Clock::Instructions => ("instructions", Duration::from_millis(40)),
    };
    println!("\n| rules in the table | flows | {unit} per lookup and rewrite | forwarded kpps |");
    println!("|---|---|---|---|");
    guest.apply(Datapath::FlowtableHw)?;
    guest.open(FLOWS, 0)?;
    let (mut insert, mut rule_bytes) = (Repeats::default(), 0);
    for size in SIZES {
        while guest.counters.read()?.sum("rules") < size {
            let others = guest.counters.read()?.sum("rules") - 2 * u64::from(FLOWS);
            let filled = fill((others + STEP).min(size - 2 * u64::from(FLOWS)))?;
            rule_bytes = filled.rule_bytes;
            insert.0.push(filled.insert_ns as f64 / filled.inserted.max(1) as f64);
        }
        measure(guest, (size, FLOWS, "64, opened first"), drive, clock)?;
    }
    let limit = if clock == Clock::Wall { at_the_limit(guest)? } else { String::new() };
    let mut reopen = |(size, flows, name)| {
        guest.witnesses.forget_connections()?;
        let others = size - 2 * u64::from(flows);
        fill(others)?;
        guest.wait_for_rules(others)?;
        guest.open(flows, others)?;
        measure(guest, (size, flows, name), drive, clock)
    };
    reopen((SIZES[2], MANY_FLOWS, "10,000, opened last"))?;
    for size in SIZES.into_iter().rev() {
        reopen((size, FLOWS, "64, opened last"))?;
    }
    // A single flow: one rule for each direction.
    reopen((2, 1, "1"))?;
    println!(
        "\nInsertion in the driver: {insert} {unit} a rule. A rule of a routed flow takes {rule_bytes} bytes, a million of \
         them {} MiB.",
        (rule_bytes * SIZES[2]) >> 20
    );
    if clock == Clock::Wall {
        println!("{limit}");
    }
    Ok(())
}

/// A row of the table: `flows` flows among `size` rules.
fn measure(guest: &mut Guest, row: (u64, u32, &str), drive: Duration, clock: Clock) -> Outcome<()> {
    let (size, flows, name) = row;
    let (mut lookup, mut kpps) = (Repeats::default(), Repeats::default());
    for _ in 0..TRIALS {
        let before = guest.counters.read()?;
        let report = guest.drive(flows, drive)?;
        let after = guest.counters.read()?;
        let since = |name| after.lan_since(&before, name);
        let (lookups, hits) = (since("lookups"), since("lookup_hits"));
        if lookups == 0 || hits != report.sent || lookups > hits + hits / 1000 || after.sum("rules") != size {
            let rules = after.sum("rules");
            return Err(
                format!("{row:?}: {lookups} lookups, {hits} hits of {} frames, {rules} rules", report.sent).into()
            );
        }
        lookup.0.push(since("lookup_ns") as f64 / lookups as f64);
        kpps.0.push(delivered_pps(&report) / 1e3);
    }
    let rate = if clock == Clock::Wall { kpps.to_string() } else { "-".to_owned() };
    println!("| {size} | {name} | {lookup} | {rate} |");
    Ok(())
}

/// More than the table has room for: insertion ends with ENOSPC, and flows that come then stay in software.
fn at_the_limit(guest: &mut Guest) -> Outcome<String> {
    guest.witnesses.forget_connections()?;
    guest.wait_for_rules(SIZES[2] - 2 * u64::from(FLOWS))?;
    let room = guest.counters.read()?.sum("table_size") / 2;
    let filled = fill(2 * room)?;
    if !filled.full || filled.rules != room {
        return Err(format!("{} rules fit into a table of {room}, full: {}", filled.rules, filled.full).into());
    }
    let before = guest.counters.read()?;
    guest.engine.open(&traffic(FLOWS))?;
    let report = guest.drive(FLOWS, Duration::from_millis(300))?;
    let after = guest.counters.read()?;
    let refused = after.sum("rules_refused") - before.sum("rules_refused");
    let hardware = after.lan_since(&before, "hw_rx_packets");
    let cpu = after.lan_since(&before, "cpu_rx_packets");
    let told = format!(
        "\nTable size reached: {} (table_size {room}), then ENOSPC. {FLOWS} flows opened on the full table: \
         {refused} rules refused and counted, {hardware} frames by hardware, {cpu} by the CPU, {} of {} sent \
         delivered at {:.0} kpps.",
        filled.rules,
        report.received,
        report.sent,
        delivered_pps(&report) / 1e3
    );
    if hardware != 0 || refused < u64::from(FLOWS) || cpu < report.sent {
        return Err("flows beyond the table's size were not all refused and forwarded in software".into());
    }
    Ok(told)
}
