use std::collections::HashSet;

use super::*;
use crate::{Datapath, Topology};

const TWO: &str = r#"
[[case]]
id = "ttl-decrements"
group = "forwarding"
what = "TTL is one less"
why = "loops end"
source = "RFC 1812 section 5.3.1"
applies = { translations = ["none", "masquerade"], directions = ["upstream", "downstream"] }
steps = [{ open = { flows = 2 } }, { send = { packet = { flow = 1 } } }]

[[case]]
id = "options"
group = "life"
what = "options"
why = "options"
source = "RFC 791"
bed = { alone = true }
steps = [{ open = {} }, { send = { packet = { options = ["nop"], flags = "A" }, lane = "classic" } }, { act = "conntrack-flush" }]
expect = [{ offloaded = { step = 2, is = false } }]

[[known]]
instances = "options"
datapaths = ["flowtable"]
outcome = "fail"
differs = ["lost"]
reason = "a test"
link = "a test"
"#;

fn catalogue() -> Catalogue {
    Catalogue::parse("two.toml", TWO).unwrap()
}

#[test]
fn a_case_expands_into_what_it_can_mean() {
    let plan = catalogue().plan(&[], &[], &[]).unwrap();
    let ids: Vec<&str> = plan.instances.iter().map(|instance| instance.id.as_str()).collect();
    assert_eq!(ids.len(), 17);
    assert!(ids.contains(&"ttl-decrements/ipv4-udp-masquerade-up"));
    // Options are of IPv4, flags of TCP.
    assert_eq!(ids[16], "options/ipv4-tcp-plain-up");
}

#[test]
fn stations_share_a_ruleset_and_alone_ones_are_last() {
    let plan = catalogue().plan(&[], &[], &[]).unwrap();
    // Two translations, two families, on two topologies; and one alone on both.
    assert_eq!(plan.stations.len(), 10);
    assert!(plan.stations[..8].iter().all(|station| !station.bed.alone && station.instances.len() == 4));
    assert!(plan.stations[8..].iter().all(|station| station.bed.alone && station.instances == [16]));
    for station in &plan.stations {
        let other = if station.topology == Topology::Router { Datapath::Flowtable } else { Datapath::FlowtableHw };
        assert_eq!(station.datapaths, [REFERENCE, other]);
        let firsts: Vec<u32> = station.instances.iter().map(|&i| plan.instances[i].first_flow).collect();
        assert_eq!(firsts, (0..firsts.len() as u32).map(|n| 2 * n).collect::<Vec<_>>());
    }
    let reference = catalogue().plan(&[], &[Datapath::Conntrack], &[]).unwrap();
    assert!(reference.stations.iter().all(|s| s.topology == Topology::Router && s.datapaths == [REFERENCE]));
}

#[test]
fn patterns_select_cases_instances_and_groups() {
    let count = |patterns: &[&str]| {
        let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
        catalogue().plan(&patterns, &[], &[]).map(|plan| (plan.cases.len(), plan.instances.len()))
    };
    assert_eq!(count(&["ttl-decrements"]), Ok((1, 16)));
    assert_eq!(count(&["life"]), Ok((1, 1)));
    assert_eq!(count(&["*/ipv6-*"]), Ok((1, 8)));
    assert_eq!(count(&["options", "ttl-decrements/ipv4-udp-plain-up"]), Ok((2, 2)));
    let error = |pattern| count(&[pattern]).unwrap_err().to_string();
    assert!(error("ttl-decrement").contains("did you mean ttl-decrements?"), "{}", error("ttl-decrement"));
    assert!(error("livfe").contains("did you mean life?"), "{}", error("livfe"));
    let near = error("ttl-decrements/ipv4-udp-plane-up");
    assert!(near.contains("ttl-decrements/ipv4-udp-plain-up"), "{near}");
    let refused = catalogue().plan(&[], &[Datapath::Netdev], &[]).unwrap_err().to_string();
    assert!(refused.contains("does not run on `netdev`"), "{refused}");
}

#[test]
fn errors_say_file_line_case_and_what_to_do() {
    let error = |from: &str, to: &str| {
        let text = TWO.replacen(from, to, 1);
        assert_ne!(text, TWO);
        Catalogue::parse("two.toml", &text).unwrap_err().to_string()
    };
    for (from, to, wanted) in [
        ("flow = 1 } } }]", "flow = 1, colour = 3 } } }]", "colour"),
        ("flow = 1 } } }]", "flow = 2 } } }]", "line 2: case `ttl-decrements`: step 1: it sends on flow 2"),
        ("step = 2, is", "step = 3, is", "line 11: case `options`: expect names step 3, but there are only 3"),
        ("id = \"options\"", "id = \"ttl-decrements\"", "line 11: case `ttl-decrements`: another case has the same id"),
        ("why = \"options\"", "why = \"\"", "`why` is empty"),
        ("options = [\"nop\"]", "extensions = [\"destination\"], options = [\"nop\"]", "nothing is left of it"),
        ("flags = \"A\"", "flags = \"AX\"", "`X`, which is none of FSRPAUEC"),
        ("outcome = \"fail\"", "outcome = \"pass\"", "line 21: known failure of `options`: its outcome is `pass`"),
        ("differs = [\"lost\"]\n", "", "it does not say what differs"),
        ("outcome = \"fail\"", "outcome = \"unproven\"", "nothing differs where nothing fails"),
        ("datapaths = [\"flowtable\"]", "datapaths = [\"conntrack\"]", "the reference is what is right"),
        ("reason = \"a test\"", "reason = \"a test\"\nsince = \"new\"", "`new` is no kernel version"),
    ] {
        let error = error(from, to);
        assert!(error.contains("two.toml") && error.contains(wanted), "{error}");
    }
    let unknown = error("flow = 1 } } }]", "flow = 1, colour = 3 } } }]");
    assert!(unknown.contains("in case `ttl-decrements`") && unknown.contains("line 9"), "{unknown}");
}

#[test]
fn built_in_cases_are_sound_and_many() {
    let catalogue = Catalogue::builtin().unwrap();
    let plan = catalogue.plan(&[], &[], &[]).unwrap();
    let ids: HashSet<&str> = plan.instances.iter().map(|instance| instance.id.as_str()).collect();
    assert_eq!(ids.len(), plan.instances.len());
    for group in Group::ALL {
        assert!(plan.cases.iter().any(|case| case.group == group), "no case is about {}", group.name());
    }
    for case in &plan.cases {
        for text in [&case.what, &case.why, &case.source] {
            assert!(text.len() > 15, "{}: `{text}` says little", case.id);
        }
    }
    for known in &catalogue.known {
        let covered = |instance: &&Instance| {
            known.datapaths.iter().any(|datapath| {
                instance.datapaths.contains(datapath)
                    && known.covers(&instance.id, *datapath, known.since.as_deref().unwrap_or("6.1"))
            })
        };
        assert!(plan.instances.iter().any(|instance| covered(&instance)), "{} covers nothing", known.instances);
    }
}

#[test]
fn stations_render_on_every_datapath() {
    let plan = Catalogue::builtin().unwrap().plan(&[], &[], &[]).unwrap();
    for station in &plan.stations {
        for &datapath in &station.datapaths {
            let request =
                RulesetRequest { station, datapath, mutation: None, lan: "lan0", lan_port: "lan0", wan: "wan0" };
            let text = render(&request).unwrap();
            assert!(!text.contains("{lan}") && !text.contains("{wan}") && !text.contains("{flowtable}"), "{text}");
        }
    }
}
