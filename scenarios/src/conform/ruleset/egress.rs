//! Chains that spoil what leaves a port. The egress hook is in kernels from 5.16 on (net/netfilter/Kconfig,
//! NETFILTER_EGRESS); what hardware forwards never gets to it.

use super::{Family, Mutation, RulesetRequest, TABLE};

/// The table of a mutant.
pub(super) fn render(request: &RulesetRequest<'_>, mutation: Mutation) -> String {
    let (port, rules) = match mutation {
        Mutation::EgressNoIcmp => (request.lan_port, of_icmp(request.station.family)),
        _ => (request.wan, rules(request, mutation)),
    };
    let rules: String = rules.iter().map(|rule| format!("\t\t{rule}\n")).collect();
    format!(
        "\ntable netdev {TABLE} {{\n\tchain egress {{\n\t\ttype filter hook egress device \"{port}\" priority 0; \
         policy accept;\n{rules}\t}}\n}}\n"
    )
}

fn of_icmp(family: Family) -> Vec<String> {
    match family {
        Family::Ipv4 => vec!["ip protocol icmp drop".to_owned()],
        // Neighbour discovery goes on.
        Family::Ipv6 => vec!["ip6 nexthdr icmpv6 icmpv6 type < 128 drop".to_owned()],
    }
}

fn rules(request: &RulesetRequest<'_>, mutation: Mutation) -> Vec<String> {
    let ipv4 = request.station.family == Family::Ipv4;
    let ip = super::keyword(request.station.family);
    let both = |statement: &str| ["tcp", "udp"].map(|l4| format!("meta l4proto {l4} {statement}")).to_vec();
    match mutation {
        Mutation::EgressTtl => both(if ipv4 { "ip ttl set 62" } else { "ip6 hoplimit set 62" }),
        Mutation::EgressDscp => both(&format!("{ip} dscp set cs1")),
        Mutation::EgressEcn => both(&format!("{ip} ecn set not-ect")),
        Mutation::EgressDrop => vec!["meta l4proto { tcp, udp } numgen inc mod 5 0 drop".to_owned()],
        Mutation::EgressDuplicate => {
            vec![format!("meta l4proto {{ tcp, udp }} numgen inc mod 5 0 dup to \"{}\"", request.wan)]
        }
        Mutation::EgressPort => ["tcp", "udp"].map(|l4| format!("{l4} dport 20000 {l4} dport set 20001")).to_vec(),
        _ => Vec::new(),
    }
}
