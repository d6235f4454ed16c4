//! A bare forwarder in the guest: the kernel's generator before the receive path of one dummy port, the route to another.

use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use flowgauge_reports::profile::{Difference, Profile, Side, Stage, cost_table, difference_table};
use flowgauge_reports::table::Style;
use libtest_mimic::Failed;

use crate::{Outcome, check, loads, sampled};

const PACKETS: u64 = 20_000;
const CONNTRACK: &str = "table inet bare {
    chain forward {
        type filter hook forward priority 0
        ct state established,related counter accept
        counter accept
    }
}";
const FLOWTABLE: &str = "table inet bare {
    flowtable fast {
        hook ingress priority 0
        devices = { lan, wan }
    }
    chain forward {
        type filter hook forward priority 0
        ct state established flow add @fast
        accept
    }
}";

/// Stacks of the way of a packet, and the instructions that it took.
struct Way {
    profile: Profile,
    per_packet: f64,
}

/// Forward, conntrack and flowtable on one forwarder: what the differences name.
pub(super) fn datapaths() -> Outcome {
    build()?;
    let forward = drive("forward", "flush ruleset")?;
    let conntrack = drive("conntrack", CONNTRACK)?;
    let flowtable = drive("flowtable", FLOWTABLE)?;
    run("nft", &["flush", "ruleset"], "")?;

    let difference = between(("forward", &forward), ("conntrack", &conntrack));
    named(&difference, "nf_conntrack_in", 50.0)?;
    named(&difference, "nft_do_chain", 50.0)?;
    stage(&difference, Stage::Conntrack, 300.0)?;
    stage(&difference, Stage::Nft, 200.0)?;
    steady(&difference)?;
    check(difference.in_all() > 1_000.0, difference.in_all())?;

    let difference = between(("conntrack", &conntrack), ("flowtable", &flowtable));
    named(&difference, "nf_flow_offload_ip_hook", 50.0)?;
    named(&difference, "nf_conntrack_in", -50.0)?;
    named(&difference, "ip_forward", -10.0)?;
    stage(&difference, Stage::Flowtable, 200.0)?;
    stage(&difference, Stage::Conntrack, -300.0)?;
    steady(&difference)?;
    check(difference.in_all() < -1_000.0, difference.in_all())?;
    for way in [&forward, &conntrack, &flowtable] {
        let other =
            way.profile.costs(1.0).stages.iter().find(|s| s.stage == Stage::Other).map_or(0.0, |s| s.per_packet);
        check(other < 0.05, other)?;
    }
    Ok(())
}

fn between(base: (&str, &Way), new: (&str, &Way)) -> Difference {
    let side = |(label, way): (&str, &Way)| Side::new(label, &way.profile, way.per_packet);
    let difference = Difference::between(&side(base), &side(new));
    print!("{}", difference_table(&difference, 12, Style::default()));
    difference
}

/// Whether a function is among the clear differences, and by at least so much, up or down.
fn named(difference: &Difference, function: &str, least: f64) -> Outcome {
    let change = difference.functions.iter().find(|change| change.frame.function == function);
    let change = change.ok_or_else(|| format!("{function} is not seen"))?;
    check(change.is_clear() && change.difference() / least >= 1.0, change)
}

fn stage(difference: &Difference, stage: Stage, least: f64) -> Outcome {
    let change = difference.stages.iter().find(|change| change.stage == stage);
    let change = change.ok_or_else(|| format!("{} is not seen", stage.name()))?;
    check((change.new - change.base) / least >= 1.0, change)
}

/// The generator does the same on each datapath, so it must cost the same: a sampler that keeps step with the packets
/// meets it too often on one and too seldom on another.
fn steady(difference: &Difference) -> Outcome {
    let generator = difference.stages.iter().find(|s| s.stage == Stage::Generator).ok_or("no generator")?;
    // Twice the margin: four standard deviations.
    check((generator.new - generator.base).abs() < 2.0 * generator.margin, generator)
}

fn build() -> Outcome {
    let port = |name: &str, mac: &str, address: &str| -> Outcome {
        run("ip", &["link", "add", name, "address", mac, "type", "dummy"], "")?;
        run("ip", &["address", "add", address, "dev", name], "")?;
        run("ip", &["link", "set", name, "up"], "")
    };
    port("lan", "02:00:00:00:00:01", "198.18.0.1/24")?;
    port("wan", "02:00:00:00:00:02", "198.19.0.1/24")?;
    for (port, host) in [("lan", "198.18.0.2"), ("wan", "198.19.0.2")] {
        run("ip", &["neigh", "add", host, "lladdr", "02:00:00:00:00:09", "dev", port, "nud", "permanent"], "")?;
        fs::write(format!("/proc/sys/net/ipv4/conf/{port}/rp_filter"), "0")?;
    }
    Ok(fs::write("/proc/sys/net/ipv4/ip_forward", "1")?)
}

fn drive(name: &str, ruleset: &str) -> Result<Way, Failed> {
    run("nft", &["-f", "-"], &format!("flush ruleset\n{ruleset}\n"))?;
    // A flow is known, and offloaded, when both sides have spoken.
    for _ in 0..2 {
        loads::forward("lan", 2)?;
        loads::forward("wan", 2)?;
    }
    // Sampling takes instructions of its own, so the cost is that of a run without.
    let took = loads::forward("lan", PACKETS)?;
    let per_packet = took.as_nanos() as f64 / PACKETS as f64;
    let (profile, _) = sampled(|| loads::forward("lan", PACKETS).map(drop))?;
    println!("profile {name} {}", serde_json::to_string(&profile)?);
    let profile = profile.within("pktgen_thread_worker");
    println!("{name}");
    print!("{}", cost_table(&profile.costs(per_packet), 12, Style::default()));
    Ok(Way { profile, per_packet })
}

/// Runs a program of the host's to its end.
fn run(program: &str, arguments: &[&str], input: &str) -> Outcome {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(|e| format!("run {program}: {e}"))?;
    child.stdin.take().ok_or("no stdin")?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    check(output.status.success(), format!("{program} {arguments:?}: {said}"))
}
