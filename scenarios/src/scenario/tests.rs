//! Scenario files: what is taken, and what is said of the others.

use super::*;

const TEXT: &str = "about = \"x\"\npolicy = \"route\"\ndatapaths = [\"forward\"]\n[traffic]\nprotocol = \"udp\"\n\
                    families = \"ipv4\"\nframe = 128\nflows = 4\ndirection = \"upstream\"\nload = \"max\"\n";

fn error(text: &str) -> String {
    Scenario::parse(text, "t", "scenario file t.toml").unwrap_err().to_string()
}

#[test]
fn every_built_in_scenario_is_sound() {
    for name in builtin::NAMES {
        let scenario = Scenario::load(name).unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(scenario.name, *name);
        assert!(scenario.about.len() > 10);
    }
}

#[test]
fn errors_point_at_the_line() {
    assert!(Scenario::parse(TEXT, "t", "t").is_ok());
    let wrong_key = error(&TEXT.replace("flows", "flowz"));
    assert!(wrong_key.contains("line 8") && wrong_key.contains("flowz"), "{wrong_key}");
    let wrong_value = error(&TEXT.replace("\"route\"", "\"rout\""));
    assert!(wrong_value.contains("line 2") && wrong_value.contains("masquerade"), "{wrong_value}");
}

#[test]
fn impossible_values_say_what_is_possible() {
    assert!(error(&TEXT.replace("128", "64").replace("ipv4", "ipv6")).contains("at least 84"));
    assert!(error(&TEXT.replace("flows = 4", "flows = 2000000")).contains("1000000"));
    assert!(error(&TEXT.replace("128", "1600")).contains("at most 1518"));
    assert!(error(&TEXT.replace("[\"forward\"]", "[\"forward\", \"forward\"]")).contains("twice"));
    assert!(
        error(&TEXT.replace("[traffic]", "[method]\ntrial = \"1ms\"\nwarmup = \"0s\"\nblocks = 1\n[traffic]"))
            .contains("50ms")
    );
}

#[test]
fn names_cannot_move_the_cursor() {
    let named = |name: &str| error(&format!("name = \"{name}\"\n{TEXT}"));
    for name in ["\\u001b[31mred", "two\\nlines", "\\u202Eevil"] {
        let text = named(name);
        assert!(
            text.contains("control characters") && !text.contains('\u{1b}') && !text.contains('\u{202e}'),
            "{text}"
        );
    }
    assert!(named("   ").contains("not all blank"));
    assert!(named(&"x".repeat(65)).contains("65 characters"));
}

#[test]
fn a_control_or_an_engine_that_would_change_nothing_is_refused() {
    let control = TEXT.replace("[traffic]", "control = \"no-opening\"\n[traffic]");
    assert!(error(&control).contains("one-way TCP"));
    assert!(Scenario::parse(&control.replace("udp", "tcp"), "t", "t").is_ok());
    let iperf3 = TEXT.replace("[traffic]", "engine = \"iperf3\"\n[traffic]").replace("udp", "tcp");
    assert!(error(&iperf3).contains("frame = 1518"));
    let iperf3 = iperf3.replace("128", "1518");
    assert!(error(&iperf3.replace("\"max\"", "\"5kpps\"")).contains("load = \"max\""));
    assert!(Scenario::parse(&iperf3, "t", "t").is_ok());
}

#[test]
fn an_unknown_name_gets_the_nearest() {
    let text = Scenario::load("udp-ipv5").unwrap_err().to_string();
    assert!(text.contains("udp-ipv4"), "{text}");
}

#[test]
fn what_could_break_nothing_or_not_be_made_is_refused() {
    let nic = TEXT.replace("policy", "topology = \"nic-router\"\npolicy");
    let with = |line: &str| error(&nic.replace("[traffic]", &format!("{line}\n[traffic]")));
    assert!(Scenario::parse(&nic, "t", "t").is_ok());
    assert!(error(&TEXT.replace("[traffic]", "faults = { forget-ttl = 1 }\n[traffic]")).contains("nic-router"));
    assert!(with("faults = { refuse-direction = 3 }").contains("1 to 2"));
    assert!(with("faults = { wrong-nat-port = 1 }").contains("masquerade"));
    assert!(with("links = { checksum = true }").contains("--checksum false"));
    assert!(with("links = { gso = true, checksum = true }").contains("--gso false"));
    let unopened =
        TEXT.replace("route", "masquerade").replace("upstream", "both").replace("[\"forward\"]", "[\"conntrack\"]");
    assert!(error(&format!("{unopened}opening = \"none\"\n")).contains("opening = \"full\""));
}
