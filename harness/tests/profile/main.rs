//! The sampler in a VM under the instruction clock, for real: needs qemu-system-x86_64, and apt or a filled cache. This
//! test's own binary is the guest's init and its worker.
//!
//! `FLOWGAUGE_KEEP_PROFILES=DIR` keeps what was sampled of a packet's way.

mod bare;
mod loads;

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use flowgauge::profile::Sampler;
use flowgauge_reports::profile::{Profile, Stage};
use flowgauge_topologies::guest_test::{self, Outcome, check};
use flowgauge_topologies::kernel::{cache_dir, debian};
use flowgauge_topologies::vm::Accel;
use libtest_mimic::{Failed, Trial};

const ENOUGH: Duration = Duration::from_secs(120);
const PERIOD_NS: u64 = 20_000;

fn main() -> ExitCode {
    let of = |version: &'static str| {
        Trial::test(format!("the_kernel_is_sampled_in_debian_{version}"), move || in_a_guest(version))
    };
    guest_test::main(|| guest_test::worker(&CASES, |case| case()), ["6.1", "6.12", "newest"].map(of).into())
}

type Case = fn() -> Outcome;

const CASES: [(&str, Case); 6] = [
    ("a known function is found", known_function),
    ("user space is left out", user_space),
    ("a module and the stages of a packet are named", packets),
    ("the difference of two datapaths is named", bare::datapaths),
    ("the same again gives the same shares", repeats),
    ("what finds no room is counted", no_room),
];

fn in_a_guest(version: &str) -> Outcome {
    let version = version.parse().map_err(|()| "no version")?;
    let image = debian::fetch(version, &cache_dir()?, &|_| ())?;
    let mut options = guest_test::options(&format!("profile-{version}"))?;
    (options.accel, options.cpus) = (Accel::Instructions, 1);
    guest_test::follow(&image, options, &CASES, ENOUGH, |line| {
        let Some((name, json)) = line.strip_prefix("profile ").and_then(|rest| rest.split_once(' ')) else {
            return guest_test::show(line);
        };
        if let Some(folder) = std::env::var_os("FLOWGAUGE_KEEP_PROFILES") {
            std::fs::write(Path::new(&folder).join(format!("{version}-{name}.json")), json)?;
        }
        Ok(())
    })
}

/// What was sampled while something ran, and how long that took.
fn sampled(load: impl FnOnce() -> Outcome) -> Result<(Profile, Duration), Failed> {
    let sampler = Sampler::start(PERIOD_NS)?;
    let began = Instant::now();
    let ended = load();
    let took = began.elapsed();
    let profile = sampler.stop()?;
    println!("{} samples in {took:?}, named in {:?}", profile.samples, began.elapsed() - took);
    for f in profile.costs(100.0).functions.iter().take(6) {
        println!(
            "    {:5.1} % {} ({}), with callees {:.1} %",
            f.per_packet,
            f.frame.label(),
            f.stage.name(),
            f.with_callees
        );
    }
    ended?;
    Ok((profile, took))
}

/// The share of samples in a function whose name begins so, or in what it called.
fn share(profile: &Profile, name: &str) -> f64 {
    let functions = profile.costs(1.0).functions;
    functions.iter().filter(|f| f.frame.function.starts_with(name)).map(|f| f.with_callees).fold(0.0, f64::max)
}

/// How many samples the time is worth.
fn expected(took: Duration) -> f64 {
    took.as_nanos() as f64 / PERIOD_NS as f64
}

fn known_function() -> Outcome {
    let (profile, took) = sampled(|| loads::random_bytes(4 << 20))?;
    let worth = profile.samples as f64 / expected(took);
    check((0.8..1.05).contains(&worth) && profile.lost == 0, (worth, profile.lost))?;
    check(share(&profile, "get_random_bytes_user") > 0.95, share(&profile, "get_random_bytes_user"))?;
    // The larger part of it; how much the copying to us takes differs by kernel.
    check(share(&profile, "chacha_") > 0.5, share(&profile, "chacha_"))?;
    check(share(&profile, "do_syscall_64") > 0.95, share(&profile, "do_syscall_64"))?;
    check(share(&profile, "[unknown]") < 0.001, share(&profile, "[unknown]"))
}

fn user_space() -> Outcome {
    let (profile, took) = sampled(|| {
        loads::count_in_user_space(100_000_000);
        Ok(())
    })?;
    let worth = profile.samples as f64 / expected(took);
    check(expected(took) > 1_000.0 && worth < 0.05, (expected(took), worth))
}

fn packets() -> Outcome {
    let (profile, _) = sampled(|| loads::receive_packets(20_000))?;
    let stages = profile.costs(1.0).stages;
    let of = |stage| stages.iter().find(|cost| cost.stage == stage).map_or(0.0, |cost| cost.per_packet);
    let found = [Stage::Generator, Stage::Receive, Stage::Route, Stage::Other].map(of);
    let [generator, receive, route, other] = found;
    check(generator > 0.1 && receive > 0.1 && route > 0.05 && other < 0.2, found)?;
    let modules: Vec<_> = profile.frames.iter().filter_map(|frame| frame.module.as_deref()).collect();
    check(modules.contains(&"pktgen"), &modules)?;
    // Some is done later, by others: RCU frees the routes that led nowhere.
    check(share(&profile, "pktgen_thread_worker") > 0.8, share(&profile, "pktgen_thread_worker"))
}

fn repeats() -> Outcome {
    let mut seen = Vec::new();
    for _ in 0..2 {
        let (profile, _) = sampled(|| loads::receive_packets(20_000))?;
        // What else the kernel does meanwhile (khugepaged, DAMON) comes when it comes.
        let way = profile.within("pktgen_thread_worker");
        seen.push((share(&way, "ip_rcv"), share(&way, "ip_route_input_slow"), way.samples as f64));
    }
    let (a, b) = (seen[0], seen[1]);
    // Four standard deviations of the difference of two shares.
    let near = |x: f64, y: f64| (x - y).abs() < 4.0 * (2.0 * x * (1.0 - x) / a.2).sqrt();
    check(near(a.0, b.0) && near(a.1, b.1) && (a.2 / b.2 - 1.0).abs() < 0.05, (a, b))
}

fn no_room() -> Outcome {
    let sampler = Sampler::start_with_room(PERIOD_NS, 1 << 16)?;
    let began = Instant::now();
    loads::random_bytes(4 << 20)?;
    let took = began.elapsed();
    let profile = sampler.stop()?;
    println!("{} samples kept, {} lost", profile.samples, profile.lost);
    let all = (profile.samples + profile.lost) as f64 / expected(took);
    check(profile.samples > 100 && profile.lost > profile.samples && (0.8..1.05).contains(&all), all)
}
