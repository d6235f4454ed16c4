//! One testbed in the storm. It ends as its parent likes: asked to, killed, or without its NIC.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use flowgauge_scenarios::Topology;
use flowgauge_topologies::{Ports, RouterSpec, Testbed};

use crate::churn;
use crate::flows::{Echoes, answer, ask, connect, serve};
use crate::nft_shell::NftShell;
use crate::random::Random;

const TELL_EVERY: Duration = Duration::from_millis(200);

/// Builds, offloads, says `built`, storms until stdin says `close` or ends, and says now and then what came of it.
pub(crate) fn worker(seed: &str) -> ExitCode {
    let mut seeds = Random::new(seed.parse().unwrap_or_default());
    let spec = RouterSpec { ports: Ports::from(Topology::NicRouter), ..RouterSpec::default() };
    let testbed = match Testbed::build(&spec) {
        Ok(testbed) => testbed,
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    };
    let first = NftShell::open(&testbed.dut.netns).and_then(|mut nft| {
        nft.apply(&churn::flowtable())??;
        Ok(nft)
    });
    let nft = match first {
        Ok(nft) => nft,
        Err(error) => {
            println!("{error}");
            return ExitCode::FAILURE;
        }
    };
    println!("built");
    let stop = AtomicBool::new(false);
    storm(&testbed, nft, &mut seeds, &stop);
    match testbed.close() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("closing: {error}");
            ExitCode::FAILURE
        }
    }
}

fn storm(testbed: &Testbed, mut nft: NftShell, seeds: &mut Random, stop: &AtomicBool) {
    let (client, dut, server) = (&testbed.client, &testbed.dut, &testbed.server);
    let echoes = Echoes::default();
    let (accepted, refused) = (AtomicU64::new(0), AtomicU64::new(0));
    let (echoes, accepted, refused) = (&echoes, &accepted, &refused);
    thread::scope(|scope| {
        for (here, there) in
            [(client.port.ipv4.into(), server.port.ipv4.into()), (client.port.ipv6.into(), server.port.ipv6.into())]
        {
            let random = Random::new(seeds.next());
            scope.spawn(move || answer(&server.netns, there, stop));
            scope.spawn(move || ask(&client.netns, here, there, random, stop, echoes));
            scope.spawn(move || serve(&server.netns, there, stop));
            scope.spawn(move || connect(&client.netns, there, stop, echoes));
        }
        let repeat = |mut random: Random, mut turn: Box<dyn FnMut(&mut Random) + Send>| {
            scope.spawn(move || {
                while !stop.load(Ordering::Relaxed) {
                    turn(&mut random);
                }
            });
        };
        let mut fork = || Random::new(seeds.next());
        let change = move |random: &mut Random| match churn::rules(&mut nft, random) {
            Ok(outcome) => {
                let counter = if outcome.is_ok() { accepted } else { refused };
                counter.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => println!("nft: {error}"),
        };
        repeat(fork(), Box::new(change));
        let disturb = |random: &mut Random| {
            // What the driver refuses, and what is gone with the driver, is part of the storm.
            let _ = churn::tc(&dut.netns, random);
            let _ = churn::fault(random);
            match random.below(10) {
                0 => churn::offload(dut, random),
                1 => drop(churn::flap(dut, random)),
                2 => drop(churn::forget_connections(&dut.netns)),
                _ => {}
            }
        };
        repeat(fork(), Box::new(disturb));
        let mut most = 0;
        let tell = move |random: &mut Random| {
            most = most.max(churn::read(&dut.netns, random));
            let [datagrams, connections] = [&echoes.datagrams, &echoes.connections].map(|n| n.load(Ordering::Relaxed));
            let [accepted, refused] = [accepted, refused].map(|n| n.load(Ordering::Relaxed));
            println!("did {datagrams} {connections} {accepted} {refused} {most}");
            thread::sleep(TELL_EVERY);
        };
        repeat(fork(), Box::new(tell));
        let _ = std::io::stdin().read_line(&mut String::new());
        stop.store(true, Ordering::Relaxed);
    });
}
