//! Doctor on this machine: one screen, truthful, and nothing is changed.

use std::process::Command;

use flowgauge::doctor::{self, Bench, State};

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
