//! Doctor on this machine: one screen, truthful, and nothing is changed.

use std::process::Command;

use flowgauge::doctor::nic::{self, HwTcOffload, Mechanism, NicError, Outcome, Subject};
use flowgauge::doctor::{self, Bench, State};
use flowgauge_topologies::Netns;

fn listing(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().expect("the program runs");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn it_fits_a_screen_and_concludes() {
    let report = doctor::examine();
    let text = report.render();
    println!("{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() <= 45, "{} lines", lines.len());
    assert!(lines.iter().all(|line| line.chars().count() <= 100));
    assert!(lines.iter().any(|line| line.starts_with("bench ")), "{text}");
    for section in &report.sections {
        assert!(!section.checks.is_empty(), "{} says nothing", section.name);
        for check in &section.checks {
            assert!(!check.name.is_empty() && !check.detail.is_empty(), "{check:?}");
            if let State::Gap { remedy } = &check.state {
                assert!(!remedy.is_empty(), "{check:?} does not say how to close it");
            }
        }
    }
}

#[test]
fn what_it_says_of_the_kernel_is_what_the_kernel_does() {
    let report = doctor::examine();
    let tried = &report.sections[0].checks;
    let flowtable = tried.iter().find(|check| check.name == "flowtable").expect("flowtables are tried");
    let option = report.sections[1].checks.iter().find(|check| check.name == "NFT_FLOW_OFFLOAD").unwrap();
    match flowtable.state {
        State::Ok => assert_eq!(report.bench, Bench::Host),
        _ => assert!(!matches!(report.bench, Bench::Host)),
    }
    if option.detail == "absent" {
        assert!(matches!(flowtable.state, State::Gap { .. }), "{flowtable:?}");
    }
}

#[test]
fn it_changes_nothing() {
    // Without counters (-s), which packets of others move.
    let state = || (listing("nft", &["-s", "list", "ruleset"]), listing("ip", &["-o", "link"]));
    let before = state();
    doctor::examine();
    assert_eq!(state(), before);
}

#[test]
fn the_json_has_what_the_text_has() {
    let report = doctor::examine();
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["sections"].as_array().unwrap().len(), report.sections.len());
    assert!(json["bench"]["uses"].is_string());
    let states = json["sections"].as_array().unwrap().iter().flat_map(|section| section["checks"].as_array().unwrap());
    for check in states {
        assert!(["ok", "gap", "info"].contains(&check["state"]["state"].as_str().unwrap()), "{check}");
    }
}

/// A namespace with a veth pair p0, p1; none without the privilege to make one.
fn veth() -> Option<Netns> {
    let netns = Netns::new().ok()?;
    inside(&netns, "ip", &["link", "add", "p0", "type", "veth", "peer", "name", "p1"]);
    Some(netns)
}

fn inside(netns: &Netns, program: &str, arguments: &[&str]) -> String {
    netns.run(|| listing(program, arguments)).unwrap()
}

#[test]
fn a_port_that_cannot_offload_is_refused_with_the_kernels_error() {
    let Some(netns) = veth() else { return eprintln!("skipped: no namespace without root") };
    let report = netns.run(|| nic::examine("p0", Some("p1"))).unwrap().unwrap();
    println!("{}", report.render());
    assert!(!report.offloads() && !report.simulated && report.findings.is_empty());
    assert_eq!(report.ports[1].driver.as_deref(), Some("veth"));
    assert_eq!(report.ports[1].hw_tc_offload, HwTcOffload::Fixed);
    assert_eq!(report.attempts.len(), 5);
    for attempt in &report.attempts {
        let Outcome::Refused { errno, error, words, silence, subject, advice, .. } = &attempt.outcome else {
            panic!("{attempt:?}")
        };
        assert!(words.is_empty() != silence.is_empty(), "words, or why there are none: {attempt:?}");
        match attempt.mechanism {
            Mechanism::NetdevChain => {
                assert_eq!((*errno, *subject), (libc::EOPNOTSUPP, Subject::Port), "{attempt:?}");
                assert!(error.starts_with("EOPNOTSUPP: Operation not supported") && advice.contains("veth"));
            }
            // Where the kernel has no flowtables at all, that is said and not held against the port.
            Mechanism::Flowtable if *errno == libc::EOPNOTSUPP => assert_eq!(*subject, Subject::Port, "{attempt:?}"),
            Mechanism::Flowtable => assert!(advice.contains("NF_FLOW_TABLE"), "{attempt:?}"),
        }
    }
    assert_eq!(inside(&netns, "nft", &["list", "tables"]), "", "something was left");
}

#[test]
fn a_port_in_use_and_one_that_is_not_there_are_left_alone() {
    let Some(netns) = veth() else { return eprintln!("skipped: no namespace without root") };
    inside(&netns, "tc", &["qdisc", "add", "dev", "p1", "clsact"]);
    let examine = |port, peer| netns.run(move || nic::examine(port, peer)).unwrap();
    let error = examine("p0", Some("p1")).unwrap_err();
    assert!(
        matches!(&error, NicError::Occupied { port, users } if port == "p1" && users == &["tc qdisc clsact"]),
        "{error}"
    );
    assert!(examine("p0", None).is_ok(), "p0 is not in use");
    assert!(matches!(examine("p2", None), Err(NicError::NoPort { .. })));
    assert!(matches!(examine("p0", Some("p0")), Err(NicError::SamePort { .. })));
}

#[test]
fn findings_are_for_the_reference_nic_alone() {
    let Some(netns) = veth() else { return eprintln!("skipped: no namespace without root") };
    let error = netns.run(|| nic::only_on_the_reference(&["p0"])).unwrap().unwrap_err().to_string();
    assert!(error.contains("p0 has driver veth") && error.contains("--nic reference"), "{error}");
    let here = netns.run(nic::findings).unwrap();
    assert!(matches!(here, Err(nic::FindingError::NotTheReference { .. })), "there is no nic0");
}
