use super::*;
use crate::Topology;
use crate::conform::{Bed, Encapsulation, Rules};

fn station(topology: Topology, family: Family, translation: Translation, bed: Bed) -> Station {
    Station { topology, bed, translation, family, datapaths: vec![REFERENCE], instances: vec![] }
}

fn request<'a>(station: &'a Station, datapath: Datapath, mutation: Option<Mutation>) -> RulesetRequest<'a> {
    RulesetRequest { station, datapath, mutation, lan: "lan0", lan_port: "lan0", wan: "wan0" }
}

fn bed() -> Bed {
    let rules = Rules {
        table: vec!["ct helper ftp { type \"ftp\" protocol tcp; }".to_owned()],
        before: vec![
            "meta l4proto tcp ct helper set \"ftp\"".to_owned(),
            "meta l4proto udp flow add @{flowtable} counter comment \"counted\"".to_owned(),
        ],
        after: vec!["iifname \"{lan}\" oifname \"{wan}\" {ip} dscp set cs1".to_owned()],
        ..Rules::default()
    };
    Bed { encapsulation: Encapsulation::None, rules, ..Bed::default() }
}

#[test]
fn every_ruleset_is_as_reviewed() {
    let mut all = String::new();
    for translation in Translation::ALL {
        for family in [Family::Ipv4, Family::Ipv6] {
            let on = |topology| station(topology, family, translation, Bed::default());
            let (veth, nic) = (on(Topology::Router), on(Topology::NicRouter));
            for (station, datapath) in
                [(&veth, Datapath::Conntrack), (&veth, Datapath::Flowtable), (&nic, Datapath::FlowtableHw)]
            {
                all += &format!("==== {} {} {family:?}\n", datapath.name(), translation.name());
                all += &render(&request(station, datapath, None)).unwrap();
            }
        }
    }
    for datapath in [Datapath::Conntrack, Datapath::Flowtable] {
        all += &format!("==== {} with a case's own rules\n", datapath.name());
        let own = station(Topology::Router, Family::Ipv4, Translation::None, bed());
        all += &render(&request(&own, datapath, None)).unwrap();
    }
    insta::assert_snapshot!(all);
}

#[test]
fn every_mutant_is_as_reviewed() {
    let mut all = String::new();
    for mutation in Mutation::SOFTWARE {
        for family in [Family::Ipv4, Family::Ipv6] {
            let station = station(Topology::Router, family, Translation::Snat, bed());
            let sound = render(&request(&station, Datapath::Flowtable, None)).unwrap();
            let mutant = render(&request(&station, Datapath::Flowtable, Some(mutation))).unwrap();
            let reference = render(&request(&station, REFERENCE, Some(mutation))).unwrap();
            assert_eq!(reference, render(&request(&station, REFERENCE, None)).unwrap(), "{mutation:?}");
            let (gone, new) = (missing(&sound, &mutant), missing(&mutant, &sound));
            let elsewhere = match mutation {
                // A kernel parameter, and what is not done: no rules.
                Mutation::NoTimeout | Mutation::Deaf => true,
                // Fields of the other family.
                Mutation::EgressId | Mutation::EgressDontFragment => family == Family::Ipv6,
                Mutation::EgressFlowLabel => family == Family::Ipv4,
                _ => false,
            };
            assert_eq!(gone.is_empty() && new.is_empty(), elsewhere, "{mutation:?}");
            all += &format!("==== {} {family:?}\n", mutation.name());
            all += &gone.iter().map(|line| format!("-{line}\n")).collect::<String>();
            all += &new.iter().map(|line| format!("+{line}\n")).collect::<String>();
        }
    }
    insta::assert_snapshot!(all);
}

/// The lines of `a` that `b` has not.
fn missing<'a>(a: &'a str, b: &str) -> Vec<&'a str> {
    a.lines().filter(|line| !b.lines().any(|other| other == *line)).collect()
}

#[test]
fn parameters_are_the_beds_over_the_suites() {
    let mut bed = Bed::default();
    bed.sysctls.insert("net.netfilter.nf_flowtable_udp_timeout".to_owned(), "2".to_owned());
    let station = station(Topology::Router, Family::Ipv4, Translation::None, bed);
    let timeout = |mutation| sysctls(&station, mutation)["net.netfilter.nf_flowtable_udp_timeout"].clone();
    assert_eq!(timeout(None), "2");
    assert_eq!(timeout(Some(Mutation::NoTimeout)), "3600");
    assert_eq!(sysctls(&station, None)["net.ipv4.icmp_ratemask"], "0");
}

#[test]
fn hardware_needs_a_nic_and_other_datapaths_have_no_ruleset() {
    let station = station(Topology::Router, Family::Ipv4, Translation::None, Bed::default());
    assert!(render(&request(&station, Datapath::FlowtableHw, None)).is_err());
    assert!(render(&request(&station, Datapath::Netdev, None)).is_err());
}
