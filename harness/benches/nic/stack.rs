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
const INSERTIONS: usize = 3;
const REPEATS: usize = 3;
const TRIAL: Duration = Duration::from_millis(1500);
/// The unit of /proc/stat (USER_HZ is 100).
const TICK_NS: f64 = 10_000_000.0;

/// Rules as users bring them: flows of a flowtable, and a netdev chain in one transaction.
pub(crate) fn insertion(guest: &mut Guest) -> Outcome<()> {
    println!(
        "\n| rules brought by the kernel | rules | ms until all are in | rules/s between the first and the last |"
    );
    println!("|---|---|---|---|");
    let (mut took, mut rate) = (Repeats::default(), Repeats::default());
    for _ in 0..INSERTIONS {
        guest.apply(Datapath::FlowtableHw)?;
        let began = Instant::now();
        guest.engine.open(&traffic(FLOWS))?;
        guest.wait_for_rules(2 * u64::from(FLOWS))?;
        took.0.push(began.elapsed().as_secs_f64() * 1e3);
        rate.0.push(rules_per_second()?);
    }
    println!("| flowtable, by opening flows | {} | {took} | {rate} |", 2 * FLOWS);
    let (mut took, mut rate) = (Repeats::default(), Repeats::default());
    for _ in 0..INSERTIONS {
        nft::remove(&guest.bed.dut.netns)?;
        guest.wait_for_rules(0)?;
        let text = chain(&guest.bed.dut.lan.name, RULES);
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
fn chain(port: &str, rules: u32) -> String {
    let rules: String =
        (0..rules).map(|n| format!("\t\tip saddr 10.0.{}.{} udp dport 9 counter drop\n", n / 256, n % 256)).collect();
    format!(
        "table netdev {TABLE} {{\n\tchain lan {{\n\t\ttype filter hook ingress device \"{port}\" priority 10; flags \
         offload; policy accept;\n{rules}\t}}\n}}\n"
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
            spent.measure(guest, *datapath)?;
        }
    }
    println!(
        "\n| datapath | frames | of them seen by the CPU | runs of NET_RX | softirq ms a trial | ns per frame | one tick: ns \
         per frame of a trial | softirq of an idle second, ms |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for (datapath, spent) in &rows {
        let frames = spent.frames.0.iter().sum::<f64>();
        let resolution = TICK_NS * REPEATS as f64 / frames;
        let name = datapath.name();
        println!(
            "| {name} | {frames:.0} | {} | {} | {} | {} | {resolution:.1} | {} |",
            spent.cpu_frames, spent.net_rx, spent.softirq_ms, spent.per_frame, spent.idle_ms
        );
    }
    let [hardware, conntrack] = rows.map(|(_, spent)| spent);
    let frames = hardware.frames.0.iter().sum::<f64>();
    let all_ms = hardware.softirq_ms.0.iter().sum::<f64>();
    let idle_ms = hardware.idle_ms.0.iter().sum::<f64>() * TRIAL.as_secs_f64();
    let bound_ns = (all_ms * 1e6 + TICK_NS) / frames;
    println!(
        "\nHardware: {all_ms:.0} ms of softirq in {frames:.0} frames, {idle_ms:.0} ms expected of as long an idle time; \
         with the tick that may be missing at most {bound_ns:.0} ns per frame, {:.1} % of conntrack's median.",
        100.0 * bound_ns / conntrack.per_frame.median()
    );
    Ok(())
}

#[derive(Default)]
struct Spent {
    frames: Repeats,
    softirq_ms: Repeats,
    per_frame: Repeats,
    idle_ms: Repeats,
    cpu_frames: u64,
    net_rx: u64,
}

impl Spent {
    fn measure(&mut self, guest: &mut Guest, datapath: Datapath) -> Outcome<()> {
        let started = softirq_ns(guest)?;
        std::thread::sleep(Duration::from_secs(1));
        let (before, net_rx, counters) = (softirq_ns(guest)?, net_rx()?, guest.counters.read()?);
        let report = guest.drive(64, TRIAL)?;
        let after = softirq_ns(guest)?;
        self.net_rx += self::net_rx()? - net_rx;
        let cpu_frames = guest.counters.read()?.lan_since(&counters, "cpu_rx_packets");
        if datapath == Datapath::FlowtableHw && cpu_frames > report.sent / 1000 {
            return Err(format!("{cpu_frames} of {} frames were not forwarded by the hardware", report.sent).into());
        }
        self.cpu_frames += cpu_frames;
        self.idle_ms.0.push((before - started) / 1e6);
        self.frames.0.push(report.received as f64);
        self.softirq_ms.0.push((after - before) / 1e6);
        self.per_frame.0.push((after - before) / report.received.max(1) as f64);
        Ok(())
    }
}

/// How often the stack's receive softirq ran, on all CPUs; testers' threads do not count here.
fn net_rx() -> Outcome<u64> {
    let text = std::fs::read_to_string("/proc/softirqs")?;
    let line =
        text.lines().find_map(|line| line.trim().strip_prefix("NET_RX:")).ok_or("no NET_RX in /proc/softirqs")?;
    Ok(line.split_whitespace().map(str::parse::<u64>).sum::<Result<u64, _>>()?)
}

fn softirq_ns(guest: &mut Guest) -> Outcome<f64> {
    Ok(guest.witnesses.cpu()?.cpus.iter().map(|cpu| cpu.softirq_ns).sum::<u64>() as f64)
}
