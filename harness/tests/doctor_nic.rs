//! Doctor on the reference NIC, in VMs, for real: needs qemu-system-x86_64, make and gcc, and apt or a filled cache; no
//! privilege. This test's own binary is the init and the worker of one of the guests.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use flowgauge::doctor::nic::{self, Finding, NicError, NicReport, Outcome, Subject, Verdict};
use flowgauge_topologies::guest_test::{self, check};
use flowgauge_topologies::{Netns, features};
use libtest_mimic::{Failed, Trial};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const ENOUGH: Duration = Duration::from_secs(120);
/// How often ports are tried, to see that nothing piles up.
const REPEATS: usize = 50;

fn main() -> ExitCode {
    let tests = vec![
        Trial::test("ports_are_tried_for_real_in_a_guest", in_a_guest),
        Trial::test("both_findings_show_and_their_controls_hold", findings),
        Trial::test("an_interrupt_ends_the_vm_and_leaves_nothing", interrupt),
    ];
    guest_test::main(|| guest_test::worker(&CASES, |case| case()), tests)
}

type Case = fn() -> guest_test::Outcome;

const CASES: [(&str, Case); 5] = [
    ("ports that offload are taken", taken),
    ("a veth pair is refused, and the silence is real", veth_is_refused),
    ("the driver's words come through", drivers_words),
    ("a port in use is left alone", occupied),
    ("nothing piles up", nothing_piles_up),
];

fn run(program: &str, arguments: &str) -> Result<String, Failed> {
    let output = Command::new(program).args(arguments.split_whitespace()).output()?;
    check(output.status.success(), (program, arguments, String::from_utf8_lossy(&output.stderr)))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

fn taken() -> guest_test::Outcome {
    let report = nic::examine("nic0", Some("nic1"))?;
    check(report.offloads() && report.simulated && report.attempts.len() == 5, &report)?;
    check(report.ports[0].driver.as_deref() == Some("flowgauge_nic"), &report.ports)
}

fn veth_is_refused() -> guest_test::Outcome {
    let netns = Netns::new()?;
    netns.run(|| run("ip", "link add p0 type veth peer name p1"))??;
    let report = netns.run(|| nic::examine("p0", Some("p1")))??;
    check(report.attempts.len() == 5, &report)?;
    for attempt in &report.attempts {
        let Outcome::Refused { errno, subject, silence, .. } = &attempt.outcome else { return Err("taken".into()) };
        check(*errno == libc::EOPNOTSUPP && *subject == Subject::Port, attempt)?;
        // This kernel's tracepoint can be heard, and veth says nothing.
        check(silence == "neither kernel nor driver said why", attempt)?;
    }
    Ok(())
}

fn drivers_words() -> guest_test::Outcome {
    let switch = |on| features::set("nic0", &BTreeMap::from([("hw-tc-offload".to_owned(), on)]));
    switch(false)?;
    let report = nic::examine("nic0", None)?;
    switch(true)?;
    check(report.attempts.len() == 2, &report)?;
    for attempt in &report.attempts {
        let Outcome::Refused { words, advice, .. } = &attempt.outcome else { return Err("taken".into()) };
        check(words.iter().any(|word| word.contains("hw-tc-offload")), attempt)?;
        check(advice.contains("ethtool -K nic0 hw-tc-offload on"), attempt)?;
    }
    check(nic::examine("nic0", None)?.offloads(), "on again")
}

fn occupied() -> guest_test::Outcome {
    let flowtable =
        "add table inet t; add flowtable inet t f { hook ingress priority 0; devices = { nic0 }; flags offload; }";
    let chain =
        "add table netdev t; add chain netdev t c { type filter hook ingress device nic0 priority 1; flags offload; }";
    for (make, take_away) in [
        (("nft", flowtable), ("nft", "delete table inet t")),
        (("nft", chain), ("nft", "delete table netdev t")),
        (("tc", "qdisc add dev nic0 clsact"), ("tc", "qdisc del dev nic0 clsact")),
    ] {
        run(make.0, make.1)?;
        let outcome = nic::examine("nic1", Some("nic0"));
        run(take_away.0, take_away.1)?;
        check(matches!(&outcome, Err(NicError::Occupied { port, .. }) if port == "nic0"), (make, outcome))?;
        check(nic::examine("nic1", Some("nic0"))?.offloads(), take_away)?;
    }
    Ok(())
}

fn nothing_piles_up() -> guest_test::Outcome {
    for _ in 0..REPEATS {
        check(nic::examine("nic0", Some("nic1"))?.offloads(), "taken again")?;
    }
    check(run("nft", "list tables")?.is_empty(), "tables")?;
    check(std::fs::read_dir("/sys/kernel/tracing/instances")?.next().is_none(), "trace instances")?;
    check(std::fs::read_to_string("/sys/kernel/debug/flowgauge_nic/rules")?.is_empty(), "rules in the NIC")
}

fn in_a_guest() -> guest_test::Outcome {
    let (image, options) = guest_test::on_the_reference_nic("doctor-test")?;
    guest_test::follow(&image, options, &CASES, ENOUGH, guest_test::show)
}

/// Its own temporary folder, in which nothing may be left.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Result<Self, Failed> {
        let path = std::env::temp_dir().join(format!("flowgauge-doctor-test-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path)?;
        Ok(Scratch(path))
    }

    fn is_empty(&self) -> Result<bool, Failed> {
        Ok(std::fs::read_dir(&self.0)?.next().is_none())
    }

    fn doctor(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_flowgauge"));
        command.args(["doctor", "--nic", "reference"]).args(arguments).env("TMPDIR", &self.0).stdin(Stdio::null());
        command
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn findings() -> guest_test::Outcome {
    let scratch = Scratch::new("findings")?;
    let output = scratch.doctor(&["--findings", "--json"]).output()?;
    check(output.status.code() == Some(1), &output)?;
    let report: NicReport = serde_json::from_slice(&output.stdout)?;
    check(report.simulated && report.offloads() && report.kernel.starts_with("6.12."), &report)?;
    let [leak, twice] = &report.findings[..] else { return Err(format!("{:?}", report.findings).into()) };
    check((leak.name.as_str(), twice.name.as_str()) == ("entries-leak", "counted-twice"), (&leak.name, &twice.name))?;
    for finding in &report.findings {
        check(finding.verdict == Verdict::Shown, finding)?;
        check(finding.source.iter().all(|source| source.starts_with("net/netfilter/nf")), &finding.source)?;
    }
    // Eight flows are sixteen rules; ten packets of each flow are eighty.
    for (what, seen) in [
        ("flows deleted first: rules destroyed by the kernel", 16),
        ("flows deleted first: rules the driver had to purge", 0),
        ("flowtable deleted: rules destroyed by the kernel", 0),
        ("flowtable deleted: rules the driver had to purge", 16),
        ("driver that does not purge: rules left", 16),
        ("driver that does not purge: packets forwarded by them", 80),
    ] {
        check(read(leak, what) == Some(seen), (what, &leak.readings))?;
    }
    for (what, seen) in [
        ("counter of `counter accept`, flags offload", 20),
        ("counter of `counter drop`, flags offload", 10),
        ("counter of `counter accept`, in software", 10),
    ] {
        check(read(twice, what) == Some(seen), (what, &twice.readings))?;
    }
    check(scratch.is_empty()?, "something was left in the temporary folder")
}

fn read(finding: &Finding, what: &str) -> Option<u64> {
    finding.readings.iter().find(|reading| reading.what == what).map(|reading| reading.seen)
}

fn interrupt() -> guest_test::Outcome {
    let scratch = Scratch::new("interrupt")?;
    let mut doctor = scratch.doctor(&["--findings"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let stderr = doctor.stderr.take().ok_or("no standard error")?;
    let mut said = BufReader::new(stderr).lines();
    // The guest runs: what must end is there.
    check(said.any(|line| line.is_ok_and(|line| line.contains("trying its ports"))), "it never tried the ports")?;
    kill(Pid::from_raw(i32::try_from(doctor.id())?), Signal::SIGINT)?;
    let status = doctor.wait()?;
    let rest: Vec<String> = said.map_while(Result::ok).collect();
    check(status.code() == Some(130) && rest.iter().any(|line| line.contains("interrupted")), (status, rest))?;
    check(scratch.is_empty()?, "something was left in the temporary folder")
}
