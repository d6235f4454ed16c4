//! The chains of a station's table.

use std::net::IpAddr;

use super::{Mutation, RulesetRequest, SENTINEL_PROTOCOL, Translation, filled, keyword};
use crate::conform::instance::{
    FIRST_PORT, PORTS, SERVER_PORT, VIRTUAL_PORT, real_address, snat_address, virtual_address,
};
use crate::ruleset::{DOWNSTREAM_COUNTER, FLOWTABLE, FORWARD_CHAIN, UPSTREAM_COUNTER};

/// The forward chain, and the nat chains of the translation.
pub(super) fn render(request: &RulesetRequest<'_>) -> String {
    let mut out = chain(FORWARD_CHAIN, "type filter hook forward priority filter; policy drop;", &forward(request));
    if let Some(rules) = source_nat(request) {
        out += &chain("postrouting", "type nat hook postrouting priority srcnat; policy accept;", &rules);
    }
    if let Some(rules) = destination_nat(request) {
        out += &chain("prerouting", "type nat hook prerouting priority dstnat; policy accept;", &rules);
    }
    out
}

fn chain(name: &str, head: &str, rules: &[String]) -> String {
    let rules: String = rules.iter().filter(|r| !r.trim().is_empty()).map(|rule| format!("\t\t{rule}\n")).collect();
    format!("\tchain {name} {{\n\t\t{head}\n{rules}\t}}\n")
}

fn forward(request: &RulesetRequest<'_>) -> Vec<String> {
    let case = &request.station.bed.rules;
    let broken = request.broken();
    let mut rules = vec![
        format!("meta l4proto {SENTINEL_PROTOCOL} accept"),
        format!("iifname \"{}\" counter comment \"{UPSTREAM_COUNTER}\"", request.lan),
        // With hairpin both directions come from the LAN.
        format!("iifname \"{}\" counter comment \"{DOWNSTREAM_COUNTER}\"", request.wan),
    ];
    if broken == Some(Mutation::FallbackDrop) {
        // IPS_OFFLOAD. What adds its flow has it not yet.
        rules.push("ct status & 0x4000 == 0x4000 drop".to_owned());
    }
    let kept = |line: &&String| match broken {
        Some(Mutation::NoAdmission) => !line.contains("ct helper set"),
        Some(Mutation::NoOwnRules) => false,
        _ => true,
    };
    rules.extend(case.before.iter().filter(kept).map(|line| filled(request, line)));
    if request.has_flowtable() && broken != Some(Mutation::NoFlowAdd) {
        let chosen = case.offloaded.as_deref().filter(|_| broken != Some(Mutation::NoAdmission));
        let offloaded = chosen.unwrap_or("meta l4proto { tcp, udp }");
        // A rule of its own: an inadmissible packet ends the rule, and what follows must still run for it.
        if !offloaded.is_empty() {
            rules.push(format!("{} flow add @{FLOWTABLE}", filled(request, offloaded)));
        }
    }
    rules.extend(case.after.iter().filter(kept).map(|line| filled(request, line)));
    rules.push("ct state established,related accept".to_owned());
    rules.push(format!("iifname \"{}\" ct state new accept", request.lan));
    rules
}

fn with_port(address: IpAddr, port: &str) -> String {
    match address {
        IpAddr::V4(address) => format!("{address}:{port}"),
        IpAddr::V6(address) => format!("[{address}]:{port}"),
    }
}

fn source_nat(request: &RulesetRequest<'_>) -> Option<Vec<String>> {
    let family = request.station.family;
    let wrong = request.broken() == Some(Mutation::WrongNat);
    let last_port = u32::from(FIRST_PORT) + PORTS - 1;
    let snat = |address: IpAddr| {
        let to = with_port(address, &format!("{FIRST_PORT}-{last_port}"));
        let rule = |protocol: &str| format!("oifname \"{}\" meta l4proto {protocol} snat to {to}", request.wan);
        vec![rule("tcp"), rule("udp")]
    };
    match request.station.translation {
        Translation::None | Translation::Dnat => None,
        Translation::Snat | Translation::Masquerade if wrong => Some(snat(snat_address(family, true))),
        Translation::Snat => Some(snat(snat_address(family, false))),
        Translation::Masquerade => Some(vec![format!("oifname \"{}\" masquerade", request.wan)]),
        Translation::Hairpin => Some(vec![format!("oifname \"{}\" ct status dnat masquerade", request.lan)]),
    }
}

fn destination_nat(request: &RulesetRequest<'_>) -> Option<Vec<String>> {
    let translation = request.station.translation;
    if !matches!(translation, Translation::Dnat | Translation::Hairpin) {
        return None;
    }
    let family = request.station.family;
    // A wrong translation leads to the next port.
    let port = SERVER_PORT + u16::from(request.broken() == Some(Mutation::WrongNat));
    let to = with_port(real_address(family, translation), &port.to_string());
    let rule = |protocol: &str| {
        format!(
            "iifname \"{}\" {} daddr {} {protocol} dport {VIRTUAL_PORT} dnat to {to}",
            request.lan,
            keyword(family),
            virtual_address(family)
        )
    };
    Some(vec![rule("tcp"), rule("udp")])
}
