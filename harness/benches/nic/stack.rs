//! The kernel's side: how fast it brings rules to the card, and what its stack spends on a packet.

use std::time::{Duration, Instant};

use flowgauge::generators::Generator;
use flowgauge::nft;
use flowgauge::reference_nic::ReferenceNic;
use flowgauge_scenarios::Datapath;
use flowgauge_scenarios::ruleset::TABLE;

use super::figures::Repeats;
use super::guest::{Guest, Outcome, traffic};

const FLOWS: u32 = 10_000;
const RULES: u32 = 1_000;
const REPEATS: usize = 3;
/// The unit of /proc/stat (USER_HZ is 100).
const TICK_NS: f64 = 10_000_000.0;

/// Rules as users bring them: flows of a flowtable, and a netdev chain in one transaction.
pub(crate) fn insertion(guest: &mut Guest) -> Outcome<()> {
    println!(
        "\n| rules brought by the kernel | rules | ms until all are in | rules/s between the first and the last |"
    );
    println!("|---|---|---|---|");
    let (mut took, mut rate) = (Repeats::default(), Repeats::default());
    for _ in 0..REPEATS {
        guest.apply(Datapath::FlowtableHw)?;
        let began = Instant::now();
        guest.engine.open(&traffic(FLOWS))?;
        guest.wait_for_rules(2 * u64::from(FLOWS))?;
        took.0.push(began.elapsed().as_secs_f64() * 1e3);
        rate.0.push(rules_per_second()?);
    }
    println!("| flowtable, by opening flows | {} | {took} | {rate} |", 2 * FLOWS);
    let (mut took, mut rate) = (Repeats::default(), Repeats::default());
    for _ in 0..REPEATS {
        nft::remove(&guest.bed.dut.netns)?;
        guest.wait_for_rules(0)?;
        let text = chain(&guest.bed.dut.lan.name);
        let began = Instant::now();
        nft::apply(&guest.bed.dut.netns, &text)?;
        took.0.push(began.elapsed().as_secs_f64() * 1e3);
        guest.wait_for_rules(u64::from(RULES))?;
        rate.0.push(rules_per_second()?);
    }
    println!("| netdev chain, one transaction of nft | {RULES} | {took} | {rate} |");
    Ok(())
}

/// Priorities below 1 are not offloaded (nft_chain_offload_priority() in net/netfilter/nf_tables_offload.c).
fn chain(port: &str) -> String {
    let rules: String = (0..RULES)
        .map(|n| format!("ip saddr 10.0.{}.{} ip daddr 10.1.0.1 udp dport 9 drop\n", n / 256, n % 256))
        .collect();
    format!(
        "table netdev {TABLE} {{\nchain lan {{\ntype filter hook ingress device \"{port}\" priority 1; flags offload;\n\
         {rules}}}\n}}\n"
    )
}

/// By the driver's own stamps on the rules.
fn rules_per_second() -> Outcome<f64> {
    let rules = ReferenceNic::find()?.rules()?;
    let times = || rules.iter().map(|rule| rule.installed_us);
    let (Some(first), Some(last)) = (times().min(), times().max()) else { return Err("no rule in the table".into()) };
    Ok((rules.len() - 1) as f64 * 1e6 / (last - first).max(1) as f64)
}

/// Soft interrupt time per forwarded packet, hardware and conntrack in turn. The testers receive in threads, so that all
/// of it is the DUT's.
pub(crate) fn softirq(guest: &mut Guest) -> Outcome<()> {
    let mut rows = [(Datapath::FlowtableHw, Spent::default()), (Datapath::Conntrack, Spent::default())];
    for _ in 0..REPEATS {
        for (datapath, spent) in &mut rows {
            guest.apply(*datapath)?;
            guest.engine.open(&traffic(64))?;
            if *datapath == Datapath::FlowtableHw {
                guest.wait_for_rules(128)?;
            }
            spent.measure(guest)?;
        }
    }
    println!(
        "\n| datapath | frames | softirq ms | ns per frame | resolution: ns per frame | softirq of an idle second, ms |"
    );
    println!("|---|---|---|---|---|---|");
    for (datapath, spent) in &rows {
        let frames = spent.frames.0.iter().sum::<f64>();
        let resolution = TICK_NS * REPEATS as f64 / frames;
        let name = datapath.name();
        println!(
            "| {name} | {frames:.0} | {} | {} | {resolution:.1} | {} |",
            spent.softirq_ms, spent.per_frame, spent.idle_ms
        );
    }
    let [hardware, conntrack] = &rows;
    let share = hardware.1.per_frame.median() / conntrack.1.per_frame.median();
    println!("\nA hardware-forwarded packet takes {:.1} % of the softirq time of a conntrack one.", share * 100.0);
    Ok(())
}

#[derive(Default)]
struct Spent {
    frames: Repeats,
    softirq_ms: Repeats,
    per_frame: Repeats,
    idle_ms: Repeats,
}

impl Spent {
    fn measure(&mut self, guest: &mut Guest) -> Outcome<()> {
        let started = softirq_ns(guest)?;
        std::thread::sleep(Duration::from_secs(1));
        let before = softirq_ns(guest)?;
        let report = guest.drive(64, Duration::from_secs(2))?;
        let after = softirq_ns(guest)?;
        self.idle_ms.0.push((before - started) / 1e6);
        self.frames.0.push(report.received as f64);
        self.softirq_ms.0.push((after - before) / 1e6);
        self.per_frame.0.push((after - before) / report.received.max(1) as f64);
        Ok(())
    }
}

fn softirq_ns(guest: &mut Guest) -> Outcome<f64> {
    Ok(guest.witnesses.cpu()?.cpus.iter().map(|cpu| cpu.softirq_ns).sum::<u64>() as f64)
}
