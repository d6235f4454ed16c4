//! The table: what it takes to put rules in, what a lookup costs among them, and what happens when it is full.

use std::time::Duration;

use flowgauge::generators::Generator;
use flowgauge_scenarios::Datapath;

use super::card::fill;
use super::figures::Repeats;
use super::guest::{Clock, Guest, Outcome, delivered_pps, traffic};

/// Rules in all. The flows' own are the fewest there can be: one of 64 for each direction.
const SIZES: [u64; 3] = [128, 10_000, 1_000_000];
const FLOWS: u32 = 64;
const MANY_FLOWS: u32 = 10_000;

/// The cost of a lookup and the forwarding rate at each size, in blocks of all sizes; then with as many flows as there
/// are rules, so that each lookup finds another one.
pub(crate) fn by_table_size(guest: &mut Guest, clock: Clock) -> Outcome<()> {
    let (unit, blocks, drive) = match clock {
        Clock::Wall => ("ns", 3, Duration::from_millis(400)),
        Clock::Instructions => ("instructions", 3, Duration::from_millis(60)),
    };
    let mut rows: Vec<_> = SIZES.iter().map(|&size| (size, FLOWS, Row::default())).collect();
    rows.extend([(20_000, MANY_FLOWS, Row::default()), (1_000_000, MANY_FLOWS, Row::default())]);
    let mut rule_bytes = 0;
    guest.apply(Datapath::FlowtableHw)?;
    for _ in 0..blocks {
        for (size, flows, row) in &mut rows {
            if *flows == MANY_FLOWS && clock == Clock::Instructions {
                continue;
            }
            // The flows of the row before may differ, and so do their rules.
            guest.witnesses.forget_connections()?;
            let others = *size - 2 * u64::from(*flows);
            let filled = fill(others)?;
            rule_bytes = filled.rule_bytes;
            if filled.inserted >= 1000 {
                row.insert.0.push(filled.insert_ns as f64 / filled.inserted as f64);
            }
            guest.wait_for_rules(others)?;
            guest.open(*flows, others)?;
            measure(guest, *flows, drive, row)?;
        }
    }
    println!(
        "\n| rules in the table | flows | {unit} per insertion | {unit} per lookup and rewrite | forwarded kpps |"
    );
    println!("|---|---|---|---|---|");
    for (size, flows, row) in rows.iter().filter(|(_, _, row)| !row.lookup.0.is_empty()) {
        let insert = if row.insert.0.is_empty() { "-".to_owned() } else { row.insert.to_string() };
        let rate = if clock == Clock::Wall { row.kpps.to_string() } else { "-".to_owned() };
        println!("| {size} | {flows} | {insert} | {} | {rate} |", row.lookup);
    }
    if let Some((_, _, row)) = rows.get(2).filter(|_| clock == Clock::Wall) {
        let (per_second, mib) = (1e9 / row.insert.median(), (rule_bytes * 1_000_000) >> 20);
        println!(
            "\nInsertion at 1,000,000: {per_second:.0} rules/s; a rule takes {rule_bytes} bytes, a million {mib} MiB."
        );
    }
    Ok(())
}

#[derive(Default)]
struct Row {
    insert: Repeats,
    lookup: Repeats,
    kpps: Repeats,
}

fn measure(guest: &mut Guest, flows: u32, drive: Duration, row: &mut Row) -> Outcome<()> {
    let before = guest.counters.read()?;
    let report = guest.drive(flows, drive)?;
    let after = guest.counters.read()?;
    let since = |name| after.lan_since(&before, name);
    let (lookups, hits) = (since("lookups"), since("lookup_hits"));
    if lookups == 0 || hits != report.sent || lookups > hits + hits / 1000 {
        return Err(format!("{flows} flows: {lookups} lookups and {hits} hits of {} frames", report.sent).into());
    }
    row.lookup.0.push(since("lookup_ns") as f64 / lookups as f64);
    row.kpps.0.push(delivered_pps(&report) / 1e3);
    Ok(())
}

/// More than the table has room for: insertion ends with ENOSPC, and flows that come then stay in software.
pub(crate) fn at_the_limit(guest: &mut Guest) -> Outcome<()> {
    guest.apply(Datapath::FlowtableHw)?;
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
    println!(
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
    Ok(())
}
