//! The storm: testbed after testbed under traffic, churn and faults, each ending in another way, and the module
//! loaded and unloaded in between and in their midst.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use flowgauge_topologies::Netns;

use crate::churn;
use crate::guest::{feed, load, unload};
use crate::random::Random;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// What the cycles did: datagrams and connections answered, rulesets accepted and refused, frames forwarded by rules.
type Did = [u64; 5];

/// How a testbed ends.
#[derive(Clone, Copy, Debug)]
enum End {
    /// It is asked to.
    Close,
    /// It is killed, with its rules in place.
    Kill,
    /// Its NIC goes first, then it is asked to end.
    UnloadThenClose,
    /// It is killed, and the module goes while the namespaces die.
    KillThenUnload,
}

const ENDS: [End; 4] = [End::Kill, End::UnloadThenClose, End::KillThenUnload, End::Close];

pub(crate) fn worker(module: &str, seconds: &str, seed: &str) -> ExitCode {
    match storm(module, seconds, seed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}

fn storm(module: &str, seconds: &str, seed: &str) -> Outcome<()> {
    let mut random = Random::new(seed.parse()?);
    let until = Instant::now() + Duration::from_secs(seconds.parse()?);
    let (mut total, mut loaded): (Did, bool) = ([0; 5], false);
    let mut cycles = 0;
    let _anchor = anchor()?;
    while Instant::now() < until {
        if !loaded {
            load(module).map_err(|error| format!("loading the module: {error}"))?;
        }
        // In turn, so that each end is seen in the shortest storm.
        let end = ENDS[cycles % ENDS.len()];
        let did = cycle(&mut random, end).map_err(|error| format!("cycle {cycles}, {end:?}: {error}"))?;
        total.iter_mut().zip(did).for_each(|(total, did)| *total += did);
        loaded = !matches!(end, End::UnloadThenClose | End::KillThenUnload);
        println!("cycle {cycles}: {end:?}, {did:?}");
        cycles += 1;
    }
    if loaded {
        churn::no_faults()?;
        unload().map_err(|error| format!("unloading the module: {error}"))?;
    }
    let ports = std::fs::read_to_string("/proc/net/dev")?;
    if ports.contains("nic") || ports.contains("wire") {
        return Err(format!("ports without a module: {ports}").into());
    }
    println!("{cycles} cycles did {total:?}");
    // A storm in a teapot proves nothing.
    let [datagrams, connections, accepted, _, forwarded] = total;
    match [datagrams, connections, accepted, forwarded].contains(&0) || cycles < ENDS.len() {
        false => Ok(()),
        true => Err("something did not happen at all: datagrams, connections, rulesets, hardware, ends".into()),
    }
}

/// A namespace with every hook of the storm in use, so that none of them comes into use or out of it while packets pass: the
/// kernel patches itself then (static keys), and QEMU's emulation executes a breakpoint that is there no more.
fn anchor() -> Outcome<Netns> {
    let netns = Netns::new()?;
    feed(&netns, "ip", &["link", "add", "anchor", "type", "dummy"], "")?;
    feed(&netns, "tc", &["qdisc", "add", "dev", "anchor", "clsact"], "")?;
    let chains = ["prerouting", "input", "forward", "output", "postrouting"]
        .map(|hook| format!("chain {hook} {{ type filter hook {hook} priority 0; ct state new counter; }}\n"));
    let nat = "chain nat { type nat hook postrouting priority 100; oifname none masquerade; }";
    let ingress = "table netdev t { chain c { type filter hook ingress device anchor priority 0; counter; }; }";
    feed(&netns, "nft", &["-f", "-"], &format!("table inet t {{\n{}{nat}\n}}\n{ingress}\n", chains.concat()))?;
    Ok(netns)
}

fn cycle(random: &mut Random, end: End) -> Outcome<Did> {
    let mut child = Command::new(std::env::current_exe()?)
        .args(["--as-cycle", &random.next().to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
    let built = lines.next().ok_or("it ended before it was built")??;
    if built != "built" {
        child.wait()?;
        return Err(built.into());
    }
    let listener = thread::spawn(move || {
        let mut did = [0; 5];
        for line in lines.map_while(Result::ok) {
            match line.strip_prefix("did ") {
                Some(numbers) => {
                    let numbers = numbers.split(' ').filter_map(|number| number.parse().ok());
                    did.iter_mut().zip(numbers).for_each(|(did, now)| *did = now);
                }
                None => println!("{line}"),
            }
        }
        did
    });
    // The time to storm; nothing to wait for but the end of it.
    thread::sleep(Duration::from_millis(3000 + random.below(3000)));
    let closed = match end {
        End::Close => finish(&mut child)?,
        End::Kill => child.kill().map(|()| true)?,
        End::UnloadThenClose => {
            unload()?;
            // Its ports are gone: it may say so, but must end.
            finish(&mut child)?;
            true
        }
        End::KillThenUnload => {
            child.kill()?;
            unload()?;
            true
        }
    };
    child.wait()?;
    let did = join(listener);
    if closed { Ok(did) } else { Err("it could not be taken down".into()) }
}

/// Asks the child to end, and returns whether it could.
fn finish(child: &mut Child) -> Outcome<bool> {
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(b"close\n")?;
    }
    Ok(child.wait()?.success())
}

fn join(listener: JoinHandle<Did>) -> Did {
    match listener.join() {
        Ok(did) => did,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
