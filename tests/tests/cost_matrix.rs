//! What a packet costs in every direction, family, policy, frame size and number of flows: each row is good with its path
//! proven, and costs stand in the order that the kernel's work has. Two boots, and no figure that a kernel might move.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use flowgauge_reports::RunResult;
use flowgauge_reports::judge::Verdict;
use flowgauge_reports::proof::Path;
use flowgauge_scenarios::Datapath::{self, Conntrack, Flowtable, FlowtableHw, Forward, Netdev, NetdevHw, Nft};
use flowgauge_tests::{Scratch, flowgauge, run};

/// Scenario files, and what came of them.
struct Matrix(Scratch, Vec<PathBuf>);

/// A row of the matrix: policy, family, direction, frame, flows.
type Row = (&'static str, &'static str, &'static str, u16, u32);

fn name((policy, family, direction, frame, flows): Row) -> String {
    format!("{policy}-{family}-{direction}-{frame}-{flows}")
}

impl Matrix {
    fn new() -> Self {
        Matrix(Scratch::new(), Vec::new())
    }

    fn add(&mut self, row: Row, topology: &str, protocol: &str, datapaths: &[Datapath]) {
        let (policy, family, direction, frame, flows) = row;
        let datapaths: Vec<&str> = datapaths.iter().map(|d| d.name()).collect();
        let text = format!(
            "about = \"of the matrix\"\npolicy = \"{policy}\"\ntopology = \"{topology}\"\nengine = \"pktgen\"\n\
             datapaths = {datapaths:?}\n[traffic]\nprotocol = \"{protocol}\"\nfamilies = \"{family}\"\nframe = {frame}\n\
             flows = {flows}\ndirection = \"{direction}\"\nload = \"max\"\n[links]\nmtu = {}\n[method]\nkind = \"cost\"\n\
             packets = 40000\ntrial = \"1s\"\nwarmup = \"0s\"\nblocks = 1\n",
            if frame > 1518 { 9000 } else { 1500 },
        );
        let file = self.0.path().join(format!("{}.toml", name(row)));
        fs::write(&file, text).unwrap();
        self.1.push(file);
    }

    /// Runs all in one boot and gives the cost of each row, once every one is good on the path of its datapath.
    fn bench(&self) -> BTreeMap<(String, Datapath), f64> {
        let results = Scratch::new();
        let mut command = flowgauge(&["bench", "--kernel", "debian:6.12", "--seed", "1", "--quiet"]);
        command.args(&self.1).arg("--out").arg(results.path());
        run(command).expect_code(0);
        let result = RunResult::load(results.run_folder()).unwrap();
        let rows = &result.judgement.rows;
        rows.iter()
            .map(|row| {
                let name = row.name.clone();
                let path = match row.datapath {
                    Forward | Nft | Conntrack => Path::Classic,
                    Flowtable | Netdev => Path::Fast,
                    _ => Path::Hardware,
                };
                assert_eq!((&row.verdict, &row.proof.path), (&Verdict::Good, &path), "{name}: {row:#?}");
                let net = row.net.unwrap_or_else(|| panic!("{name} has no cost: {row:#?}")).median;
                println!("{name} {}: {net:.1}", row.datapath.name());
                ((name, row.datapath), net)
            })
            .collect()
    }
}

const FAMILIES: [&str; 2] = ["ipv4", "ipv6"];
const POLICIES: [&str; 4] = ["route", "stateful", "masquerade", "dnat"];
const DIRECTIONS: [&str; 3] = ["upstream", "downstream", "both"];

#[test]
fn every_way_of_the_stack_is_proven_and_costs_what_its_work_says() {
    let mut matrix = Matrix::new();
    for family in FAMILIES {
        for direction in DIRECTIONS {
            for policy in POLICIES {
                let all: &[Datapath] =
                    if policy == "route" { &[Forward, Nft, Conntrack, Flowtable] } else { &[Conntrack, Flowtable] };
                matrix.add((policy, family, direction, 128, 1), "bare", "udp", all);
            }
        }
        for frame in [if family == "ipv4" { 64 } else { 84 }, 512, 1514, 9018] {
            matrix.add(("masquerade", family, "upstream", frame, 1), "bare", "udp", &[Conntrack, Flowtable]);
        }
        matrix.add(("masquerade", family, "both", 128, 100), "bare", "udp", &[Conntrack, Flowtable]);
    }
    let costs = matrix.bench();
    let of = |row: Row, datapath| costs[&(name(row), datapath)];
    for family in FAMILIES {
        for direction in DIRECTIONS {
            let all = |policy, datapath| of((policy, family, direction, 128, 1), datapath);
            let steps = [Flowtable, Forward, Nft, Conntrack].map(|datapath| all("route", datapath));
            assert!(steps[0] > 100.0 && steps.is_sorted_by(|a, b| a * 1.05 < *b), "{family} {direction}: {steps:?}");
            // The same hooks and as many rules; but translation rewrites.
            let stateful = all("stateful", Conntrack);
            assert!((stateful / all("route", Conntrack) - 1.0).abs() < 0.02, "{family} {direction}");
            for policy in ["masquerade", "dnat"] {
                assert!(all(policy, Conntrack) > 1.05 * stateful, "{policy} {family} {direction}");
                assert!(all(policy, Flowtable) > 1.05 * all("stateful", Flowtable), "{policy} {family} {direction}");
                assert!(all(policy, Flowtable) < 0.5 * all(policy, Conntrack), "{policy} {family} {direction}");
            }
        }
        // A longer header to look at, until the flowtable knows the flow.
        let upstream = |family| of(("route", family, "upstream", 128, 1), Conntrack);
        assert!(upstream("ipv6") > 1.05 * upstream("ipv4"));
        // The flowtable looks at headers alone; connection tracking adds up every byte, to check the checksum.
        let small = if family == "ipv4" { 64 } else { 84 };
        let sized = |frame, datapath| of(("masquerade", family, "upstream", frame, 1), datapath);
        for frame in [512, 1514, 9018] {
            let (fast, least) = (sized(frame, Flowtable), sized(small, Flowtable));
            assert!((fast / least - 1.0).abs() < 0.03, "{family} {frame}: {fast} and {least}");
            let a_byte = (sized(frame, Conntrack) - sized(small, Conntrack)) / f64::from(frame - small);
            assert!((0.05..0.5).contains(&a_byte), "{family} {frame}: {a_byte} instructions a byte");
        }
        // A table holds a hundred flows as it holds one.
        for datapath in [Conntrack, Flowtable] {
            let flows = |flows| of(("masquerade", family, "both", 128, flows), datapath);
            let more = flows(100) / flows(1) - 1.0;
            assert!(more.abs() < 0.05, "{family} {}: {more}", datapath.name());
        }
    }
}

#[test]
fn hardware_takes_every_policy_and_family_off_the_stack() {
    let mut matrix = Matrix::new();
    for family in FAMILIES {
        for policy in ["stateful", "masquerade", "dnat"] {
            let row = (policy, family, "both", 128, 1);
            matrix.add(row, "nic-router", "udp", &[Conntrack, Flowtable, FlowtableHw]);
        }
    }
    let route: Row = ("route", "ipv6", "both", 128, 1);
    matrix.add(route, "nic-router", "udp", &[Conntrack, Netdev, NetdevHw]);
    let costs = matrix.bench();
    for ((name, datapath), net) in &costs {
        let conntrack = costs[&(name.clone(), Conntrack)];
        match datapath {
            Conntrack => assert!(*net > 1000.0, "{name}: {net}"),
            Flowtable | Netdev => assert!((0.1..0.6).contains(&(net / conntrack)), "{name}: {net} of {conntrack}"),
            _ => assert!(net.abs() < 0.02 * conntrack, "{name}: {net} of {conntrack}"),
        }
        if let Some(rest) = name.strip_prefix("masquerade").filter(|_| *datapath == Conntrack) {
            assert!(*net > 1.05 * costs[&(format!("stateful{rest}"), Conntrack)], "{name}: {net}");
        }
    }
}

#[test]
fn what_pktgen_cannot_make_is_refused_before_anything_boots() {
    let refused = |family, protocol, frame: u16, why: &str| {
        let mut matrix = Matrix::new();
        matrix.add(("stateful", family, "upstream", frame, 1), "bare", protocol, &[Conntrack]);
        let mut command = flowgauge(&["bench", "--kernel", "debian:6.12", "--quiet"]);
        command.args(&matrix.1).arg("--out").arg(matrix.0.path().join("out"));
        run(command).expect_code(2).expect_error(why);
        assert!(!matrix.0.path().join("out").exists(), "what was refused leaves nothing");
    };
    refused("ipv4", "tcp", 128, "makes UDP only");
    refused("both", "udp", 128, "one family at a time");
    refused("ipv6", "udp", 64, "at least 84 bytes");
    refused("ipv4", "udp", 32, "write 64 to 65535");
}

#[test]
fn a_host_without_pktgen_is_said_so() {
    if std::path::Path::new("/proc/net/pktgen/pgctrl").exists() {
        eprintln!("this kernel has pktgen loaded: nothing to refuse");
        return;
    }
    let scratch = Scratch::new();
    let mut command =
        flowgauge(&["bench", "westphal-forwarding", "--kernel", "host", "--clock", "wall", "--quiet", "--out"]);
    command.arg(scratch.path().join("out"));
    run(command).expect_code(3).expect_error("modprobe pktgen");
}
