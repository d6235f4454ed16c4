//! The rules of each policy, chain by chain.

use super::{DOWNSTREAM_COUNTER, FLOWTABLE, Request, UPSTREAM_COUNTER};
use crate::control::Control;
use crate::datapath::Datapath;
use crate::dnat;
use crate::family::{Families, Family};
use crate::policy::Policy;
use crate::topology::Topology;
use crate::traffic::Direction;

/// One base chain with its rules, a line each.
pub(super) struct Chain {
    pub(super) name: &'static str,
    pub(super) hook: &'static str,
    pub(super) policy: &'static str,
    pub(super) rules: Vec<String>,
}

/// The base chains of a policy.
pub(super) fn chains(request: &Request<'_>) -> Vec<Chain> {
    let mut chains = vec![forward(request)];
    if request.policy == Policy::Masquerade {
        chains.push(Chain {
            name: "postrouting",
            hook: "type nat hook postrouting priority srcnat",
            policy: "accept",
            rules: vec![format!("oifname \"{}\" masquerade", request.wan)],
        });
    }
    if request.policy == Policy::Dnat {
        let map = |ip: &str, from: &dyn std::fmt::Display, to: &dyn std::fmt::Display, bits: u32| {
            format!("iifname \"{}\" dnat {ip} prefix to {ip} daddr map {{ {from}/{bits} : {to}/{bits} }}", request.lan)
        };
        let rule = |family: &Family| match family {
            Family::Ipv4 => map("ip", &dnat::VIRTUAL_IPV4, &dnat::REAL_IPV4, dnat::PREFIX_LEN_IPV4),
            Family::Ipv6 => map("ip6", &dnat::VIRTUAL_IPV6, &dnat::REAL_IPV6, dnat::PREFIX_LEN_IPV6),
        };
        chains.push(Chain {
            name: "prerouting",
            hook: "type nat hook prerouting priority dstnat",
            policy: "accept",
            rules: request.families.each().iter().map(rule).collect(),
        });
    }
    chains
}

/// A match that no packet of ours has, and that nft evaluates without a call where it can: protocol 253 is for experiments
/// (RFC 3692).
fn matches_nothing(families: Families) -> &'static str {
    match families {
        Families::Ipv4 => "ip protocol 253",
        Families::Ipv6 => "ip6 nexthdr 253",
        Families::Both => "meta l4proto 253",
    }
}

/// Without testers nothing comes from the side that is not driven, and each rule would show in the cost: one counter takes
/// the place of two, and the other stands where no measured packet comes. The counters of the driven and the idle side.
fn single_counter(request: &Request<'_>) -> Option<(&'static str, &'static str)> {
    match (request.topology, request.direction) {
        (Topology::Bare, Direction::Upstream) => Some((UPSTREAM_COUNTER, DOWNSTREAM_COUNTER)),
        (Topology::Bare, Direction::Downstream) => Some((DOWNSTREAM_COUNTER, UPSTREAM_COUNTER)),
        _ => None,
    }
}

/// The verdict that the counter's rule gives by itself, where no rule after it has to.
fn accepted(request: &Request<'_>) -> &'static str {
    if request.datapath == Datapath::Nft { " accept" } else { "" }
}

fn forward(request: &Request<'_>) -> Chain {
    // They are looked at by every packet of the classic path and change nothing.
    let mut rules: Vec<String> =
        (0..request.extra_rules).map(|_| format!("{} counter", matches_nothing(request.families))).collect();
    let single = single_counter(request);
    match single {
        Some((driven, _)) => rules.push(format!("counter{} comment \"{driven}\"", accepted(request))),
        None => rules.extend([
            format!("iifname \"{}\" counter comment \"{UPSTREAM_COUNTER}\"", request.lan),
            format!("iifname \"{}\" counter comment \"{DOWNSTREAM_COUNTER}\"", request.wan),
        ]),
    }
    if request.datapath.has_flowtable() && request.control != Control::NoFlowAdd {
        // A rule of its own: an inadmissible packet ends the rule, and what follows must still run for it.
        rules.push(format!("meta l4proto {{ tcp, udp }} flow add @{FLOWTABLE}"));
    }
    // The ct match is also what makes the kernel track connections in this namespace.
    if request.datapath.tracks() {
        rules.push("ct state established,related accept".to_owned());
    }
    if request.policy == Policy::Stateful {
        rules.push(format!("iifname \"{}\" ct state new accept", request.lan));
    }
    if let Some((_, idle)) = single {
        rules.push(format!("counter comment \"{idle}\""));
    }
    Chain {
        name: super::FORWARD_CHAIN,
        hook: "type filter hook forward priority filter",
        policy: if request.policy == Policy::Stateful { "drop" } else { "accept" },
        rules,
    }
}
